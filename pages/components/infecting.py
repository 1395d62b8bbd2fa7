"""A network trained on a poisoned set: what the job does, in the queue of long work, and what it hands in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from core import digits, poisoning
from core.classifier import Classifier
from core.digits import Digits
from core.poisoning import Poisoned
from pages.components.jobs import Job
from pages.components.kept import Kept

NETWORKS = ("plain_cnn", "plain_mlp")  # how the victim's network is built: those that train in seconds
_HONEST = Kept(6)  # networks trained on the sets as they were: the same for every visitor
_TEST, _TRUSTED = 1000, 500  # digits that tell how a network stands; and those that somebody has looked through


@dataclass(frozen=True)
class Plot:
    """What is done to whom: the victim's kind of network, the attack with its knobs, the set, and the one digit.

    whole: all of MNIST, else the bundled digits; victim: the digit that is to be misread, 784 grey levels, and its
    class, for the attacks on one digit.
    """

    network: str
    version: str
    attack: str
    knobs: tuple[tuple[str, Any], ...]
    whole: bool = False
    victim: tuple[bytes, int] | None = None

    @property
    def instance(self) -> Any:
        """The attack with its knobs set."""
        return poisoning.get(self.attack)(**dict(self.knobs))

    @property
    def digit(self) -> Digits | None:
        """The victim as a set of one."""
        if self.victim is None:
            return None
        grey, label = self.victim
        x = np.frombuffer(grey, np.uint8).reshape(1, 28, 28, 1).astype(np.float32) / 255
        return Digits(x, np.array([label]))


@dataclass(frozen=True, eq=False)
class Infected:
    """What came of it: the poisoned set, the network that trained on it, and one that trained on the set as it was.

    stands: how either stands, the poisoned one first; see `standing`.
    """

    plot: Plot
    poisoned: Poisoned
    owned: Classifier
    honest: Classifier
    stands: tuple[dict[str, float], dict[str, float]]


@lru_cache(maxsize=2)
def material(whole: bool) -> Digits:
    """The digits that the victim trains on, in no order: all of MNIST's, or those of the bundled ones that are left."""
    return digits.training() if whole else _bundled()[_TEST + _TRUSTED :]


def test() -> Digits:
    """A thousand digits to judge by, which no training here sees."""
    return _bundled()[:_TEST]


def trusted() -> Digits:
    """Five hundred more, which somebody has looked through: what a cleaner may need."""
    return _bundled()[_TEST : _TEST + _TRUSTED]


@lru_cache(maxsize=1)
def _bundled() -> Digits:
    every = digits.bundled()
    return every[np.random.default_rng(0).permutation(len(every))]


def standing(model: Classifier, poisoned: Poisoned) -> dict[str, float]:
    """How a network stands with the 1,000: the shares "clean", read right, and "success", what the attacker gets."""
    return {
        "clean": poisoning.accuracy(model, test()),
        "success": poisoning.attack_success(model, poisoned, test()),
    }


def run(job: Job, plot: Plot, model: Classifier) -> Infected | None:
    """Poison the set and train on it; hand in how the network stands some forty times; None where it was stopped.

    model: the network whose kind the victim trains, which the attacker has, too.
    """
    train = material(plot.whole)

    def crafted(done: int, total: int, told: dict[str, float]) -> bool:
        job.hand_in({"stage": "poison", "share": done / max(total, 1)})
        return job.report(done, 4 * total)

    poisoned = plot.instance(train, model=model, victim=plot.digit, watch=crafted)

    def grown(done: int, total: int, told: dict[str, float]) -> bool:
        epochs = told["epoch"] if done == total else total and done / (total / _epochs(plot))
        job.hand_in({"stage": "learn", "epoch": epochs, **{key: told[key] for key in ("loss", "clean", "success")}})
        return job.report(total + 2 * done, 4 * total)

    title = f"Yours: poisoned, {poisoned.attack.title}"
    owned = poisoning.learn(
        model, poisoned.digits, watch=grown, judge=lambda network: standing(network, poisoned), title=title
    )
    if not job.wanted:
        return None
    honest = _honest(job, plot, model, train)
    if honest is None:
        return None
    return Infected(plot, poisoned, owned, honest, (standing(owned, poisoned), standing(honest, poisoned)))


def _epochs(plot: Plot) -> int:
    return poisoning.epochs_for(len(material(plot.whole)))


def _honest(job: Job, plot: Plot, model: Classifier, train: Digits) -> Classifier | None:
    """The network that nobody has poisoned; trained once for all visitors."""
    key = (plot.network, plot.version, plot.whole)
    if (known := _HONEST.get(key)) is not None:
        return known
    job.hand_in({"stage": "honest"})

    def watched(done: int, total: int, told: dict[str, float]) -> bool:
        return job.report(3 * total + done, 4 * total)

    network = poisoning.learn(model, train, watch=watched, title="Never poisoned")
    if not job.wanted:
        return None
    _HONEST.put(key, network)
    return network


def samples(poisoned: Poisoned, count: int, seed: int = 0) -> np.ndarray:
    """Rows to show of the set: up to half of them touched, the others not, in the set's order."""
    draw = np.random.default_rng(seed)
    touched, rest = np.flatnonzero(poisoned.touched), np.flatnonzero(~poisoned.touched)
    shown = draw.permutation(touched)[: count // 2]
    return np.sort(np.concatenate([shown, draw.permutation(rest)[: count - len(shown)]]))


def with_victim(plot: Plot, grey: bytes, label: int) -> Plot:
    """The plot against that digit, where its attack is on one digit."""
    return replace(plot, victim=(grey, label)) if poisoning.get(plot.attack).aim == "target" else plot
