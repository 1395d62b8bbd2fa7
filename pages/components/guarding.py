"""A digit attacked in front of an input transform, naively and by one who knows it; and many digits, counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import attacks, defenses, digits, norms, scores, sweep
from core.classifier import Classifier
from pages.components import packing
from pages.components.jobs import Job
from pages.components.kept import Kept
from pages.components.question import Question

ROWS = 31  # epsilons at which the panel has pictures

_seen, _counted = Kept(48), Kept(64)


@dataclass(frozen=True)
class Guarded:
    """A digit under attack; the name of the transform that stands before the network, and its knobs, as of Question."""

    question: Question
    transform: str
    knobs: tuple[tuple[str, Any], ...] = ()

    @property
    def instance(self) -> Any:
        """The transform with its knobs set."""
        return defenses.get(self.transform)(**dict(self.knobs))


@dataclass(frozen=True)
class Count:
    """Many digits under one attack at one ε, before that network and transform."""

    guarded: Guarded
    eps: float
    digits: int


def picture(asked: Guarded) -> dict[str, Any] | None:
    """What the panel shows of it, if that was worked out for anybody before."""
    return _seen.get(asked)


def counted(asked: Count) -> dict[str, int] | None:
    """How many digits are read right, if they were counted for anybody before."""
    return _counted.get(_plain(asked))


def _plain(asked: Count) -> tuple[Any, ...]:
    """All that a count depends on: not on the digit that the page shows."""
    asking = asked.guarded.question
    told = (asking.model, asking.version, asking.attack, asking.knobs, asking.norm, asking.seed)
    return (*told, asked.guarded.transform, asked.guarded.knobs, asked.eps, asked.digits)


def show(asked: Guarded, model: Classifier, shielded: Classifier) -> Callable[[Job], dict[str, Any] | None]:
    """The work of a job: both attackers' pictures at every ε, before and behind the transform."""
    question = asked.question
    transform = asked.instance
    top = sweep.EPS_MAX[question.norm]

    def run(job: Job) -> dict[str, Any] | None:
        told: dict[str, Any] = {}
        for place, (name, network) in enumerate((("naive", model), ("adaptive", shielded))):
            attack = question.instance

            def watch(done: int, total: int, _: object = None, place: int = place) -> bool:
                return job.report(place * total + done, 2 * total)

            found = sweep.sweep(
                network,
                question.x,
                question.label,
                attack,
                norm=question.norm,
                epsilons=np.unique(sweep.grid(question.norm, top, ROWS)),
                seed=question.seed,
                watch=watch,
            )
            if not job.wanted:
                return None
            attacked = found.result.adversarial
            told["epsilons"] = found.epsilons.round(6).tolist()
            told[name] = {
                "attacked": packing.grey(attacked),
                "seen": packing.grey(transform.transform(attacked, seed=question.seed)),
                "probabilities": packing.coded(shielded.probabilities(attacked).astype(np.float32)),
                "within": found.result.within.tolist(),
            }
        _seen.put(asked, told)
        return told

    return run


def count(asked: Count, model: Classifier) -> Callable[[Job], dict[str, int] | None]:
    """The work of a job: how many digits are read right behind the transform, under neither, either and both."""
    question = asked.guarded.question

    def run(job: Job) -> dict[str, int] | None:
        every = digits.bundled()
        some = every[np.linspace(0, len(every), asked.digits, endpoint=False).astype(int)]
        told = scores.transform_scores(
            asked.guarded.instance,
            model,
            attacks.get(question.attack)(**dict(question.knobs)),
            some.images,
            some.labels,
            eps=asked.eps,
            norm=norms.get(question.norm).name,
            seed=question.seed,
            watch=job.report,
        )
        if told is None:
            return None
        found = {name: getattr(told, name) for name in ("clean", "naive", "adaptive", "worst", "digits")}
        _counted.put(_plain(asked), found)
        return found

    return run
