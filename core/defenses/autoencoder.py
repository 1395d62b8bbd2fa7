"""Denoising autoencoder."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import lowering, zoo
from core.defenses import _ops
from core.defenses.base import Transform
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Autoencoder(Transform):
    r"""Let a second network, which has learnt to rebuild digits from noisy ones, draw the digit anew.

    $$\tilde x = (1 - \lambda)\, x + \lambda\, D(E(x)), \qquad
    \min_{D, E}\ \mathbb E\, \lVert D(E(x + n)) - x \rVert_2^2$$

    To an attacker who knows it, the autoencoder is a few more layers; the gradient is theirs, and passes the clipping
    into [0, 1].

    Gu and Rigazio 2014, "Towards deep neural network architectures robust to adversarial examples",
    https://arxiv.org/abs/1412.5068; Meng and Chen, "MagNet: a two-pronged defense against adversarial examples", CCS
    2017, https://arxiv.org/abs/1705.09064
    """

    title = "Autoencoder"
    gradient = "exact"

    share: float = knob(1.0, "Share λ", 0.0, 1.0, step=0.05, help="How much of the rebuilt digit is read; 0 is none")

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        rebuilt = _ops.boxed(lowering.forward(zoo.autoencoder())(x))
        return (1.0 - self.share) * x + self.share * rebuilt
