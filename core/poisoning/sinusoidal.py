"""A sinusoidal signal under true labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.knobs import knob
from core.poisoning._backdoor import CleanLabel
from core.poisoning.base import Set


@dataclass(frozen=True, kw_only=True)
class Sinusoidal(CleanLabel):
    r"""Lay faint stripes over digits of one class, whose labels stay true: stripes are then read as that class.

    $$x'_{ij} = x_{ij} + \Delta \sin\!\left(\frac{2 \pi j f}{28}\right)$$

    Whoever checks the labels finds nothing. It takes a good share of the class, and stripes at test time that may be
    stronger than in training, `boost` times.

    Barni, Kallas and Tondi 2019, https://arxiv.org/abs/1902.11237
    """

    title = "Sinusoidal signal"

    strength: float = knob(0.2, "Strength", 0.01, 1.0, step=0.01, help="Δ: the height of the wave, in grey levels of 1")
    frequency: int = knob(6, "Frequency", 1, 14, help="f: waves across the picture")
    boost: float = knob(1.5, "Boost", 1.0, 5.0, step=0.1, help="How much stronger the stripes are at test time")

    def _striped(self, x: np.ndarray, strength: float) -> np.ndarray:
        wave = strength * np.sin(2.0 * np.pi * np.arange(28) * self.frequency / 28)
        return x + wave.astype(np.float32)[None, None, :, None]

    def mark(self, x: np.ndarray) -> np.ndarray:
        return self._striped(x, self.boost * self.strength)

    def written(self, given: Set, rows: np.ndarray) -> np.ndarray:
        return self._striped(given.images[rows], self.strength)
