"""Label smoothing."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, cross_entropy


@dataclass(frozen=True, kw_only=True)
class LabelSmoothing(Training):
    r"""Ask for 91 % instead of 100 %: a share of the right answer's probability is spread over all ten classes.

    $$q_k = (1 - s)\,[k = y] + s / 10$$

    The logits stay small and so does their gradient: weak attacks stop early, strong ones do not.

    Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR 2016,
    https://arxiv.org/abs/1512.00567; as a defense: Warde-Farley and Goodfellow 2016
    """

    title = "Label smoothing"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    share: float = knob(0.1, "Spread", 0.0, 0.9, step=0.05, help="Share of the probability that is spread out")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x, training=True)
        return cross_entropy(logits, y, self.share), logits
