"""What attacks on one test digit have in common: who is meant, which digits are moved, and how far."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError
from core.knobs import knob
from core.poisoning.base import Poison, Set


@dataclass(frozen=True, kw_only=True)
class Aimed(Poison):
    """Digits of the class that the victim is to be read as are moved a little, and their labels stay true."""

    aim = "target"
    needs_model = True

    target: int = knob(4, "Read as", 0, 9, help="The class that the one digit is to be read as")
    eps: float = knob(0.3, "ε", 0.0, 1.0, step=0.01, help="How much each pixel may change, in L∞")

    @abstractmethod
    def moved(self, given: Set, model: Classifier, victim: Digits, rows: np.ndarray) -> np.ndarray:
        """Where the digits in these rows (k,) of given.images go: (k, 28, 28, 1)."""

    def run(self, given: Set) -> np.ndarray:
        model, victim = given.model, given.victim
        assert model is not None and victim is not None  # `__call__` has seen to it
        if victim.labels[0] == self.target:
            raise InputError(
                f"The victim is a {self.target}, and target is {self.target}: it would be read right. Choose another "
                "class as target."
            )
        whose = given.labels == self.target
        count = len(self.rows(given, whose, f"of class {self.target}"))
        # Those nearest to the victim have the least way to go.
        far = np.where(whose, np.square(given.images - victim.images).sum(axis=(1, 2, 3)), np.inf)
        rows = np.argsort(far, kind="stable")[:count]
        if len(rows):
            given.images[rows] = self.moved(given, model, victim, rows)
        return rows

    def within(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """z, no further from x than ε in any pixel, and in [0, 1]."""
        return np.clip(np.clip(z, x - self.eps, x + self.eps), 0.0, 1.0).astype(np.float32)
