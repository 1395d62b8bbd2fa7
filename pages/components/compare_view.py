"""The Compare page once the network is awake: one digit, all attacks at once, as they come in."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core import norms
from core.errors import InputError
from pages.components import (
    budget,
    cache,
    comparison,
    controls,
    extras,
    gallery,
    jobs,
    own_digit,
    packing,
    session,
    snippet,
    strip,
)
from pages.components.comparison import Entry
from pages.components.session import View

_KEY, _JOB, _OPEN, _CODE = "gallery", "comparison", "comparison_open", "comparison_code"
_LOOK = 0.4  # seconds between two looks at what has come in
_within = extras.choice("within", norms.names())
_EXTRAS = (_within, budget.share)


@dataclass
class _Running:
    """The comparison that this visitor's page shows.

    asked: what it is about; chosen: its attacks, in order; shown: whether the page knows that it is over.
    """

    asked: tuple
    chosen: list[Entry]
    job: jobs.Job
    shown: bool = False


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    view = session.current()
    if st.session_state.pop(_CODE, False):
        _show_code(view)
    opened = st.session_state.pop(_OPEN, None)
    if opened is not None:
        session.put(opened)
        st.switch_page("pages/attack.py")
    picks = st.container(horizontal=True, key="picks", vertical_alignment="bottom", gap="xsmall")
    extras.said(_EXTRAS)  # a fault of the link in them has its note, too
    if session.notes():
        st.info("A part of the link was ignored. " + " ".join(session.notes()), icon=":material/link_off:")
    with picks:
        asked = strip.draw(view.index)
        controls.model(view)
        budget.draw(_within.value, _pick_norm, "An attack that does not know this norm gets the same share of its own.")
        controls.target(view, disabled=False)
    if asked == "draw":
        own_digit.draw()
    elif asked == "upload":
        own_digit.upload()
    try:
        running = _running(view)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
        return
    st.fragment(_gallery, run_every=None if running.job.over else _LOOK)()


def _pick_norm() -> None:
    st.segmented_control(
        "Norm",
        norms.names(),
        format_func=lambda name: norms.get(name).title,
        required=True,
        **_within.bound(_within.value),
    )


def _eps() -> float:
    return budget.eps(_within.value)


def _running(view: View) -> _Running:
    """The comparison that the picks ask for; a new one, and an end to the old, once they ask for another."""
    model = cache.model(view.model)
    plain = replace(view, attack="pgd", knobs=(), norm="linf", eps=0.0)  # what only the Attack page's picks fix
    asked = (plain, model.version, _within.value, _eps())
    was: _Running | None = st.session_state.get(_JOB)
    if was is not None and was.asked == asked:
        return was
    if was is not None:
        was.job.cancel()
    chosen = comparison.entries(view, _within.value, _eps())
    job = jobs.QUEUE.submit(lambda job: comparison.run(job, model, chosen), owner=session.visitor())
    st.session_state[_JOB] = _Running(asked, chosen, job)
    return st.session_state[_JOB]


def _gallery() -> None:
    """What has come in so far; runs again and again until all has."""
    running: _Running = st.session_state[_JOB]
    over = running.job.over  # asked before the parts are read: none can come in between unseen
    running.job.look()
    data = _data(session.current(), running, over)
    gallery.draw(data, key=_KEY, on_open=_opened, on_stop=running.job.cancel, on_code=_code_asked)
    if running.job.fault:
        st.error(running.job.fault, icon=":material/error:")
    if _OPEN in st.session_state or _CODE in st.session_state:
        st.rerun()
    if over and not running.shown:
        running.shown = True
        st.rerun()  # the page no longer needs to look


def _data(view: View, running: _Running, over: bool) -> dict[str, Any]:
    job = running.job
    cards = [_told(dict(part), view) for part in list(job.parts)]
    come = {card["name"] for card in cards}
    for entry in running.chosen:
        if entry.view.attack not in come:
            card = {"name": entry.view.attack, "title": entry.attack.title}
            cards.append({**card, "running": not over and len(cards) == job.done and job.state == jobs.RUNNING})
    model = cache.model(view.model)
    reads = int(cache.reading(view.model, model.version, view.x.tobytes()).argmax())
    norm, eps = _within.value, budget.said(_within.value, _eps())
    return {
        "key": f"{hash(running.asked):x}",
        "cards": cards,
        "original": packing.grey(view.x),
        "label": view.y,
        "wrong": reads if reads != view.y else None,
        "running": not over,
        "stopped": job.state == jobs.CANCELLED,
        "place": jobs.QUEUE.place(job) if job.state == jobs.WAITING else 0,
        "done": min(job.done, len(running.chosen)),
        "total": len(running.chosen),
        "caption": f"{cache.titles().get(view.model, view.model)}, ε = {eps} in {norms.get(norm).title}",
        "file": f"compare-{view.model}-{norm}-{eps}",
        "setting": {"model": view.model, "norm": norm, "eps": _eps(), "target": view.target, "seed": view.seed},
        "link": "&".join(filter(None, (session.link(running.asked[0]), urlencode(extras.said(_EXTRAS))))),
    }


def _told(card: dict[str, Any], view: View) -> dict[str, Any]:
    """A card with its verdict, and a note where it was not run in the norm that was asked for."""
    if "fault" in card:
        return {**card, "kind": "fault"}
    reads = int(np.argmax(card["probabilities"]))
    if card["success"]:
        kind = "fooled"
    elif reads == view.y:
        kind = "held"
    else:
        kind = "off" if card["within"] else "beyond"
    note = " ".join(card["notes"])
    if card["norm"] != _within.value:
        eps = budget.said(card["norm"], card["eps"])
        note = f"It has no {norms.get(_within.value).title}: in {card['within_norm']} at {eps}."
    elif kind == "beyond" and not note:
        note = "The smallest change that it found is larger than ε."
    return {**card, "kind": kind, "reads": reads, "note": note}


def _opened() -> None:
    """A card was pressed: its attack, as it stood there, is what the Attack page will show."""
    name = getattr(st.session_state.get(_KEY), "open", None)
    running: _Running | None = st.session_state.get(_JOB)
    for entry in running.chosen if running else ():
        if entry.view.attack == name:
            st.session_state[_OPEN] = entry.view


def _code_asked() -> None:
    st.session_state[_CODE] = True


@st.dialog("The same, in Python", width="medium")
def _show_code(view: View) -> None:
    st.code(snippet.all_attacks(view, _within.value, _eps()), language="python", wrap_lines=True)
    st.caption("Run it where this project's folder is the working directory, or on the Python path.")
