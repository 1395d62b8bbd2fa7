"""Feature collision: poison frogs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import features
from core.classifier import IMAGES, Classifier
from core.digits import Digits
from core.knobs import knob
from core.poisoning._aimed import Aimed
from core.poisoning.base import Set

_TOLD = 20  # times, at most, that whoever watches is told


@dataclass(frozen=True, kw_only=True)
class FeatureCollision(Aimed):
    r"""Move digits of one class until a network sees in them what it sees in one test digit v; their labels stay true.

    $$x' = \arg\min_{\lVert z - x \rVert_\infty \le \varepsilon} \lVert f(z) - f(v) \rVert_2^2, \qquad y' = y = t$$

    f is the last hidden layer of the attacker's network. A victim who goes on training that very network must read
    those features as t, and with them v; one who starts from scratch learns other features, and reads v right. The
    digits that lie nearest to v are moved; those that differ from it most would not get there.

    Shafahi et al., "Poison frogs!", NeurIPS 2018, https://arxiv.org/abs/1804.00792. They hold the pixels near by a
    penalty; here a ball does.
    """

    title = "Feature collision"

    steps: int = knob(100, "Steps", 1, 1000, help="Projected gradient steps towards the victim's features")
    step_size: float = knob(0.1, "Step size", 0.01, 1.0, step=0.01, help="Of the first step, relative to ε")

    def moved(self, given: Set, model: Classifier, victim: Digits, rows: np.ndarray) -> np.ndarray:
        x = given.images[rows]
        uphill = _uphill(model, victim.images)
        # A start of their own keeps digits that lie close together apart, and makes the seed count.
        z = self.within(x, x + self.eps * given.draw.uniform(-1.0, 1.0, x.shape))
        for step in range(self.steps):
            length = self.step_size * self.eps * (1.0 - step / self.steps)
            z = self.within(x, z - length * np.sign(uphill(tf.constant(z)).numpy()))
            if (step + 1) % max(1, self.steps // _TOLD) == 0 and not given.report(step + 1, self.steps):
                break
        return z


def _uphill(model: Classifier, victim: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """Digits (k, 28, 28, 1) -> the gradient of each one's squared distance to the victim in hidden features."""
    see, _ = features.halves(model)
    goal = see(tf.constant(victim))

    def uphill(z: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(z)
            distance = tf.reduce_sum(tf.square(see(z) - goal))
        return tape.gradient(distance, z)  # pyright: ignore

    return tf.function(uphill, input_signature=[IMAGES], autograph=False)
