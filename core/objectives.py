"""What a training minimises: functions of a batch that are compiled into the training step.

`CrossEntropy` is the plain one; `Shifted` moves the batch's digits first, and `Adversarial` attacks them, inside that
same step. A defense that trains can bring its own: any callable with the signature of `Objective`, and a frozen
dataclass, so that checkpoints and cards can name its settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import keras
import tensorflow as tf

from core import lowering
from core.lowering import Forward


class Moment(NamedTuple):
    """Where in the training a step stands, in tensors: `share` float32 in [0, 1) is done; `seed` int32 (2,) is new."""

    share: tf.Tensor
    seed: tf.Tensor


class Objective(Protocol):
    """What a training minimises."""

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        """Batch (n, 28, 28, 1), classes int (n,) -> each digit's loss (n,) and the logits (n, 10) it was scored by."""
        ...


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Plain training: cross-entropy, with `smoothing` of the right answer's probability spread over all ten classes."""

    smoothing: float = 0.0

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x, training=True)
        return cross_entropy(logits, y, self.smoothing), logits


@dataclass(frozen=True, kw_only=True)
class Shifted(CrossEntropy):
    """Plain training on digits that every step moves anew, each by up to `pixels` across and down.

    Ink that leaves the picture is lost: at one pixel, 1.4 % of MNIST's digits have any there to lose.
    """

    pixels: int = 1

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        return super().__call__(model, shifted(x, self.pixels, moment.seed), y, moment)


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """Adversarial training: PGD attacks each batch in the L-infinity ball, and the model learns the attacked digits.

    Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks", arXiv:1706.06083.

    `eps` grows linearly from 0 over the share `ramp` of the training, because a fresh network that meets the full
    budget at once learns nothing; `step_size` is relative to the present eps. With few and large steps this training
    can collapse ("catastrophic overfitting", Wong et al. 2020, arXiv:2001.03994): the model then withstands this
    attack alone.
    """

    eps: float = 0.3
    steps: int = 10
    step_size: float = 0.25
    ramp: float = 0.2
    smoothing: float = 0.0

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        eps = self.eps * tf.minimum(moment.share / max(self.ramp, 1e-9), 1.0)
        attacked = self.attack(lowering.forward(model), x, y, eps, moment.seed)
        logits = model(attacked, training=True)
        return cross_entropy(logits, y, self.smoothing), logits

    def attack(self, forward: Forward, x: tf.Tensor, y: tf.Tensor, eps: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """PGD from a random start on the cross-entropy: (n, 28, 28, 1) in the ball around x and in [0, 1]."""
        low, high = tf.maximum(x - eps, 0.0), tf.minimum(x + eps, 1.0)
        step = self.step_size * eps
        truth = tf.one_hot(y, 10)

        def climb(i: tf.Tensor, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(z)
                logits = forward(z)
            # The gradient of each digit's own cross-entropy by its logits, written out: no batch mate enters it.
            uphill = tape.gradient(logits, z, output_gradients=tf.nn.softmax(logits) - truth)
            return i + 1, tf.clip_by_value(z + step * tf.sign(uphill), low, high)  # pyright: ignore

        start = tf.clip_by_value(x + eps * tf.random.stateless_uniform(tf.shape(x), seed, -1.0, 1.0), low, high)
        loop = tf.while_loop(lambda i, _: i < self.steps, climb, (tf.constant(0), start), parallel_iterations=1)
        return tf.stop_gradient(loop[1])


def cross_entropy(logits: tf.Tensor, y: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """Logits (n, 10), classes int (n,) -> each digit's cross-entropy (n,)."""
    truth = tf.one_hot(y, 10) * (1.0 - smoothing) + smoothing / 10.0
    return tf.nn.softmax_cross_entropy_with_logits(truth, logits)


def shifted(x: tf.Tensor, pixels: int, seed: tf.Tensor) -> tf.Tensor:
    """Each image of x (n, height, width, 1), moved by a whole number of -pixels..pixels across and another down.

    Zeros come in at the rim. The moves are drawn by `seed`, int32 (2,): equal seeds, equal moves.
    """
    count, height, width = tf.unstack(tf.shape(x)[:3])
    first = tf.random.stateless_uniform((2, count, 1), seed, 0, 2 * pixels + 1, tf.int32)
    framed = tf.pad(x, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]])
    rows = tf.gather(framed, first[0] + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(rows, first[1] + tf.range(width), axis=2, batch_dims=1)
