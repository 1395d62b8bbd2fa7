"""Sweeps that take seconds: worked out beside the page, in the queue of long work, and kept for whoever asks next."""

import math
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from core import knobs, sweep
from core.sweep import COUNT
from pages.components import cache, jobs, scrubber
from pages.components.jobs import Job
from pages.components.question import Question

_LONG = 200  # steps or queries of the whole sweep's every row, up to which nobody is kept waiting
_ROOM = 32  # sweeps that are kept

_kept: OrderedDict[Question, dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


def cost(asked: Question) -> float:
    """Roughly what each row of a sweep takes: the product of the attack's whole-numbered knobs, as far as they matter.

    An attack that looks for the smallest change runs once, and not once for every ε.
    """
    attack = asked.instance
    whole = [each for each in knobs.of(type(attack)) if each.kind == "int" and knobs.matters(attack, each)]
    product = math.prod(max(getattr(attack, each.name), 1) for each in whole)
    return product / COUNT if attack.minimises else product


def is_long(asked: Question) -> bool:
    """Whether the sweep belongs into the queue."""
    return cost(asked) > _LONG


def answer(asked: Question) -> dict[str, Any] | None:
    """The whole sweep, as scrubber.pack gives it, if it was worked out for anybody before."""
    with _lock:
        if asked in _kept:
            _kept.move_to_end(asked)
        return _kept.get(asked)


def blank(asked: Question) -> dict[str, Any]:
    """What can be shown until then: the digit before any attack."""
    idle = replace(asked, attack="noise", knobs=(), norm="linf", target=None)
    return cache.swept(idle, (0.0,))


def ask(asked: Question, owner: str) -> Job:
    """Queue the sweep for a visitor; the job's result is what `answer` will give, or the best so far once cancelled."""
    model = cache.model(asked.model)

    def work(job: Job) -> dict[str, Any]:
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
            with _lock:
                _kept[asked] = packed
                while len(_kept) > _ROOM:
                    _kept.popitem(last=False)
        return packed

    return jobs.QUEUE.submit(work, owner)
