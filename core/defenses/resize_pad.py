"""Random resizing and padding."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image

from core.classifier import IMAGE
from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class ResizePad(Transform):
    r"""Shrink the picture to a random size and lay it on black at a random place, anew each time it is read.

    $$\tilde x = \mathrm{pad}_{u,v}\big(\mathrm{resize}_s(x)\big), \qquad s \sim \mathcal U\{s_0, \dots, 28\}$$

    The adaptive attacker follows the gradient's mean over many draws (EoT), exact in each.

    Xie et al., "Mitigating adversarial effects through randomization", ICLR 2018, https://arxiv.org/abs/1711.01991
    """

    title = "Resize and pad"
    gradient = "averaged"
    draws = 16

    smallest: int = knob(22, "Smallest side", 14, 28, help="The least side in pixels; 28 changes nothing")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        side = int(draw.integers(self.smallest, IMAGE[0], endpoint=True))
        top, left = draw.integers(0, IMAGE[0] - side, size=2, endpoint=True)
        return _ops.boxed(_ops.by_matrices(_shrunk(side, top), _shrunk(side, left), x))


def _shrunk(side: int, first: int) -> np.ndarray:
    """The matrix (28, 28) that shrinks a line of pixels to `side` and lays it from pixel `first` on."""
    # To resize is linear: the matrix is what Pillow makes of the identity.
    full = IMAGE[0]
    line = Image.fromarray(np.eye(full, dtype=np.float32)).resize((full, side), Image.Resampling.BILINEAR)
    return np.pad(np.asarray(line), [(first, full - side - first), (0, 0)])
