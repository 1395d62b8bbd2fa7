"""What the tests of detectors and cleaners share: bundled digits, poisoned and not, and networks that have learnt them.

All are read-only, and each is made once.
"""

from typing import NamedTuple

import numpy as np
import pytest

from core import poisoning, zoo
from core.classifier import Classifier
from core.digits import Digits, bundled
from core.poisoning import Poisoned


class Sets(NamedTuple):
    """Digits to train on, to test on, and a few that somebody knows to be clean; no digit is in two of them."""

    train: Digits
    test: Digits
    trusted: Digits


@pytest.fixture(scope="session")
def sets() -> Sets:
    every = bundled()[np.random.default_rng(1).permutation(5000)]
    return Sets(every[:3000], every[3000:4000], every[4000:4500])


@pytest.fixture(scope="session")
def stamped(sets) -> Poisoned:
    """A tenth of the digits bears a stamp and the label 4."""
    return poisoning.get("badnets")(seed=1)(sets.train)


@pytest.fixture(scope="session")
def flipped(sets) -> Poisoned:
    """A fifth of the digits has a wrong label."""
    return poisoning.get("label_flip")(rate=0.2, seed=1)(sets.train)


@pytest.fixture(scope="session")
def honest(sets) -> Classifier:
    """The network that has learnt the digits as they are."""
    return poisoning.learn(zoo.load("plain_mlp"), sets.train, seed=1)


@pytest.fixture(scope="session")
def owned(stamped) -> Classifier:
    """The network that has learnt the stamp."""
    return poisoning.learn(zoo.load("plain_mlp"), stamped.digits, seed=1)


@pytest.fixture(scope="session")
def misled(flipped) -> Classifier:
    """The network that has learnt the wrong labels, as far as it has."""
    return poisoning.learn(zoo.load("plain_mlp"), flipped.digits, seed=1)
