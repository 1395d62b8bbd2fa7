"""JPEG compression."""

import io
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class JPEG(Transform):
    """Save the picture as a JPEG and read it again: the fine detail that the eye does not miss is not stored.

    What is lost is the cosines of each block of 8 × 8 pixels, rounded the more coarsely the lower the quality. The
    adaptive attacker takes the whole of it for the identity.

    Dziugaite, Ghahramani and Roy 2016, "A study of the effect of JPG compression on adversarial images",
    https://arxiv.org/abs/1608.00853; Guo et al., "Countering adversarial images using input transformations", ICLR
    2018, https://arxiv.org/abs/1711.00117
    """

    title = "JPEG"
    gradient = "straight-through"

    quality: int = knob(20, "Quality", 1, 95, help="As Pillow counts it: 75 is common, at 20 its coarseness shows")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        return _ops.straight_through(lambda x: _ops.in_numpy(self._stored, x), x)

    def _stored(self, picture: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(np.round(picture * 255).astype(np.uint8)).save(file, "JPEG", quality=self.quality)
        return np.asarray(Image.open(file), np.float32) / 255
