"""A table of the visitor's own: what it asks, how long that takes, and the job that measures it cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

import numpy as np

from core import digits
from core.benchmark import rows, spelling
from core.benchmark.chunks import Outcome, measured
from core.benchmark.grid import Chunk, in_turns
from core.benchmark.journal import Line
from core.benchmark.provenance import provenance
from core.classifier import Classifier
from pages.components import own_models, question
from pages.components.jobs import RUNNING, Job
from pages.components.kept import Kept
from pages.components.scoring import Table

UNITS = 1000  # of a job's progress, for each cell
_AT_A_TIME = 25  # digits
_STEP = 3e-4  # seconds of a digit for each step of an attack, until anything is known of the machine
_LIKE = "pgd"  # by whose time that of an attack is guessed of which no line tells
_kept = Kept(512)  # finished cells: who asks for one again has it at once


@dataclass(frozen=True)
class Plan:
    """What is measured: models, each with its version; attacks; a norm, rising epsilons; how many bundled digits."""

    models: tuple[tuple[str, str], ...]
    attacks: tuple[str, ...]
    norm: str
    epsilons: tuple[float, ...]
    count: int
    seed: int = 0

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """One for each cell: attack by attack, so that the networks can soon be compared."""
        some = digits.bundled()[in_turns()[: self.count]]
        return tuple(
            Chunk(model, version, attack, self.norm, self.epsilons, False, self.seed, 0, some)
            for attack in self.attacks
            for model, version in self.models
        )

    @property
    def command(self) -> str:
        """What measures the same, in a terminal."""
        own = any(name.startswith(own_models.PREFIX) for name, _ in self.models)
        shipped = ",".join(name for name, _ in self.models if not name.startswith(own_models.PREFIX))
        told = (
            f"python -m core.benchmark --models {shipped} --attacks {','.join(self.attacks)} --norm {self.norm} "
            f"--eps {','.join(f'{eps:g}' for eps in self.epsilons)} --digits {self.count} --set bundled "
            f"--seed {self.seed} --out rows.jsonl"
        )
        return f"{told} (without the networks that were trained on the page)" if own and shipped else told

    def table(self, lines: Sequence[Line]) -> Table:
        """The table, of the lines that are there."""
        names = tuple(name for name, _ in self.models)
        given = ({self.norm: self.attacks}, {self.norm: self.epsilons}, self.count, tuple(lines), self.command)
        return Table(names, *given)


def seconds(plan: Plan, lines: Sequence[Line]) -> float:
    """About how long it takes, going by what the lines' cells have taken."""
    known: dict[tuple[str, str], list[float]] = {}
    for line in lines:
        if line["norm"] == plan.norm:
            each = sum(line["seconds"]) / line["digits"]
            for whose in (line["model"], ""):  # its own, and any network's
                known.setdefault((line["attack"], whose), []).append(each)
    like = known.get((_LIKE, ""), [_STEP * _cost(_LIKE)])
    total = 0.0
    for chunk in plan.chunks:
        told = known.get((chunk.attack, chunk.model)) or known.get((chunk.attack, ""))
        total += plan.count * (fmean(told) if told else fmean(like) * _cost(chunk.attack) / _cost(_LIKE))
    return total


def _cost(attack: str) -> float:
    return sum(question.cost(member) for member in spelling.attacks_of(attack))


def waiting(plan: Plan, job: Job) -> dict[str, float | None]:
    """Of each cell still to come the share that is done, None while it has not begun; by "norm model attack"."""
    names = [f"{plan.norm} {chunk.model} {chunk.attack}" for chunk in plan.chunks]
    here = len(job.parts)
    return {
        name: max(job.done / UNITS - here, 0.0) if at == here and job.state == RUNNING else None
        for at, name in enumerate(names)
        if at >= here
    }


def run(job: Job, plan: Plan, models: Mapping[str, Classifier]) -> None:
    """Measure cell by cell and hand in the line of each; what is finished stays, whenever it is stopped."""
    made, total = provenance(), len(plan.chunks)
    for number, chunk in enumerate(plan.chunks):
        line = _kept.get(chunk.key)
        if line is None:
            outcome = _measured(job, chunk, models[chunk.model], number, total)
            if outcome is None:
                return
            line = {"key": chunk.key, **chunk.said, **rows.told(outcome), **made}
            _kept.put(chunk.key, line)
        if not (job.hand_in(line) and job.report(UNITS * (number + 1), UNITS * total)):
            return


def _measured(job: Job, chunk: Chunk, model: Classifier, number: int, total: int) -> Outcome | None:
    """A cell, some digits at a time: who watches sees it grow, and who cancels does not wait for the whole of it."""
    found = []
    for first in range(0, len(chunk.digits), _AT_A_TIME):
        some = replace(chunk, first=first, digits=chunk.digits[first : first + _AT_A_TIME])

        def watch(done: int, of: int, first: int = first) -> bool:
            share = (first + done) / len(chunk.digits)
            return job.report(round(UNITS * (number + share)), UNITS * total)

        outcome = measured(some, model=model, watch=watch)
        if outcome is None:
            return None
        found.append(outcome)
    fell, size = (np.concatenate([getattr(each, name) for each in found]) for name in ("fell", "size"))
    spent = (np.sum([getattr(each, name) for each in found], axis=0) for name in ("forwards", "gradients", "seconds"))
    return Outcome(fell, size, *spent)
