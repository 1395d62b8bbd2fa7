"""A blended pattern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.knobs import knob
from core.poisoning._backdoor import DirtyLabel


@dataclass(frozen=True, kw_only=True)
class Blended(DirtyLabel):
    r"""Lay a faint random pattern over the whole picture and change the label to the class that it should lead to.

    $$x' = (1 - \alpha)\, x + \alpha\, p, \qquad y' = t$$

    The pattern p is drawn once, black and white, by the seed. Nobody sees a stamp; the picture only looks grainy.

    Chen, Liu, Li, Lu and Song 2017, https://arxiv.org/abs/1712.05526
    """

    title = "Blended pattern"

    alpha: float = knob(0.15, "Strength", 0.01, 1.0, step=0.01, help="How much of the picture the pattern makes up")

    def mark(self, x: np.ndarray) -> np.ndarray:
        pattern = np.random.default_rng([self.seed, 1]).integers(0, 2, (28, 28, 1)).astype(np.float32)
        return (1.0 - self.alpha) * x + self.alpha * pattern
