"""A detector looking through a poisoned set: what the job does, in the queue of long work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
