"""Thermometer encoding."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Thermometer(Transform):
    r"""Write each pixel as a column of l bits that fills up with its brightness, and read the column back.

    $$\tau_k(x) = [\,x > k/l\,], \quad k = 0, \dots, l - 1, \qquad \tilde x = \frac{1}{l} \sum_k \tau_k(x)$$

    The adaptive attacker differentiates the smooth code $\min(\max(x - k/l, 0), 1)$ in its stead. In the paper a
    network learns to read the columns themselves; here they are read back for a network that reads pixels.

    Buckman et al., "Thermometer encoding: one hot way to resist adversarial examples", ICLR 2018,
    https://openreview.net/forum?id=S18Su--CW; the smooth code: Athalye, Carlini and Wagner 2018,
    https://arxiv.org/abs/1802.00420
    """

    title = "Thermometer encoding"
    gradient = "smooth"

    levels: int = knob(16, "Levels l", 1, 64, help="Bits of each pixel's column; fewer are coarser")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        return _ops.approximated(self._read_back, self._slope, x)

    def _read_back(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.cast(x > self._marks(), x.dtype), axis=-1, keepdims=True)

    def _slope(self, x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        # Every bit whose mark the pixel has reached rises with it; a black pixel has reached the lowest.
        return upstream * tf.reduce_mean(tf.cast(x >= self._marks(), x.dtype), axis=-1, keepdims=True)

    def _marks(self) -> tf.Tensor:
        return tf.constant(np.arange(self.levels) / self.levels, tf.float32)
