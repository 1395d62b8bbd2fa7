"""Random noise."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.classifier import IMAGE
from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class RandomNoise(Transform):
    r"""Add Gaussian noise, anew each time the picture is read, so that a change made to measure misses.

    $$\tilde x = \Pi_{[0, 1]}(x + \sigma n), \qquad n \sim \mathcal N(0, I)$$

    The adaptive attacker follows the gradient's mean over many draws (EoT), and passes the clipping.

    Liu et al., "Towards robust neural networks via random self-ensemble", ECCV 2018, https://arxiv.org/abs/1712.00673
    """

    title = "Random noise"
    gradient = "averaged"
    draws = 16

    sigma: float = knob(0.2, "σ", 0.0, 1.0, step=0.05, help="Standard deviation of the noise; 0 changes nothing")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        return _ops.boxed(x + tf.constant(self.sigma * draw.standard_normal(IMAGE), tf.float32))
