"""Gaussian blur."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class GaussianBlur(Transform):
    r"""Average each pixel with its neighbours, so that fine patterns are washed out.

    $$\tilde x = x * G_\sigma, \qquad G_\sigma(u) \propto e^{-\lVert u \rVert^2 / 2\sigma^2}$$

    The gradient is exact. A blur is one more linear layer: an attacker who sees it loses little.

    Smoothing as a squeezer: Xu, Evans and Qi, "Feature squeezing: detecting adversarial examples in deep neural
    networks", NDSS 2018, https://arxiv.org/abs/1704.01155
    """

    title = "Gaussian blur"
    gradient = "exact"

    sigma: float = knob(1.0, "σ", 0.0, 4.0, step=0.1, help="Width of the blur in pixels; 0 changes nothing")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        if self.sigma == 0:
            return x
        matrix = _ops.blur(self.sigma)
        return _ops.boxed(_ops.by_matrices(matrix, matrix, x))
