"""Gradient matching: Witches' Brew."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from core import copies
from core.classifier import IMAGES, Classifier
from core.digits import Digits
from core.knobs import knob
from core.objectives import cross_entropy
from core.poisoning._aimed import Aimed
from core.poisoning._learning import learn
from core.poisoning.base import Set
from core.stages import Stages

_TOLD = 20  # times, at most, that whoever watches is told of the steps
_EARLY = 0.3  # of a training, the share in which its gradients are matched: later on they are small and its own
_AT_ONCE = 3  # gradients of so many moments make one step
_FIRST, _SECOND = 0.9, 0.99  # how slowly Adam forgets the slopes, and their squares
_TINY = 1e-12

Weights = list[np.ndarray]
Matching = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@dataclass(frozen=True, kw_only=True)
class GradientMatching(Aimed):
    r"""Move digits of one class t until training on them moves the weights as training on "v is a t" would.

    $$\min_{x'} \; 1 - \cos\Big(\nabla_\theta \ell(v, t),\; \tfrac{1}{k} \sum_i \nabla_\theta \ell(x'_i, t)\Big),
    \qquad \lVert x'_i - x_i \rVert_\infty \le \varepsilon, \qquad y'_i = y_i = t$$

    v is the test digit. No training digit shows it, and none bears a false label; still, whoever trains on the k
    poisons descends towards reading v as t, from whatever weights he starts. As the attacker does not know these, the
    gradients are matched on many networks, at moments early in a training of each: there they are large, and alike
    from one network to the next.

    A pixel moves towards that of v or not at all. In the paper it moves freely, and that fits the known networks
    better and fools the victim's less: he learns every mark that the poison bears and v does not, and tells them apart.

    Geiping et al., "Witches' Brew", ICLR 2021, https://arxiv.org/abs/2009.02276
    """

    title = "Gradient matching"

    eps: float = knob(0.4, "ε", 0.0, 1.0, step=0.01, help="How much each pixel may change, in L∞")
    steps: int = knob(40, "Steps", 1, 1000, help="Steps of Adam, each along the gradients of three moments")
    step_size: float = knob(0.1, "Step size", 0.01, 1.0, step=0.01, help="Of the first step, relative to ε")
    networks: int = knob(4, "Networks", 1, 50, help="How many begin to train, to stand in for the victim's")

    def moved(self, given: Set, model: Classifier, victim: Digits, rows: np.ndarray) -> np.ndarray:
        stages = Stages(given.watch, self.networks + 1)
        moments = self._moments(given, model, stages)
        network = copies.of(model.keras)
        slope, aims = matching(network), (tf.constant(victim.images), tf.constant([self.target], tf.int64))
        told, x = stages.next(), given.images[rows]
        z = far = self.within(x, np.broadcast_to(victim.images, x.shape))
        low, high = np.minimum(x, far), np.maximum(x, far)
        first, second = np.zeros_like(x), np.zeros_like(x)
        for step in range(0 if stages.stopped else self.steps):
            uphill, losses = np.zeros_like(x), []
            for at in given.draw.choice(len(moments), min(_AT_ONCE, len(moments)), replace=False):
                network.set_weights(moments[at])
                loss, by_pixel = (each.numpy() for each in slope(tf.constant(z), *aims))
                uphill += by_pixel / (np.abs(by_pixel).mean() + _TINY)
                losses.append(loss)
            first = _FIRST * first + (1 - _FIRST) * uphill
            second = _SECOND * second + (1 - _SECOND) * uphill**2
            mean, square = first / (1 - _FIRST ** (step + 1)), second / (1 - _SECOND ** (step + 1))
            length = self.step_size * self.eps * (0.5 + 0.5 * math.cos(math.pi * step / self.steps))
            z = np.clip(z - length * mean / (np.sqrt(square) + _TINY), low, high)
            so_far = {"loss": float(np.mean(losses))}
            if (step + 1) % max(1, self.steps // _TOLD) == 0 and not told(step + 1, self.steps, so_far):
                break
        return z

    def _moments(self, given: Set, model: Classifier, stages: Stages) -> list[Weights]:
        """The weights of the attacker's network, and those of others early in a training on the untouched set."""
        moments = [model.keras.get_weights()]
        for _ in range(self.networks):
            if not stages.stopped:
                self._begin(given, model, stages, moments)
        return moments

    def _begin(self, given: Set, model: Classifier, stages: Stages, moments: list[Weights]) -> None:
        """Begin one training, and add what its weights are at moments on the way."""
        told = stages.next()

        def keep(growing: Classifier) -> dict[str, float]:
            moments.append(growing.keras.get_weights())
            return {}

        def watch(done: int, total: int, metrics: dict[str, float]) -> bool:
            last = max(1, int(_EARLY * total))
            return told(min(done, last), last, metrics) is not False and done < last

        learn(model, given.clean, seed=int(given.draw.integers(2**31)), watch=watch, judge=keep)


def matching(network: keras.Model) -> Matching:
    """Digits (k, 28, 28, 1), the victim (1, 28, 28, 1) and the class (1,) that all are to be read as -> how far apart
    the directions are in which they and it move the network's weights, in [0, 2], and its gradient by the digits."""

    def direction(x: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(cross_entropy(network(x, training=False), tf.repeat(target, tf.shape(x)[0])))
        slopes = tape.gradient(loss, network.trainable_variables)
        flat = [tf.reshape(slope, (-1,)) for slope in slopes]  # pyright: ignore
        return tf.math.l2_normalize(tf.concat(flat, 0), epsilon=_TINY**2)

    def apart(z: tf.Tensor, victim: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        goal = tf.stop_gradient(direction(victim, target))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(z)
            loss = 1.0 - tf.reduce_sum(direction(z, target) * goal)
        return loss, tape.gradient(loss, z)  # pyright: ignore

    signature = [IMAGES, IMAGES, tf.TensorSpec((None,), tf.int64)]
    return tf.function(apart, input_signature=signature, autograph=False)
