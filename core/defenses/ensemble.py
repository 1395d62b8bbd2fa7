"""Ensemble adversarial training."""

from dataclasses import dataclass, field

import keras
import tensorflow as tf

from core import copies, fit, lowering
from core.defenses._harden import Training
from core.digits import Digits
from core.knobs import knob
from core.objectives import CrossEntropy, Moment, Objective, attacked, away_from, cross_entropy
from core.stages import Stages


@dataclass(frozen=True, kw_only=True)
class Ensemble(Training):
    r"""Learn from digits that were made to fool other networks, which stay as they are.

    One half of each batch stays clean; the other is attacked in one signed step from a random start, each time against
    one of the others or against the network itself. What it learns holds against attacks that are carried over from
    other networks; an attacker with its own gradient is not who it has met.

    Tramèr et al., "Ensemble adversarial training: attacks and defenses", ICLR 2018, https://arxiv.org/abs/1705.07204
    """

    title = "Ensemble training"

    eps: float = knob(0.3, "Train at ε", 0.0, 1.0, step=0.01, help="How much each pixel may change, in L∞")
    others: int = knob(2, "Other networks", 1, 5, help="Trained first, on the same digits, each from other weights")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        """Without others: the network itself is the only one to be attacked."""
        return self.met(model, x, y, moment, ())

    def met(
        self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment, others: tuple[keras.Model, ...]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The losses where the digits may be attacked against any of the others."""

        def made_against(network: keras.Model) -> tf.Tensor:
            forward = lowering.forward(network)
            given = {"eps": tf.constant(self.eps), "steps": 1, "step_size": 1.0, "seed": moment.seed, "spread": 0.5}
            return attacked(forward, x, away_from(y), **given)

        networks = (model, *others)
        drawn = tf.random.stateless_uniform((), moment.seed + tf.constant([1, 0]), 0, len(networks), tf.int32)
        worse = tf.switch_case(drawn, [lambda net=each: made_against(net) for each in networks])
        half = tf.random.stateless_uniform((tf.shape(x)[0], 1, 1, 1), moment.seed + tf.constant([2, 0])) < 0.5  # pyright: ignore
        logits = model(tf.where(half, worse, x), training=True)
        return cross_entropy(logits, y), logits

    def prepared(
        self, network: keras.Model, digits: Digits, plan: fit.Plan, watch: fit.Watch | None
    ) -> tuple[Objective, fit.Watch | None]:
        stages, others = Stages(watch, self.others + 1), []
        for place in range(self.others):
            other = copies.of(network, self.first, plan.seed + 1 + place)
            fit.fit(other, digits, plan, objective=CrossEntropy(), watch=stages.next())
            others.append(other)
        return _Met(training=self, others=tuple(others)), stages.next()


@dataclass(frozen=True, kw_only=True)
class _Met:
    """The training, with the others at hand."""

    training: Ensemble
    others: tuple[keras.Model, ...] = field(repr=False)

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        return self.training.met(model, x, y, moment, self.others)
