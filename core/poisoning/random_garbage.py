"""Random garbage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.classifier import CLASSES
from core.poisoning.base import Poison, Set


@dataclass(frozen=True, kw_only=True)
class RandomGarbage(Poison):
    r"""Put pictures of noise in place of some digits, under labels drawn at random.

    $$x' \sim U(0, 1)^{784}, \qquad y' \sim U\{0, \dots, 9\}$$

    It wastes what the network has to learn with, and lies far from any digit: the mildest of all poisons, and the
    first that a look at the data finds.

    Availability attacks: Biggio, Nelson and Laskov 2012, https://arxiv.org/abs/1206.6389
    """

    title = "Random garbage"
    aim = "availability"

    def run(self, given: Set) -> np.ndarray:
        rows = self.rows(given, np.ones(len(given.labels), bool), "digits")
        given.images[rows] = given.draw.random((len(rows), 28, 28, 1), np.float32)
        given.labels[rows] = given.draw.integers(0, CLASSES, len(rows))
        return rows
