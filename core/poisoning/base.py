"""What is common to attacks on the training set, to what finds the poison and to what cleans it.

Each is a frozen dataclass of knobs in a file of its own in this folder; dropping the file in is all it takes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core import fit
from core.attacks import _inputs
from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.errors import InputError, shown
from core.knobs import knob
from core.registry import Idea

# ------------------------------------------------------------------------------------------------------------- attacks


@dataclass(frozen=True, eq=False)
class Poisoned:
    """A training set that somebody has touched, and the truth about it.

    attack: what touched it, with its knobs; clean: the set as it was; digits: as the victim gets it, row for row the
    same digits; touched: (n,) bool, the rows that the attacker has written, which only he knows; victim: the one test
    digit that he is after, with its true class, or None.
    """

    attack: Poison
    clean: Digits
    digits: Digits
    touched: np.ndarray
    victim: Digits | None = None

    @property
    def count(self) -> int:
        """How many digits were touched."""
        return int(self.touched.sum())

    @property
    def share(self) -> float:
        """The share of the set that was touched, in [0, 1]."""
        return self.count / len(self.touched)

    @property
    def relabelled(self) -> np.ndarray:
        """(n,) bool: whose label is no longer what it was."""
        return self.digits.labels != self.clean.labels

    @property
    def budget(self) -> dict[str, float]:
        """What the attack took: the digits touched, the labels changed, and the largest change of a picture in each
        norm: `l0` in pixels, `l2`, `linf`."""
        change = (self.digits.images - self.clean.images)[self.touched].reshape(self.count, 784)
        return {
            "touched": self.count,
            "relabelled": int(self.relabelled.sum()),
            "l0": float((change != 0).sum(axis=1).max(initial=0)),
            "l2": float(np.linalg.norm(change, axis=1).max(initial=0.0)),
            "linf": float(np.abs(change).max(initial=0.0)),
        }


@dataclass(eq=False)
class Set:
    """The set while an attack writes into it: images (n, 28, 28, 1) and labels (n,) are copies to write to.

    draw: the attack's random numbers; model, victim and watch as the attack was called.
    """

    clean: Digits
    images: np.ndarray
    labels: np.ndarray
    draw: np.random.Generator
    model: Classifier | None
    victim: Digits | None
    watch: fit.Watch | None

    def report(self, done: int, total: int, **metrics: float) -> bool:
        """Tell whoever watches; False when he wants it stopped."""
        return self.watch is None or self.watch(done, total, metrics) is not False


@dataclass(frozen=True, kw_only=True)
class Poison(Idea):
    """An attack on the training set: it writes into a share of the digits, and the victim trains on all of them.

    Class attributes: `aim`: "availability" (the network is to be useless), "backdoor" (it is to obey a trigger) or
    "target" (it is to misread one test digit); `needs_model`: it is made with the help of a network.
    """

    kind: ClassVar[str] = "attack"
    aim: ClassVar[str]
    needs_model: ClassVar[bool] = False

    rate: float = knob(
        0.1, "Poisoned share", 0.0, 1.0, step=0.01, help="Of the training digits, those that are touched"
    )
    seed: int = knob(0, "Seed", 0, 2**31 - 1, help="Draws which digits are touched")

    @abstractmethod
    def run(self, given: Set) -> np.ndarray:
        """Write into given.images and given.labels, and return the rows (k,) that were written to."""

    def __call__(
        self,
        digits: Digits,
        *,
        model: Classifier | None = None,
        victim: Digits | None = None,
        watch: fit.Watch | None = None,
    ) -> Poisoned:
        """Poison a copy of these digits; the digits themselves are not changed.

        model: the network that the attacker has, for the attacks that need one; victim: for the attacks on one test
        digit, that digit and its true class. watch(done, total, metrics) is told of long attacks, and where it returns
        False what is made by then is handed back. The same seed gives the same set. Raises InputError, saying how many
        there are, where too few digits can be touched for the rate.
        """
        if self.needs_model:
            if model is None:
                raise InputError(
                    f"{self.title} makes its poison with a network, and none was given. Pass model=, a network like "
                    "the one that will be trained."
                )
            _inputs.model(model)
        if (self.aim == "target") != (victim is not None):
            wanted = "needs the test digit that it is after" if victim is None else "is after no single test digit"
            raise InputError(
                f"{self.title} {wanted}. {'Pass victim=, a Digits of one.' if victim is None else 'Leave victim out.'}"
            )
        if victim is not None and len(victim) != 1:
            raise InputError(f"victim holds {len(victim)} digits; one was expected.")
        images, labels = digits.images.copy(), digits.labels.copy()
        rows = self.run(Set(digits, images, labels, np.random.default_rng(self.seed), model, victim, watch))
        touched = np.zeros(len(digits), bool)
        touched[rows] = True
        return Poisoned(self, digits, Digits(np.clip(images, 0.0, 1.0), labels), touched, victim)

    def rows(self, given: Set, allowed: np.ndarray, whose: str) -> np.ndarray:
        """The rows to touch: `rate` of all digits, drawn among the allowed (n,) bool, described by `whose`.

        With the same seed a higher rate touches the same rows and more.
        """
        wanted, there = round(self.rate * len(allowed)), int(allowed.sum())
        if wanted > there:
            raise InputError(
                f"A rate of {self.rate:g} asks for {wanted:,} digits, and only {there:,} of these {len(allowed):,} are "
                f"{whose}. A rate of at most {np.floor(1000 * there / max(len(allowed), 1)) / 1000:g} can be had."
            )
        if self.rate > 0 and not wanted:
            raise InputError(
                f"A rate of {self.rate:g} of {len(allowed):,} digits is not one digit. Choose a higher rate, or 0 for "
                "no poison."
            )
        order = given.draw.permutation(len(allowed))
        return order[allowed[order]][:wanted]


# ----------------------------------------------------------------------------------------------------------- detectors


@dataclass(frozen=True, eq=False)
class Findings:
    """What a detector says of a training set.

    score: (n,) float32, higher for more suspicious digits; flagged: (n,) bool, those that it would throw out;
    classes: (10,) float32, how suspicious each class is as the one that a trigger leads to, NaN where it does not say;
    points: (n, 2) float32, where each digit lies in the plane that the detector looks at, each label's digits in a
    plane of their own, or None.
    """

    score: np.ndarray
    flagged: np.ndarray
    classes: np.ndarray
    points: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Detector(Idea):
    """What looks for poison in a training set, with the help of the network that was trained on it."""

    kind: ClassVar[str] = "detector"

    @abstractmethod
    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        """What `find` returns, of what it has checked."""

    def find(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Findings:
        """Look for poison among the digits that the model was trained on; neither is changed.

        Raises InputError for a network that the detector cannot read and for sets that are too small.
        """
        if len(digits) < _FEWEST:
            raise InputError(f"There are {len(digits)} digits to look through; at least {_FEWEST} were expected.")
        return self.look(_inputs.model(model), digits, seed=_inputs.seed(seed) % 2**31, watch=watch)


_FEWEST = 100


def digit(value: Any, name: str) -> int:
    """A class from 0 to 9, or InputError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < CLASSES:
        raise InputError(f"{name} is {shown(value)}; a class from 0 to {CLASSES - 1} was expected.")
    return int(value)
