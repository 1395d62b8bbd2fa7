"""A trained binary detector."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from core import attacks, fit, lowering
from core.classifier import Classifier
from core.defenses.base import Detector, Measure
from core.digits import Digits
from core.knobs import knob
from core.objectives import Moment

_LEAST = 0.3  # of ε: the smallest budget that a digit is attacked in, so that small changes are learnt as well


@dataclass(frozen=True, kw_only=True)
class TrainedDetector(Detector):
    r"""Train a second, small network to tell clean digits from those that were attacked on the first.

    $$s(x) = f_1(x) - f_0(x), \qquad \min_f\ \mathbb{E}\big[\mathrm{CE}(f(x), 0)\big]
    + \mathbb{E}\big[\mathrm{CE}(f(x'), 1)\big]$$

    x' is what the attack makes of x on the network that is watched over, each digit with a budget of its own, from
    0.3 ε to ε. The score is the log of the odds for "attacked". What it was not shown it may not see: another attack, a
    smaller change, another network.

    Metzen, Genewein, Fischer and Bischoff, "On detecting adversarial perturbations", ICLR 2017,
    https://arxiv.org/abs/1702.04267; on pixels: Gong, Wang and Ku 2017, https://arxiv.org/abs/1704.04960
    """

    title = "Trained detector"

    attack: str = knob("pgd", "Attack", choices=("fgsm", "pgd"), help="What makes the attacked digits (in L∞)")
    eps: float = knob(0.3, "Attack at ε", 0.02, 0.5, step=0.02, help="The largest budget that digits are attacked in")
    epochs: int = knob(4, "Epochs", 1, 20, help="How often all digits are gone through, clean and attacked")

    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        eps = self.eps * np.random.default_rng([seed, 1]).uniform(_LEAST, 1.0, len(digits))
        attack = attacks.get(self.attack)(**({"steps": 10, "step_size": 0.25} if self.attack == "pgd" else {}))
        result = attack(model, digits.images, digits.labels, eps=eps, norm="linf", seed=seed)
        attacked = result.adversarial[~result.already_wrong]
        shown = Digits(
            np.concatenate([digits.images, attacked]),
            np.repeat(np.arange(2), [len(digits), len(attacked)]),
        )
        network = _network(seed)
        plan = fit.Plan(epochs=self.epochs, batch=64, rate=2e-3, decay="cosine", warmup=0.05, seed=seed)
        fit.fit(network, shown, plan, objective=_Telling(), watch=watch)
        forward = lowering.forward(network)

        def measure(x: tf.Tensor) -> tf.Tensor:
            clean, attacked = tf.unstack(forward(x), axis=1)
            return attacked - clean

        return measure


@dataclass(frozen=True)
class _Telling:
    """The cross-entropy of two classes, clean and attacked."""

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x, training=True)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits), logits


def _network(seed: int) -> keras.Model:
    """Two convolutions and two dense layers, their weights drawn by the seed."""
    draw: Any = iter(keras.initializers.GlorotUniform(seed=seed + place) for place in range(4))
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 4, 2, padding="same", activation="relu", kernel_initializer=next(draw)),
            layers.Conv2D(32, 4, 2, padding="same", activation="relu", kernel_initializer=next(draw)),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_initializer=next(draw)),
            layers.Dense(2, kernel_initializer=next(draw)),
        ]
    )
