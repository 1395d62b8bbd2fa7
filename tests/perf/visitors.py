"""Many visitors at once on a server of two cores: they drag, change digits and turn pages, and look in between.

They come all together, to a server that has just begun to answer. A change is timed as its visitor waits for it: from
sending it until the run that it asks for is finished. Long work goes on beside the page after that, in the queue, and
each visitor asks how far it is as often as a browser would. The visitors have cores of their own where there are more
than two. Linux.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from statistics import median

import numpy as np

from tests.browser.driving import serving
from tests.perf.memory import resident
from tests.perf.targets import Row
from tests.perf.wire import Visitor

CORES = 2
_THINKS = (1.0, 3.0)  # seconds between two changes
_TURNS = 0.2  # of the changes, those that turn to another page
_FIRST = "first visit"  # is no change: it waits for TensorFlow


async def _digit(visitor: Visitor) -> None:
    await visitor.press("digit", f"digit_{visitor.random.randrange(10)}")


async def _slider(visitor: Visitor) -> None:
    told = visitor.component("scrubber")
    if told is not None:  # the thumb jumps between the sweep's own
        await visitor.tell("slider", "cursor", eps=visitor.random.choice(told["sweep"]["epsilons"]))


async def _duel(visitor: Visitor) -> None:
    told = visitor.component("duel")
    if told is not None:
        await visitor.tell("slider of the two", "duel", eps=told["step"] * visitor.random.randrange(61))


async def _train(visitor: Visitor) -> None:
    await visitor.press("a training begun", "poison_train")


async def _table(visitor: Visitor) -> None:
    told = visitor.component("scoreboard")
    if told is not None:
        await visitor.tell(
            "ε of the table", "scoreboard", picks={**told["picks"], "place": visitor.random.randrange(8)}
        )


#: What is done on each page, by its name in the address; one that stands twice is done twice as often.
ACTS: dict[str, tuple[Callable[[Visitor], Awaitable[None]], ...]] = {
    "": (_slider, _slider, _digit),
    "compare": (_digit,),
    "blackbox": (_digit,),
    "landscape": (_digit,),
    "defend": (_duel, _duel, _digit),
    "poison": (_digit, _train),
    "benchmark": (_table,),
}


def main(count: int, minutes: float) -> None:
    """Print what so many visitors had to wait for, and what they cost the server."""
    mine = sorted(os.sched_getaffinity(0))
    with _held(mine[:CORES]), serving() as (url, server):
        rest = mine[CORES:] or mine
        os.sched_setaffinity(0, rest)
        print(f"\n{count} visitors for {minutes:g} min; the server on cores {mine[:CORES]}, they on {rest}")
        visitors, late = asyncio.run(_crowd(url, server.pid, count, minutes))
        _report(visitors)
        print(f"The visitors themselves were late by {1000 * float(np.percentile(late, 95)):.0f} ms (p95)")
        print(Row("the server's memory at its peak", resident(server.pid, "VmHWM"), 1500, "MB"))


@contextmanager
def _held(cores: list[int]) -> Iterator[None]:
    """Whatever is started here keeps to those cores."""
    was = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    yield
    os.sched_setaffinity(0, was)


async def _crowd(url: str, pid: int, count: int, minutes: float) -> tuple[list[Visitor], list[float]]:
    """The visitors after their visits, and how late this process's own clock ran."""
    visitors = [Visitor(url, seed) for seed in range(count)]
    end = time.monotonic() + 60 * minutes
    late: list[float] = []
    watching = asyncio.create_task(_watch(pid, late))
    await asyncio.gather(*(_visit(visitor, end) for visitor in visitors))
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await asyncio.gather(*(visitor.leave() for visitor in visitors))
    return visitors, late


async def _visit(visitor: Visitor, end: float) -> None:
    """One visitor's time on the pages."""
    await visitor.come()
    page, rng = "", visitor.random
    while time.monotonic() < end:
        await asyncio.sleep(rng.uniform(*_THINKS))
        if rng.random() < _TURNS:
            page = rng.choice([each for each in ACTS if each != page])
            await visitor.turn(page)
        else:
            await rng.choice(ACTS[page])(visitor)


async def _watch(pid: int, late: list[float]) -> None:
    """Print the server's memory every half minute; note how late this process wakes up."""
    began, said = time.monotonic(), 0
    while True:
        asleep = time.monotonic()
        await asyncio.sleep(0.1)
        late.append(time.monotonic() - asleep - 0.1)
        if time.monotonic() - began >= said:
            print(f"  after {said:3} s: {resident(pid):.0f} MB", flush=True)
            said += 30


def _report(visitors: list[Visitor]) -> None:
    times = [each for visitor in visitors for each in visitor.times]
    changes = [seconds for kind, seconds in times if kind != _FIRST]
    print(f"{'':24}{'count':>7}{'median':>9}{'p95':>9}{'longest':>9}  (seconds)")
    for kind in sorted({kind for kind, _ in times}):
        _line(kind, [seconds for each, seconds in times if each == kind])
    _line("all changes", changes)
    faults = [fault for visitor in visitors for fault in visitor.faults]
    for fault in sorted(set(faults)):
        print(f"  ! {faults.count(fault)} times: {fault}")
    print(f"Farthest from its turn in the queue: {max(visitor.farthest for visitor in visitors)} jobs ahead, as shown")
    print(Row("a change, p95", float(np.percentile(changes, 95)), 2, "s"))
    print(Row("errors and lost connections", len(faults), 0, ""))


def _line(kind: str, seconds: list[float]) -> None:
    p95 = float(np.percentile(seconds, 95))
    print(f"{kind:24}{len(seconds):>7}{median(seconds):>9.2f}{p95:>9.2f}{max(seconds):>9.2f}")
