"""Bit depth reduction."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class BitDepth(Transform):
    r"""Leave few grey levels of each pixel, so that a small change is rounded away.

    $$\tilde x = \frac{\mathrm{round}\big((2^b - 1)\, x\big)}{2^b - 1}$$

    The adaptive attacker takes the rounding for the identity.

    Xu, Evans and Qi, "Feature squeezing: detecting adversarial examples in deep neural networks", NDSS 2018,
    https://arxiv.org/abs/1704.01155
    """

    title = "Bit depth"
    gradient = "straight-through"

    bits: int = knob(1, "Bits", 1, 8, help="Bits that are left of each pixel: 1 leaves black and white, 8 everything")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        levels = 2.0**self.bits - 1.0
        return _ops.straight_through(lambda x: tf.clip_by_value(tf.round(x * levels) / levels, 0.0, 1.0), x)
