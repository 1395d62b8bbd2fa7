"""Sweeps that take seconds: worked out beside the page, in the queue of long work, and kept for whoever asks next."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core import sweep
from core.sweep import COUNT
from pages.components import cache, question, scrubber
from pages.components.jobs import Job
from pages.components.kept import Kept
from pages.components.question import Question

_LONG = 200  # steps or queries of the whole sweep's every row, up to which nobody is kept waiting

_kept = Kept(32)


def cost(asked: Question) -> float:
    """Roughly what each row of the sweep takes: an attack that looks for the smallest change runs once for all."""
    attack = asked.instance
    return question.cost(attack) / COUNT if attack.minimises else question.cost(attack)


def is_long(asked: Question) -> bool:
    """Whether the sweep belongs into the queue."""
    return cost(asked) > _LONG


def answer(asked: Question) -> dict[str, Any] | None:
    """The whole sweep, as scrubber.pack gives it, if it was worked out for anybody before."""
    return _kept.get(asked)


def blank(asked: Question) -> dict[str, Any]:
    """What can be shown until then: the digit before any attack."""
    idle = replace(asked, attack="noise", knobs=(), norm="linf", target=None)
    return cache.swept(idle, (0.0,))


def work(asked: Question) -> Callable[[Job], dict[str, Any]]:
    """What a job does for it; its result is what `answer` will give, or the best so far where it was cut short."""
    model = cache.model(asked.model)

    def run(job: Job) -> dict[str, Any]:
        done = sweep.sweep(
            model,
            asked.x,
            asked.label,
            asked.instance,
            norm=asked.norm,
            target=asked.target,
            seed=asked.seed,
            watch=job.report,
        )
        packed = scrubber.pack(done)
        if job.wanted:
            _kept.put(asked, packed)
        return packed

    return run
