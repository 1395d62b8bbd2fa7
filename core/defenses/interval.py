"""The certificate by intervals."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import bounds
from core.bounds import Box
from core.classifier import Classifier
from core.defenses._bounding import Bounding
from core.norms import per_image

_ROWS = 128  # images of one call


@dataclass(frozen=True, kw_only=True)
class Interval(Bounding):
    r"""Carry the interval in which each pixel may lie through the network, layer by layer, up to the logits.

    $$[\,\mu - r,\ \mu + r\,] \ \mapsto\ W\mu + b\ \pm\ |W|\,r, \qquad \text{proven where } \min_k \underline m_k > 0,
    \quad \underline m_k \le f_y(x') - f_k(x')$$

    The intervals hold every value that any image within ε of x and in [0, 1] could bring forth, so where the right
    class leads in the worst case, nothing within ε can fool the network. It costs no more than two looks at the image.
    But intervals forget how values hang together and grow from layer to layer: only a network that was trained for
    them keeps them narrow.

    Gowal et al. 2018, https://arxiv.org/abs/1810.12715
    """

    title = "Interval bounds"
    norm = "linf"

    def lowest(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        return bounds.margins(model, bounds.around(x, per_image(eps)), y, outward=True)

    def box(self, model: keras.Model, x: tf.Tensor, eps: tf.Tensor) -> Box:
        return bounds.interval(model, bounds.around(x, per_image(eps)), outward=True)

    def rows(self, model: Classifier) -> int:
        bounds.chain(model.keras)
        return _ROWS
