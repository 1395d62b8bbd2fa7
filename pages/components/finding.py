"""A detector looking through a poisoned set: what the job does, in the queue of long work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core import poisoning
from core.poisoning import Findings
from pages.components.infecting import Infected, Plot
from pages.components.jobs import Job


@dataclass(frozen=True)
class Search:
    """Which detector looks through which poisoned set."""

    plot: Plot
    detector: str
    knobs: tuple[tuple[str, Any], ...]

    @property
    def instance(self) -> Any:
        """The detector with its knobs set."""
        return poisoning.get(self.detector)(**dict(self.knobs))


def run(job: Job, search: Search, infected: Infected) -> Findings | None:
    """Look through the set with the poisoned network; None where it was stopped."""

    def watch(done: int, total: int, told: dict[str, float]) -> bool:
        return job.report(done, total)

    found = search.instance.find(infected.owned, infected.poisoned.digits, watch=watch)
    return found if job.wanted else None


def places(findings: Findings, rows: np.ndarray) -> np.ndarray:
    """Where the digits in these rows (k,) lie, in the unit square: float32 (k, 2).

    Where a detector has no plane, its scores lie along, and a fixed scatter spreads them up.
    """
    plane = findings.points
    points = _in_a_row(findings.score[rows]) if plane is None else plane[rows]
    # Those far out are brought to the rim, else they would press all others together.
    low, high = np.quantile(points, 0.002, axis=0), np.quantile(points, 0.998, axis=0)
    return np.clip((points - low) / np.maximum(high - low, 1e-9), 0.0, 1.0).astype(np.float32)


def _in_a_row(score: np.ndarray) -> np.ndarray:
    return np.stack([score, np.random.default_rng(0).uniform(0, 1, len(score))], axis=1)
