"""Work too long for a page's run: done beside it, a few at a time, with progress, a place in the queue, and a cancel.

Each job runs on one core, and there are fewer of them at a time than cores, so that whoever drags a slider meanwhile
has a core left. Nothing here is Streamlit's: a page keeps its job in its session and looks at it from a fragment.
"""

import bisect
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from core.attacks import one_core
from core.errors import InputError

WAITING, RUNNING, DONE, CANCELLED, FAILED = "waiting", "running", "done", "cancelled", "failed"
ABANDONED = 30.0  # seconds without a look that most work bears
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_MOST = 0.3  # seconds for which a job stands back at a time
_log = logging.getLogger(__name__)


class _Awaited:
    """How many attacks somebody waits for on a page; jobs stand back for them."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Somebody waits for what is done inside."""
        with self._change:
            self._count += 1
        try:
            yield
        finally:
            with self._change:
                self._count -= 1
                self._change.notify_all()

    def stand_back(self, most: float) -> None:
        """Return once nobody waits, or after so many seconds."""
        with self._change:
            self._change.wait_for(lambda: not self._count, most)


AWAITED = _Awaited()


class Job:
    """One piece of long work, done by work(job) on another thread. What it has so far may be read at any time.

    patience: seconds without a look after which it is taken for left behind, None for as many as usual.
    state: waiting, running, done, cancelled or failed; done, total: how far it is, in the work's own units; parts: what
    the work has handed in so far, in order; result: what it returned; fault: why it failed, as a sentence.
    """

    def __init__(self, work: Callable[["Job"], Any], owner: str, patience: float | None = None):
        self.owner, self.patience = owner, patience
        self.state = WAITING
        self.done, self.total = 0, 1
        self.parts: list[Any] = []
        self.result: Any = None
        self.fault: str | None = None
        self._work = work
        self._wanted = True
        self._end = threading.Event()
        self._seen = time.monotonic()
        self._began: float | None = None
        self._stood = 0.0  # when it last stood back

    def report(self, done: int, total: int, x_so_far: object = None) -> bool:
        """Say how far the work is; False once it should stop. Fits an attack's watch."""
        self.done, self.total = done, total
        self._stand_back()
        return self.wanted

    def hand_in(self, part: Any) -> bool:
        """Add a part of the result; False once the work should stop."""
        self.parts.append(part)
        return self.wanted

    def _stand_back(self) -> None:
        """Leave the cores to whoever waits for an attack, as long as it has worked: half its pace is its own."""
        if self.state == RUNNING:
            AWAITED.stand_back(min(time.monotonic() - self._stood, _MOST))
            self._stood = time.monotonic()

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it; once nobody does, a page that comes back does not change that."""
        if time.monotonic() - self._seen >= (self.patience or ABANDONED):
            self._wanted = False
        return self._wanted

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state not in (WAITING, RUNNING)

    @property
    def left(self) -> float | None:
        """Seconds that it will still take, going by what it has taken so far; None while that says little."""
        taken = 0.0 if self._began is None else time.monotonic() - self._began
        if taken < 2.0 or not 0 < self.done < self.total:
            return None
        return taken * (self.total - self.done) / self.done

    def cancel(self) -> None:
        """Stop as soon as the work next reports; its parts stay."""
        self._wanted = False

    def wait(self, seconds: float) -> bool:
        """Wait for its end, but no longer than that; whether it is over. Spares quick work a second look."""
        return self._end.wait(seconds)

    def end(self) -> None:
        """Nothing more will come: wake whoever waits."""
        self._end.set()

    def look(self) -> None:
        """Say that its page is still there."""
        self._seen = time.monotonic()

    def run(self) -> None:
        """Do the work here and now. Its faults end in the job, never in the thread, whatever they are: others wait."""
        self.state = RUNNING
        self._began = self._stood = time.monotonic()
        try:
            with one_core():
                self.result = self._work(self)
        except InputError as fault:
            self.state, self.fault = FAILED, str(fault)
        except MemoryError:
            self.state, self.fault = FAILED, "The server had no memory left for this. All else stands as it was."
        except BaseException:  # an exit, too
            _log.exception("A job failed.")
            self.state, self.fault = FAILED, "This could not be finished. The details are in the server's log."
        else:
            self.state = DONE if self._wanted else CANCELLED  # whoever never asked has not cut it short


class Queue:
    """Jobs in the order they came, `workers` at a time; one owner's second job lets other owners' first ones pass."""

    def __init__(self, workers: int):
        self._workers = workers
        self._waiting: list[tuple[int, int, Job]] = []  # the owner's turn, the number in which it came, the job
        self._change = threading.Condition()
        self._count = self._turn = self._busy = 0
        self._turns: dict[str, int] = {}  # the last turn that each owner has taken or waits for

    def submit(self, work: Callable[[Job], Any], owner: str, patience: float | None = None) -> Job:
        """Queue work(job) for an owner, a visitor's session; the job tells how it goes."""
        job = Job(work, owner, patience)
        with self._change:
            if not self._count:
                for number in range(self._workers):
                    threading.Thread(target=self._serve, name=f"job-{number}", daemon=True).start()
            self._count += 1
            turn = self._turns[owner] = max(self._turn, self._turns.get(owner, 0) + 1)
            bisect.insort(self._waiting, (turn, self._count, job))
            self._change.notify()
        return job

    def place(self, job: Job) -> int:
        """How many jobs will start before this one; 0 once it runs or is over."""
        with self._change:
            order = [waiting for *_, waiting in self._waiting]
            return sum(each.wanted for each in order[: order.index(job)]) if job in order else 0

    def crowded(self, job: Job) -> bool:
        """Whether it has to wait until others' jobs have ended."""
        with self._change:
            order = [waiting for *_, waiting in self._waiting]
            return job in order and self._busy + order.index(job) >= self._workers

    def _serve(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    self._change.wait()
                self._turn, _, job = self._waiting.pop(0)
                self._turns = {owner: turn for owner, turn in self._turns.items() if turn >= self._turn}
                self._busy += 1
            if job.wanted:
                job.run()
            else:
                job.state = CANCELLED
            with self._change:
                self._busy -= 1
            job.end()


#: All visitors' long work. One core stays free for whoever plays meanwhile.
QUEUE = Queue(workers=max(1, min(_CORES - 1, 3)))
