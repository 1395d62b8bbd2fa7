"""Input-gradient regularisation."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, cross_entropy


@dataclass(frozen=True, kw_only=True)
class InputGradient(Training):
    r"""Learn the digits, and to have a small gradient by the image, the one that attackers climb.

    $$\min_\theta\ \mathbb{E}\Big[L\big(f_\theta(x), y\big)
    + \lambda \big\lVert \nabla_x L(f_\theta(x), y) \big\rVert_2^2\Big]$$

    To first order, that is how much the loss can grow next to x. It has nothing to do with gradient clipping, which
    cuts the gradient by the weights.

    Ross and Doshi-Velez, "Improving the adversarial robustness and interpretability of deep neural networks by
    regularizing their input gradients", AAAI 2018, https://arxiv.org/abs/1711.09404
    """

    title = "Input-gradient regularisation"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    weight: float = knob(10.0, "λ", 0.0, 1000.0, step=1.0, help="How much the gradient's length counts")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            logits = model(x, training=True)
            losses = cross_entropy(logits, y)
        # Rows are independent: the sum's gradient holds each digit's own. Its gradient by the weights is taken again.
        slope = tape.gradient(losses, x)
        return losses + self.weight * tf.reduce_sum(tf.square(slope), axis=(1, 2, 3)), logits  # pyright: ignore
