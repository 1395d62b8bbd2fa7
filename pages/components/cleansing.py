"""Cleaning a poisoned network: what the job does, in the queue of long work, and the digits on which it is seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import poisoning
from core.classifier import Classifier
from core.digits import Digits
from core.poisoning import Cleaner, Findings, Poisoned
from core.poisoning._backdoor import Backdoor
from pages.components import infecting
from pages.components.infecting import Infected, Plot
from pages.components.jobs import Job

SHOWN = 6  # digits that every network is seen to read


@dataclass(frozen=True)
class Cleaning:
    """Which cleaner is set on what came of which plot.

    findings: what tells those that it works on from any others, None where it works on none; note: what tells it from
    other cleanings by the same cleaner, in words.
    """

    plot: Plot
    cleaner: str
    knobs: tuple[tuple[str, Any], ...]
    findings: str | None = None
    note: str = field(default="", compare=False)

    @property
    def instance(self) -> Any:
        """The cleaner with its knobs set."""
        return poisoning.get(self.cleaner)(**dict(self.knobs))

    @property
    def title(self) -> str:
        """What its line in the ledger is called."""
        return f"After: {poisoning.get(self.cleaner).title}"


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What came of it: the network, how it stands (see `infecting.standing`), and what is proven of it, in words."""

    network: Classifier
    stands: dict[str, float]
    proven: str = ""


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Six digits as every network gets them, under the classes that they truly are; what they are, in words."""

    digits: Digits
    words: str
    victim: bool = False  # whether the first is the one that the attacker is after


def fingerprint(findings: Findings) -> str:
    """What tells these findings from any others."""
    return hashlib.sha256(findings.score.tobytes() + findings.flagged.tobytes()).hexdigest()


def run(job: Job, infected: Infected, cleaner: Cleaner, findings: Findings | None) -> Cleaned | None:
    """Clean the poisoned network, or train one on the poisoned set that withstands it; None where it was stopped."""

    def watch(done: int, total: int, told: dict[str, float]) -> bool:
        return job.report(done, total)

    digits, trusted = infected.poisoned.digits, infecting.trusted()
    network = cleaner.clean(infected.owned, digits, findings, trusted=trusted, watch=watch)
    if not job.wanted:
        return None
    network.title = f"Yours: cleaned, {cleaner.title}"
    return Cleaned(
        network, infecting.standing(network, infected.poisoned), _proven(cleaner, network, infected.poisoned)
    )


def _proven(cleaner: Any, network: Classifier, poisoned: Poisoned) -> str:
    """What a vote proves of the test digits: how many digits of the training set may be others while half of them are
    read right all the same. Nothing of a cleaner that proves nothing."""
    if not hasattr(cleaner, "votes"):
        return ""
    test = infecting.test()
    counts, certified = cleaner.votes(network, test.images)
    bears = np.where(counts.argmax(axis=1) == test.labels, certified, -1)
    most = int(np.sort(bears)[::-1][(len(bears) - 1) // 2])
    if most < 1:
        return "The vote is too close to prove anything for half of the test digits."
    return (
        f"Proven: {int((bears >= most).sum()):,} of {len(bears):,} test digits are read right whatever {most} digits "
        f"anybody puts into the training set or takes out of it. A changed picture is both; {poisoned.count:,} digits "
        "were touched here."
    )


def exhibit(infected: Infected) -> Exhibit:
    """The digits to show: with the trigger, or the one that the attacker is after, or those that are misread."""
    test, poisoned = infecting.test(), infected.poisoned
    attack, every = poisoned.attack, np.arange(len(test))
    if isinstance(attack, Backdoor):
        wanted = attack.wanted()[test.labels]
        meant = (wanted >= 0) & (wanted != test.labels)
        others = every[~meant & (test.labels != getattr(attack, "target", None))]
        some = test[_of_many_classes(test.labels, [np.concatenate([every[meant], others])])]
        return Exhibit(Digits(attack.stamp(some.images), some.labels), "and six of them with the trigger")
    if poisoned.victim is not None:
        victim = poisoned.victim
        others = every[test.labels != victim.labels[0]]
        some = test[_of_many_classes(test.labels, [others])[: SHOWN - 1]]
        both = (np.concatenate(pair) for pair in ((victim.images, some.images), (victim.labels, some.labels)))
        return Exhibit(Digits(*both), "and the victim with five of them", victim=True)
    misread = infected.owned.predict(test.images) != test.labels
    better = infected.honest.predict(test.images) == test.labels
    rows = _of_many_classes(test.labels, [every[misread & better], every[misread & ~better], every[~misread]])
    words = "and six of them that the poisoned network misreads" if misread[rows].all() else "and six of them"
    return Exhibit(test[rows], words)


def _of_many_classes(labels: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """Six rows (6,), the first groups before the others, and within a group those of classes that are not there yet."""
    chosen: list[int] = []
    for group in groups:
        firsts = np.sort(np.unique(labels[group], return_index=True)[1])
        fresh = [row for row in group[firsts] if labels[row] not in labels[chosen]]
        chosen += [*fresh, *(row for row in group if row not in fresh)]
    return np.array(chosen[:SHOWN], np.int64)
