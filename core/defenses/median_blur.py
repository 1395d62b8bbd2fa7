"""Median blur."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class MedianBlur(Transform):
    r"""Give each pixel the median of its neighbourhood: lone specks go, edges stay.

    $$\tilde x_{ij} = \mathrm{median}\,\{x_{kl} : (k, l) \text{ in the window about } (i, j)\}$$

    The gradient is exact: it goes to the pixels that are the median.

    Xu, Evans and Qi, "Feature squeezing: detecting adversarial examples in deep neural networks", NDSS 2018,
    https://arxiv.org/abs/1704.01155
    """

    title = "Median blur"
    gradient = "exact"

    window: int = knob(3, "Window", 1, 7, help="Side of the neighbourhood in pixels; 1 changes nothing")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        return _ops.boxed(_ops.median(x, self.window))
