"""The transfer matrix on the Black box page: offered, worked out on demand, and shown."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from core import attacks, norms
from pages.components import budget, heat, jobs, session, transferring
from pages.components.session import View
from pages.components.transferring import MATRICES, Setting

_KEY, _JOB = "heat", "transferring"
_LOOK = 0.4  # seconds between two looks at how far it is


@dataclass
class _Running:
    """The matrix that this visitor has asked for."""

    asked: Setting
    job: jobs.Job


def draw(view: View, link: str) -> None:
    """The matrix at the page's budget; in a norm that its attack has, at the same share. link: the page's own."""
    known = attacks.get(transferring.ATTACK).norms
    norm = view.norm if view.norm in known else known[0]
    asked, missing = transferring.setting(norm, budget.eps(norm))
    running: _Running | None = st.session_state.get(_JOB)
    if running is not None and running.asked != asked:
        running.job.cancel()
        del st.session_state[_JOB]
    looks = _waits()
    st.fragment(_matrix, run_every=_LOOK if looks else None)(asked, link, looks)
    for sentence in missing:
        st.error(sentence, icon=":material/error:")


def _waits() -> bool:
    running: _Running | None = st.session_state.get(_JOB)
    return running is not None and not running.job.over


def _matrix(asked: Setting, link: str, looks: bool) -> None:
    waits = _waits()  # asked before the matrix is read: it cannot come in between unseen
    running: _Running | None = st.session_state.get(_JOB)
    job = None if running is None else running.job
    if job is not None:
        job.look()
    stop = None if job is None else job.cancel
    heat.draw(_data(asked, link, job, waits), key=_KEY, on_run=partial(_begin, asked), on_stop=stop)
    if job is not None and job.fault:
        st.error(job.fault, icon=":material/error:")
    if waits != looks:
        st.rerun()  # the page has to look from now on, or no longer


def _begin(asked: Setting) -> None:
    if not _waits():
        job = jobs.QUEUE.submit(lambda job: transferring.run(job, asked), owner=session.visitor())
        st.session_state[_JOB] = _Running(asked, job)


def _data(asked: Setting, link: str, job: jobs.Job | None, waits: bool) -> dict[str, Any]:
    title = attacks.get(transferring.ATTACK).title
    eps = budget.said(asked.norm, asked.eps)
    count = transferring.COUNT
    return {
        "key": f"{asked.norm}-{eps}",
        "titles": asked.titles,
        "models": [name for name, _ in asked.models],
        "matrix": MATRICES.get(asked),
        "count": count,
        "running": waits,
        "stopped": job is not None and job.state == jobs.CANCELLED,
        "place": jobs.QUEUE.place(job) if job is not None and job.state == jobs.WAITING else 0,
        "done": 0 if job is None else job.done,
        "total": 1 if job is None else job.total,
        "offer": f"{title} attacks {count} digits on each of the {len(asked.models)} networks, and every network reads "
        "what came of it: what an attacker can count on who may not ask. It takes a few seconds a network.",
        "caption": f"{title}, ε = {eps} in {norms.get(asked.norm).title}, {count} bundled digits, "
        f"{transferring.EACH} of each class",
        "file": f"transfer-{asked.norm}-{eps}",
        "link": link,
    }
