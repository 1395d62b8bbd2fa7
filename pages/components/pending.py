"""The long work that a place on a page waits for: begun, left for another, taken up again, and looked at until it ends.

There is one piece for each place and visitor, kept in the session under the place's own key. Who turns to another page
and asks for work there does not wait behind what they have left: that ends, and is asked for anew by who comes back.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components import jobs, session
from pages.components.jobs import Job

_LOOK = 0.4  # seconds between two looks at what has come in
_QUEUED = 2.0  # and while the work waits in the queue: there only its place changes


@dataclass
class Pending:
    """What was asked for, and its job: None where everything was known already."""

    asked: Any
    job: Job | None
    page: str = ""
    stopped: bool = False  # by the visitor
    began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.job is None or self.job.over

    @property
    def left_behind(self) -> bool:
        """Whether it ended because its page was away, and not because the visitor wanted that."""
        return self.job is not None and self.job.state == jobs.CANCELLED and not self.stopped

    @property
    def fault(self) -> str | None:
        """Why it failed, as a sentence."""
        return None if self.job is None else self.job.fault

    @property
    def place(self) -> int:
        """How many jobs are before it in the queue."""
        return 0 if self.over or self.job is None else jobs.QUEUE.place(self.job)

    @property
    def left(self) -> str:
        """How long it will still take, in words; nothing while nobody knows."""
        seconds = None if self.over or self.job is None else self.job.left
        if seconds is None:
            return ""
        return f"about {5 * math.ceil(seconds / 5)} s left" if seconds < 90 else f"about {round(seconds / 60)} min left"

    def parts(self) -> list[Any]:
        """What has come in so far."""
        return [] if self.job is None else list(self.job.parts)

    def stop(self) -> None:
        """End it here, as the visitor wants; what has come in stays."""
        self.stopped = True
        self.drop()

    def drop(self) -> None:
        """End it: nobody waits for it any more."""
        if self.job is not None:
            self.job.cancel()


def told(pending: Pending | None, over: bool) -> dict[str, Any]:
    """How far it is, as every component with progress and a Stop takes it."""
    job = None if pending is None else pending.job
    return {
        "running": not over,
        "stopped": job is not None and job.state == jobs.CANCELLED,
        "place": 0 if pending is None else pending.place,
        "done": 0 if job is None else job.done,
        "total": 1 if job is None else job.total,
    }


def current(key: str) -> Pending | None:
    """What this visitor waits for at that place."""
    return st.session_state.get(key)


def drop(key: str) -> None:
    """Wait no longer at that place."""
    was = st.session_state.pop(key, None)
    if was is not None:
        was.drop()


def of(
    key: str,
    asked: Any,
    work: Callable[[Job], Any] | None,
    *,
    at_once: float = 0.0,
    patience: float | None = None,
) -> Pending:
    """What answers `asked` at that place: as it stands, or else begun here, and an end to the work for anything else.

    work: what a job would have to do; None where all is known. at_once: seconds to wait for quick work, which spares
    the visitor a glimpse of its progress; patience: seconds that the work goes on while nobody looks, on other
    pages too; None for the usual few, and an end where other work is asked for on another page.
    """
    was = current(key)
    if was is not None and was.asked == asked and not was.left_behind and (was.job is not None or work is None):
        return was
    drop(key)
    page = _page()
    if work is not None:
        _leave_others(page)
    job = None if work is None else jobs.QUEUE.submit(work, session.visitor(), patience)
    if job is not None and at_once and not jobs.QUEUE.crowded(job):
        job.wait(at_once)
    st.session_state[key] = Pending(asked, job, page)
    return st.session_state[key]


def _page() -> str:
    """Which page is being run."""
    run = get_script_run_ctx()
    return run.page_script_hash if run else ""


def _leave_others(page: str) -> None:
    """End what this visitor's other pages still work on, unless it is meant to go on without them."""
    for each in st.session_state.values():
        if isinstance(each, Pending) and each.page != page and each.job and each.job.patience is None:
            each.drop()


def watch(key: str, panel: Callable[[bool], None], *, every: float = _LOOK, still: bool = False) -> None:
    """Draw panel(whether nothing more will come) as a fragment: again and again until that is so.

    What the panel draws, it reads from the session: it may run long after the page did. still: only once, whatever may
    come.
    """
    looks = not still and not _over(key)
    queued = looks and _queued(key)

    def look() -> None:
        over = _over(key)  # asked before the panel reads what has come: nothing can come in between unseen
        found = current(key)
        if found is not None and found.job is not None:
            found.job.look()
        panel(over)
        if (over == looks or (queued and not _queued(key))) and not still:
            st.rerun()  # the page has to look from now on, or no longer, or more often

    st.fragment(look, run_every=(_QUEUED if queued else every) if looks else None)()


def _over(key: str) -> bool:
    found = current(key)
    return found is None or found.over


def _queued(key: str) -> bool:
    found = current(key)
    return found is not None and found.place > 0
