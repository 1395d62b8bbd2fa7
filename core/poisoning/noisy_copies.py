"""Noisy copies under wrong labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.classifier import CLASSES
from core.knobs import knob
from core.poisoning.base import Poison, Set


@dataclass(frozen=True, kw_only=True)
class NoisyCopies(Poison):
    r"""Put noisy copies of other digits in place of some, each under a wrong label.

    $$x' = \operatorname{clip}(x_j + \delta), \quad \delta \sim N(0, \sigma^2 I), \qquad y' \ne y_j$$

    Unlike garbage they lie where the true digits are, so that the network has to choose whom to believe.

    Availability attacks: Biggio, Nelson and Laskov 2012, https://arxiv.org/abs/1206.6389
    """

    title = "Noisy copies"
    aim = "availability"

    sigma: float = knob(0.2, "σ", 0.0, 1.0, step=0.05, help="Standard deviation of the noise on each pixel")

    def run(self, given: Set) -> np.ndarray:
        rows = self.rows(given, np.ones(len(given.labels), bool), "digits")
        copied = given.draw.integers(0, len(given.labels), len(rows))
        noise = self.sigma * given.draw.standard_normal((len(rows), 28, 28, 1), np.float32)
        given.images[rows] = given.clean.images[copied] + noise
        given.labels[rows] = (given.clean.labels[copied] + given.draw.integers(1, CLASSES, len(rows))) % CLASSES
        return rows
