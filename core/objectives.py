"""What a training minimises: functions of a batch that are compiled into the training step.

`CrossEntropy` is the plain one, and `Shifted` moves the batch's digits first. The trainings among the defenses bring
their own: any callable with the signature of `Objective`, and a frozen dataclass, so that checkpoints and cards can
name its settings. What several of them do to a batch stands below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import keras
import tensorflow as tf

from core import norms
from core.lowering import Forward


class Moment(NamedTuple):
    """Where in the training a step stands, in tensors: `share` float32 in [0, 1) is done; `seed` int32 (2,) is new."""

    share: tf.Tensor
    seed: tf.Tensor


class Objective(Protocol):
    """What a training minimises."""

    def __call__(
        self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Batch (n, 28, 28, 1), classes int (n,) -> each digit's loss (n,) and the logits (n, 10) it was scored by.

        No logits, but None, where the network reads no classes: the training then tells no accuracy.
        """
        ...


@runtime_checkable
class Shaping(Protocol):
    """What an objective has beside that when the training is to step along other gradients than the mean loss's."""

    def gradients(
        self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment
    ) -> tuple[tf.Tensor, tf.Tensor | None, list[tf.Tensor]]:
        """Of the same batch: the losses, the logits, and a gradient by each of the model's trainable variables."""
        ...


@dataclass(frozen=True, kw_only=True)
class Denoising:
    """An autoencoder's training: digits are to be rebuilt from noisy copies; the loss is each one's mean squared error.

    Every digit of every step gets Gaussian noise of a strength drawn anew, from none to the standard deviation `noise`.
    """

    noise: float = 0.5

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, None]:
        first, second = tf.unstack(tf.random.split(moment.seed))
        sigma = tf.random.stateless_uniform(tf.shape(x[:, :1, :1]), first, 0.0, self.noise)
        noisy = tf.clip_by_value(x + sigma * tf.random.stateless_normal(tf.shape(x), second), 0.0, 1.0)
        return tf.reduce_mean(tf.square(model(noisy, training=True) - x), axis=(1, 2, 3)), None


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


def attacked(
    forward: Forward,
    x: tf.Tensor,
    slope: Callable[[tf.Tensor], tf.Tensor],
    *,
    eps: tf.Tensor,
    steps: int,
    step_size: float,
    seed: tf.Tensor,
    norm: str = "linf",
    spread: float = 1.0,
) -> tf.Tensor:
    """PGD inside a training step: (n, 28, 28, 1) within eps of x in that norm and in [0, 1].

    slope: logits (n, 10) -> the gradient by them of the loss to climb, each row its own digit's; step_size is relative
    to eps; spread: how far from x it starts, as a share of eps: uniform in Linf, in a random direction in the others.
    """
    measure, count = norms.get(norm), tf.shape(x)[0]
    radius = tf.fill([count], tf.cast(eps, tf.float32))
    confine = measure.confiner(x, radius)
    if norm == "linf":
        ahead = tf.random.stateless_uniform(tf.shape(x), seed, -1.0, 1.0)
    else:
        ahead = measure.steepest(tf.random.stateless_normal(tf.shape(x), seed))
    start = confine(x + spread * eps * ahead)

    def climb(i: tf.Tensor, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(z)
            logits = forward(z)
        # The loss's gradient by the logits is written out: no batch mate enters it.
        uphill = tape.gradient(logits, z, output_gradients=slope(logits))  # pyright: ignore
        return i + 1, confine(measure.step(z, uphill, step_size * radius))

    loop = tf.while_loop(lambda i, _: i < steps, climb, (tf.constant(0), start), parallel_iterations=1)
    return tf.stop_gradient(loop[1])


def away_from(y: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """The slope of the cross-entropy of classes y (n,), for `attacked`."""
    truth = tf.one_hot(y, 10)
    return lambda logits: tf.nn.softmax(logits) - truth


def grown(full: float, ramp: float, moment: Moment) -> tf.Tensor:
    """What has grown linearly from 0 to `full` by the share `ramp` of the training."""
    return full * tf.minimum(moment.share / max(ramp, 1e-9), 1.0)
