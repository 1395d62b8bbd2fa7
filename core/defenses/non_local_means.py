"""Non-local means."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from skimage.restoration import denoise_nl_means

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class NonLocalMeans(Transform):
    r"""Average each pixel with those whose surroundings look alike, wherever in the search area they are.

    $$\tilde x_i = \frac{1}{Z_i} \sum_j e^{-\lVert P_i - P_j \rVert^2 / h^2}\, x_j$$

    P are the patches about two pixels. The adaptive attacker differentiates a Gaussian blur in its stead.

    Buades, Coll and Morel, "A non-local algorithm for image denoising", CVPR 2005,
    https://doi.org/10.1109/CVPR.2005.38; as a squeezer: Xu, Evans and Qi, NDSS 2018, https://arxiv.org/abs/1704.01155
    """

    title = "Non-local means"
    gradient = "smooth"

    strength: float = knob(0.3, "Strength h", 0.0, 1.0, step=0.05, help="How unlike patches may be; 0 changes nothing")
    patch: int = knob(3, "Patch", 1, 7, help="Side of the patches that are compared, in pixels")
    distance: int = knob(5, "Search distance", 1, 13, help="How far away alike patches are looked for, in pixels")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        if self.strength == 0:
            return x
        return _ops.as_if_blurred(lambda x: _ops.in_numpy(self._averaged, x), x)

    def _averaged(self, picture: np.ndarray) -> np.ndarray:
        return denoise_nl_means(
            picture, patch_size=self.patch, patch_distance=self.distance, h=self.strength, fast_mode=True
        )
