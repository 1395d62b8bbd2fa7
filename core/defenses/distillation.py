"""Defensive distillation."""

from dataclasses import dataclass, field

import keras
import tensorflow as tf

from core import copies, fit
from core.defenses._harden import Training
from core.digits import Digits
from core.knobs import knob
from core.objectives import Moment, Objective, cross_entropy
from core.stages import Stages


@dataclass(frozen=True, kw_only=True)
class Distillation(Training):
    r"""Train a teacher with a softmax at temperature T, then a pupil on the teacher's soft answers; read it at T = 1.

    $$p_k = \frac{e^{z_k / T}}{\sum_j e^{z_j / T}}$$

    The pupil's logits become T times as large, its softmax saturates, and the gradient that weak attacks climb rounds
    to zero. Nothing else has changed: an attack on the logits, such as C&W, fools it as easily as before.

    Papernot et al., "Distillation as a defense to adversarial perturbations against deep neural networks", S&P 2016,
    https://arxiv.org/abs/1511.04508; broken by Carlini and Wagner, S&P 2017, https://arxiv.org/abs/1608.04644
    """

    title = "Defensive distillation"
    fresh = True

    temperature: float = knob(20.0, "Temperature", 1.0, 100.0, step=1.0, help="T of both trainings")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        """The teacher's training."""
        logits = model(x, training=True)
        return cross_entropy(logits / self.temperature, y), logits

    def prepared(
        self, network: keras.Model, digits: Digits, plan: fit.Plan, watch: fit.Watch | None
    ) -> tuple[Objective, fit.Watch | None]:
        teacher, stages = copies.of(network), Stages(watch, 2)
        fit.fit(teacher, digits, plan, objective=self, watch=stages.next())
        return _Pupil(temperature=self.temperature, teacher=teacher), stages.next()


@dataclass(frozen=True, kw_only=True)
class _Pupil:
    """Learning the teacher's answers at the temperature."""

    temperature: float
    teacher: keras.Model = field(repr=False)

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        wanted = tf.stop_gradient(tf.nn.softmax(self.teacher(x, training=False) / self.temperature))
        logits = model(x, training=True)
        return tf.nn.softmax_cross_entropy_with_logits(wanted, logits / self.temperature), logits
