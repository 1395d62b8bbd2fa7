"""Gradient shaping: differentially private descent."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from core.classifier import Classifier
from core.knobs import knob
from core.objectives import CrossEntropy, Moment
from core.poisoning import _each
from core.poisoning._cleaner import Cleaner, Task


@dataclass(frozen=True, kw_only=True)
class GradientShaping(Cleaner):
    r"""Train anew, where no digit may pull harder than any other and noise hides whose pull it was.

    $$g = \frac{1}{n} \Big( \sum_i g_i \cdot \min\big(1,\ c\, /\, \lVert g_i \rVert_2\big) + \sigma c\, z \Big),
    \qquad g_i = \nabla_\theta L(x_i, y_i), \quad z \sim N(0, I)$$

    DP-SGD's steps: each digit's own gradient is cut to the length c, and their sum gets noise. Few poisoned digits
    must pull hard to be obeyed; many need not. No privacy is promised: the steps are counted by nobody.

    Hong, Chandrasekaran, Kaya, Dumitraş and Papernot 2020, https://arxiv.org/abs/2002.11497; the steps are those of
    Abadi et al. 2016, https://arxiv.org/abs/1607.00133
    """

    title = "Gradient shaping"

    clip: float = knob(
        1.0, "Clip at", 0.001, 10.0, step=0.1, help="c: the L2 norm that each digit's gradient is cut to"
    )
    noise: float = knob(0.1, "Noise", 0.0, 5.0, step=0.05, help="σ: its standard deviation, relative to that length")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        return CrossEntropy()(model, x, y, moment)

    def gradients(
        self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        losses, logits, gradients = _each.clipped(model, x, y, self.clip)
        spread = self.noise * self.clip / tf.cast(tf.size(losses), tf.float32)
        seeds = tf.unstack(tf.random.split(moment.seed, len(gradients)))
        noise = [tf.random.stateless_normal(tf.shape(each), seed) for each, seed in zip(gradients, seeds, strict=True)]
        return losses, logits, [each + spread * more for each, more in zip(gradients, noise, strict=True)]

    def run(self, task: Task) -> Classifier:
        return task.learn(task.digits, objective=self)
