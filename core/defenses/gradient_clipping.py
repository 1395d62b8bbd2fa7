"""Gradient clipping."""

from dataclasses import dataclass, replace

import keras
import tensorflow as tf

from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, cross_entropy


@dataclass(frozen=True, kw_only=True)
class GradientClipping(Training):
    r"""Shorten every step of the training: the gradient by the weights is cut to a fixed length.

    $$g \leftarrow g \cdot \min\big(1,\ c\, /\, \lVert g \rVert_2\big), \qquad g = \nabla_\theta L$$

    It keeps a training calm, and limits what one poisoned digit can do to it. It does nothing to the gradient by the
    image, the one that an attacker climbs; that is input-gradient regularisation, with which it is often mixed up.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    https://arxiv.org/abs/1211.5063
    """

    title = "Gradient clipping"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    length: float = knob(0.1, "Clip at", 0.001, 10.0, step=0.01, help="L2 norm that a step's gradient is cut to")

    def plan(self, epochs: int | None = None, seed: int = 0) -> Plan:
        return replace(super().plan(epochs, seed), clip=self.length)

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x, training=True)
        return cross_entropy(logits, y), logits
