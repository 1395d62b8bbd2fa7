"""All attacks on one digit: which are run and how, in which order, and what is told of each."""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from core import attacks, norms
from core.classifier import Classifier
from core.errors import InputError
from core.result import Result
from pages.components import packing
from pages.components.jobs import Job
from pages.components.question import cost
from pages.components.session import View, eps_max, snap


@dataclass(frozen=True)
class Entry:
    """One attack of the comparison: the view that the Attack page would open with."""

    view: View

    @property
    def attack(self) -> Any:
        """The attack with its default knobs."""
        return self.view.instance()


@dataclass(frozen=True)
class Comparison:
    """All attacks on one digit. view: what all of them share; version: the network's; norm, eps: the budget."""

    view: View
    version: str
    norm: str
    eps: float

    @cached_property
    def entries(self) -> list[Entry]:
        """The attacks, in order."""
        return entries(self.view, self.norm, self.eps)


def entries(view: View, norm: str, eps: float) -> list[Entry]:
    """Every attack with its default knobs, the cheap ones first; in another norm, at the same share of its range,
    where it does not have this one; without a target where it takes none."""
    share = eps / eps_max(norm)
    found = []
    for name in attacks.names():
        cls = attacks.get(name)
        within = norm if norm in cls.norms else cls.norms[0]
        target = view.target if cls.targetable else None
        budget = eps if within == norm else snap(share * eps_max(within), within)
        found.append(Entry(replace(view, attack=name, knobs=(), norm=within, target=target, eps=budget)))
    return sorted(found, key=lambda each: (each.view.norm != norm, cost(each.attack)))


def run(job: Job, model: Classifier, chosen: list[Entry]) -> None:
    """Attack with each in turn, and hand in its card; one that fails says why on its own card."""
    for number, entry in enumerate(chosen):
        if not job.report(number, len(chosen)):
            return
        card = {"name": entry.view.attack, "title": entry.attack.title, "norm": entry.view.norm}
        try:
            result, seconds = _timed(job, model, entry)
        except InputError as fault:
            job.hand_in({**card, "fault": str(fault)})
            continue
        if not job.wanted:
            return
        job.hand_in({**card, **_card(result, seconds, entry)})
    job.report(len(chosen), len(chosen))


def _timed(job: Job, model: Classifier, entry: Entry) -> tuple[Result, float]:
    """The attack's result and its seconds; run again where the first call spent its time on tracing graphs.

    Those may be of another network, which the attack takes in this one's place.
    """
    view = entry.view
    target = None if view.target is None else np.array([view.target])
    for _ in range(2):
        traced, start = Classifier.traced, time.perf_counter()
        result = entry.attack(
            model,
            view.x[None],
            np.array([view.y]),
            eps=view.eps,
            norm=view.norm,
            target=target,
            seed=view.seed,
            watch=lambda *_: job.wanted,
        )
        seconds = time.perf_counter() - start
        if Classifier.traced == traced or not job.wanted:
            break
    return result, seconds


def _card(result: Result, seconds: float, entry: Entry) -> dict[str, Any]:
    change, scales = packing.quantised(result.change)
    return {
        "change": change,
        "scale": scales[0],
        "probabilities": [round(float(each), 6) for each in result.probabilities[0]],
        "success": bool(result.success[0]),
        "within": bool(result.within[0]),
        "minimises": entry.attack.minimises,
        "eps": entry.view.eps,
        "size": float(result.size[0]),
        "linf": float(result.linf[0]),
        "l2": float(result.l2[0]),
        "l1": float(result.l1[0]),
        "touched": packing.touched(result.change)[0],
        "gradients": int(result.gradients[0]),
        "queries": int(result.forwards[0]),
        "ms": round(1e3 * seconds, 1),
        "made_before": not entry.attack.made_to_measure,  # for all digits: its time here is that of laying it on
        "within_norm": norms.get(entry.view.norm).title,
        "notes": list(result.notes),
    }
