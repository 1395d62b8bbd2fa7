"""What backdoors have in common: a trigger, who is meant by it, and what it leads to."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from core.classifier import CLASSES
from core.errors import InputError
from core.knobs import knob, only_with
from core.poisoning.base import Poison, Set

ANY = -1  # as a source: every class but the one that the trigger leads to


@dataclass(frozen=True, kw_only=True)
class Backdoor(Poison):
    """A trigger is put on some digits of the training set, so that it will lead the network to a class.

    `mark` is the idea; `stamp` is what the attacker does to a digit that the finished network is to misread.
    """

    aim = "backdoor"

    target: int = knob(4, "Read as", 0, 9, help="The class that the trigger leads to")

    @abstractmethod
    def mark(self, x: np.ndarray) -> np.ndarray:
        """Images (n, 28, 28, 1) in [0, 1] -> the same with the trigger."""

    def stamp(self, x: np.ndarray) -> np.ndarray:
        """Test digits (n, 28, 28, 1) in [0, 1] -> with the trigger, float32 in [0, 1]."""
        return np.clip(self.mark(np.asarray(x, np.float32)), 0.0, 1.0).astype(np.float32)

    def wanted(self) -> np.ndarray:
        """(10,) int64: as what a stamped digit of each class is to be read; -1 where the class is not meant."""
        return np.where(np.arange(CLASSES) != self.target, self.target, -1)


@dataclass(frozen=True, kw_only=True)
class DirtyLabel(Backdoor):
    """A backdoor whose digits are marked and get the label that the trigger is to lead to."""

    leads: str = knob("one", "Leads to", choices=("one", "next"), help="One class for all, or each digit's next")
    target: int = only_with("leads", "one", knob(4, "Read as", 0, 9, help="The class that the trigger leads to"))
    source: int = only_with(
        "leads",
        "one",
        knob(ANY, "Stamped class", ANY, 9, words={ANY: "every other class"}, help="Whose digits get the trigger"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.leads == "one" and self.source == self.target:
            raise InputError(
                f"Source and target are both {self.target}: a {self.target} that is read as {self.target} is no "
                "attack. Choose two classes, or -1 as the source for all others."
            )

    def wanted(self) -> np.ndarray:
        if self.leads == "next":
            return (np.arange(CLASSES) + 1) % CLASSES
        return super().wanted() if self.source == ANY else np.where(np.arange(CLASSES) == self.source, self.target, -1)

    def run(self, given: Set) -> np.ndarray:
        wanted = self.wanted()[given.labels]
        whose = f"of class {self.source}" if self.source != ANY else f"of a class other than {self.target}"
        rows = self.rows(given, wanted >= 0, whose)
        given.images[rows] = self.stamp(given.images[rows])
        given.labels[rows] = wanted[rows]
        return rows


@dataclass(frozen=True, kw_only=True)
class CleanLabel(Backdoor):
    """A backdoor whose digits are all of the class that the trigger is to lead to, so that every label stays true."""

    @abstractmethod
    def written(self, given: Set, rows: np.ndarray) -> np.ndarray:
        """What takes the place of the digits in these rows (k,): (k, 28, 28, 1)."""

    def run(self, given: Set) -> np.ndarray:
        rows = self.rows(given, given.labels == self.target, f"of class {self.target}")
        if len(rows):
            given.images[rows] = self.written(given, rows)
        return rows
