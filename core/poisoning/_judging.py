"""How well an attack on the training set went, and how well its traces were found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.errors import InputError
from core.poisoning._backdoor import Backdoor
from core.poisoning.base import Poisoned, digit


class Found(NamedTuple):
    """Shares in [0, 1]: of the flagged digits, those that were touched; of the touched, those that were flagged; and
    the harmonic mean of both."""

    precision: float
    recall: float
    f1: float


def found(flagged: np.ndarray, touched: np.ndarray) -> Found:
    """What was flagged (n,) bool, held against what was touched (n,) bool. Where nothing was to be found, finding
    nothing counts as 1."""
    flagged, touched = np.asarray(flagged, bool), np.asarray(touched, bool)
    if flagged.shape != touched.shape:
        raise InputError(
            f"flagged has the shape {flagged.shape} and touched {touched.shape}; equal ones were expected."
        )
    both, said, there = (int(each.sum()) for each in (flagged & touched, flagged, touched))
    precision, recall = both / said if said else float(not there), both / there if there else float(not said)
    return Found(precision, recall, 2 * both / (said + there) if said + there else 1.0)


def accuracy(model: Classifier, test: Digits) -> float:
    """The share of the test digits that are read right, in [0, 1]."""
    return float((model.predict(test.images) == test.labels).mean())


def confusion(model: Classifier, test: Digits) -> np.ndarray:
    """(10, 10) int64: how many digits of class i are read as j."""
    table = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(table, (test.labels, model.predict(test.images)), 1)
    return table


def attack_success(model: Classifier, poisoned: Poisoned, test: Digits) -> float:
    """How often the attacker gets what he wanted from a network, in [0, 1].

    Of a backdoor: the share of the stamped test digits that are read as he wants, among those whose class is meant and
    another. Of an attack on one digit: whether that digit is read as he wants. Of one on availability: the share of the
    test digits that are read wrong.
    """
    attack = poisoned.attack
    if isinstance(attack, Backdoor):
        wanted = attack.wanted()[test.labels]
        meant = (wanted >= 0) & (wanted != test.labels)
        if not meant.any():
            raise InputError("Among the test digits there is none that the attack means. Pass digits of other classes.")
        return float((model.predict(attack.stamp(test.images[meant])) == wanted[meant]).mean())
    if poisoned.victim is not None:
        return float(model.predict(poisoned.victim.images)[0] == digit(getattr(attack, "target", None), "target"))
    return 1.0 - accuracy(model, test)
