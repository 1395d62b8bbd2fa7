"""The certificate by linear bounds."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import bounds, crown
from core.bounds import Box
from core.classifier import CLASSES, Classifier
from core.crown import Ball
from core.defenses._bounding import Bounding
from core.errors import InputError
from core.knobs import knob
from core.norms import per_image

_MOST = 64  # images of one call


@dataclass(frozen=True, kw_only=True)
class Crown(Bounding):
    r"""Put two lines around each bend of the network; what lies between them is one linear function of the image.

    $$\underline a\,z + \underline b \ \le\ \sigma(z)\ \le\ \overline a\,z + \overline b \ \text{ for } z \in [l, u]
    \quad\Longrightarrow\quad f_y(x') - f_k(x') \ \ge\ A_k\,x' + c_k \ \ge\ \underline m_k$$

    The lines are carried back from the logits to the pixels, where the least value within ε has a closed form; unlike
    intervals they remember how values hang together. Where z may lie, l to u, comes from intervals, and for narrow
    layers from CROWN itself; the better of the two always counts. It costs about ten looks at the image, and as many
    more as the narrow layers have neurons. On a network of linear layers alone it is exact, but for the images' range.

    Zhang et al. 2018, https://arxiv.org/abs/1811.00866
    """

    title = "CROWN"

    norm: str = knob("linf", "Norm", choices=("linf", "l2", "l1"), help="How a change of the image is measured")
    widest: int = knob(
        128,
        "Narrow up to",
        0,
        4096,
        step=64,
        help="Layers of up to so many neurons are bounded by CROWN: dear, tighter",
    )

    def lowest(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        box, ball = self._region(x, eps)
        return crown.margins(model, box, y, ball=ball, widest=self.widest, outward=True)

    def box(self, model: keras.Model, x: tf.Tensor, eps: tf.Tensor) -> Box:
        box, ball = self._region(x, eps)
        return crown.logits(model, box, ball=ball, widest=self.widest, outward=True)

    def rows(self, model: Classifier) -> int:
        size = crown.largest(model.keras)
        room, fewest = crown.NUMBERS // size, 2 * crown.FEWEST
        if room < fewest:
            raise InputError(
                f"The network {model.name!r} has a layer of {size:,} numbers, and CROWN needs too much memory for more "
                f"than {crown.NUMBERS // fewest:,}. Choose a smaller network, or the certificate by intervals."
            )
        return min(room // (2 * crown.together(size) if self.widest else CLASSES), _MOST)

    def _region(self, x: tf.Tensor, eps: tf.Tensor) -> tuple[Box, Ball | None]:
        ball = None if self.norm == "linf" else Ball(x, eps, self.norm)
        return bounds.around(x, per_image(eps)), ball
