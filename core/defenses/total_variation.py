"""Total variation denoising."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from skimage.restoration import denoise_tv_chambolle

from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Transform):
    r"""Look for a picture near this one that is made of flat areas: noise goes, edges stay sharp.

    $$\tilde x = \arg\min_u\ \tfrac{1}{2} \lVert u - x \rVert_2^2 + w \sum_{ij} \lVert (\nabla u)_{ij} \rVert_2$$

    The adaptive attacker differentiates a Gaussian blur in its stead.

    Rudin, Osher and Fatemi 1992, https://doi.org/10.1016/0167-2789(92)90242-F, solved as in Chambolle 2004,
    https://doi.org/10.1023/B:JMIV.0000011325.36760.1e; as a defense: Guo et al., "Countering adversarial images using
    input transformations", ICLR 2018, https://arxiv.org/abs/1711.00117
    """

    title = "Total variation"
    gradient = "smooth"

    weight: float = knob(0.3, "Weight", 0.0, 1.0, step=0.05, help="How much flatness counts; 0 changes nothing")
    steps: int = knob(50, "Steps", 1, 200, help="At most so many steps of the solver; it stops where little changes")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        if self.weight == 0:
            return x
        return _ops.as_if_blurred(lambda x: _ops.in_numpy(self._flattened, x), x)

    def _flattened(self, picture: np.ndarray) -> np.ndarray:
        return denoise_tv_chambolle(picture, weight=self.weight, max_num_iter=self.steps)
