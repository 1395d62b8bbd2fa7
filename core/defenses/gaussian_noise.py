"""Training on noise."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, cross_entropy


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Training):
    r"""Learn digits under fresh Gaussian noise, clipped into the grey scale, beside the clean ones.

    $$x' = \mathrm{clip}_{[0,1]}(x + \delta), \qquad \delta \sim N(0, \sigma^2 I)$$

    The network becomes smoother around the digits, and small attacks need to go farther. Noise is the weakest of all
    attackers, though: what withstands it need not withstand a gradient.

    Zantedeschi, Nicolae and Rawat, "Efficient defenses against adversarial attacks", AISec 2017,
    https://arxiv.org/abs/1707.06728
    """

    title = "Gaussian noise"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    sigma: float = knob(0.3, "σ", 0.0, 1.0, step=0.05, help="Standard deviation of the noise on each pixel")
    share: float = knob(0.5, "Share", 0.0, 1.0, step=0.05, help="How much of each batch is noisy")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        noise = self.sigma * tf.random.stateless_normal(tf.shape(x), moment.seed)
        another = moment.seed + tf.constant([1, 0])
        drawn = tf.random.stateless_uniform((tf.shape(x)[0], 1, 1, 1), another) < self.share  # pyright: ignore
        logits = model(tf.where(drawn, tf.clip_by_value(x + noise, 0.0, 1.0), x), training=True)
        return cross_entropy(logits, y), logits
