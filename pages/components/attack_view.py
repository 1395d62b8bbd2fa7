"""The Attack page once the network is awake: the picks, and the scrubber with the whole sweep in it."""

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import sweep
from core.errors import InputError
from pages.components import (
    cache,
    controls,
    long_sweep,
    opening,
    pending,
    scrubber,
    session,
    snippet,
    strip,
)
from pages.components.question import Question
from pages.components.session import DECIMALS, STEP, View

_SCRUBBER, _CURSOR = "scrubber", "cursor"
_FILM = "film_eps"
_WHOLE = "whole_sweep"  # the question whose whole sweep the scrubber has asked for
_OWED = "attack_owed"  # which of the two components have a word of the visitor's still to be answered
_DRAWN = "attack_drawn"  # the view that the page shows, whatever its ε
_FAULT = "sweep_fault"  # what the scrubber said instead of a sweep
_LONG = "long_sweep"  # the place of a sweep that takes seconds
_LOOK = 0.3  # seconds between two looks at such a job
_AT_ONCE = 0.5  # seconds that a page waits for one before it shows progress
_QUICK = 5  # gradients or queries an image up to which the whole sweep is there before anybody would miss it


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay.

    The scrubber is drawn first, though it stands below the picks: it is what the visitor waits for.
    """
    view = session.current()
    st.session_state[_DRAWN] = replace(view, eps=0.0)
    code_asked = opening.code_asked() is not None
    picks = opening.row()
    opening.link_notes(st.empty())  # here with or without one, so that the scrubber keeps its place
    _wait_for_long(view)
    pending.watch(_LONG, lambda over: _sweep(), every=_LOOK)
    _cursor()
    with picks:
        asked = strip.draw(view.index)
        controls.draw(view)
    opening.dialogs(asked)
    if code_asked and not asked:
        opening.show_code(snippet.code(view))


def _wait_for_long(view: View) -> None:
    """Have this view's sweep worked out beside the page, where that takes seconds; one for other picks ends."""
    try:
        asked = cache.question(view)
    except InputError:
        return pending.drop(_LONG)  # the scrubber's place will say it
    known = not long_sweep.is_long(asked) or long_sweep.answer(asked) is not None
    pending.of(_LONG, asked, None if known else long_sweep.work(asked), at_once=_AT_ONCE)


def _progress() -> None:
    """How far a long sweep is, and a way to end it."""
    found = pending.current(_LONG)
    if found is None or found.job is None:
        return
    job = found.job
    if not job.over:
        words = f"{found.place} ahead in the queue" if found.place else f"Attacking… {job.done} of {job.total}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(min(job.done / max(job.total, 1), 1.0), words)
            st.button("Stop", key="stop_sweep", on_click=found.stop)
    elif found.stopped:
        st.caption(f"Stopped at {job.done} of {job.total}: what stands here is the best so far.")
    elif found.fault:
        st.error(found.fault, icon=":material/error:")


def _sweep() -> None:
    """The scrubber with the sweep in it; runs again for the sweep's second part, and while a long one is on its way."""
    view = session.current()
    st.session_state.pop(_FAULT, None)
    _progress()
    try:
        asked = cache.question(view)
        data = _data(view, asked)
        scrubber.draw(data, key=_SCRUBBER, on_whole=_whole_asked)
        if data["sweep"]["notes"] and not asked.instance.staged:  # of stages, the notes count digits: here it is one
            st.caption(data["sweep"]["notes"])
    except InputError as fault:
        st.session_state[_FAULT] = str(fault)
        st.error(str(fault), icon=":material/error:")
    _answered(_SCRUBBER)


@st.fragment
def _cursor() -> None:
    """Where in the sweep the visitor is; all that runs when the slider is let go."""
    view = session.current()
    try:
        scrubber.draw_cursor(
            _at_eps(view, cache.question(view)), key=_CURSOR, on_eps=_moved, on_path=_film_asked, on_code=_code_asked
        )
    except InputError as fault:
        if st.session_state.get(_FAULT) != str(fault):
            st.error(str(fault), icon=":material/error:")
    opening.rerun_for_code()
    _answered(_CURSOR)


def _owes(which: str) -> None:
    st.session_state.setdefault(_OWED, set()).add(which)


def _answered(which: str) -> None:
    """At the end of that part of the page: the browser names only one part in what it tells at one moment.

    Where the visitor had a word for the other part too, or for the whole page, all of it runs.
    """
    owed = st.session_state.setdefault(_OWED, set())
    owed.discard(which)
    run = get_script_run_ctx()
    alone = run is not None and bool(run.fragment_ids_this_run)
    if alone and (owed or st.session_state[_DRAWN] != replace(session.current(), eps=0.0)):
        st.rerun()


def _part(view: View, asked: Question) -> tuple[float, ...] | None:
    """The few ε that a long attack is answered at first, in a tenth of the time; None where the whole sweep is due.

    The scrubber shows those and asks for the rest.
    """
    top, quick = sweep.EPS_MAX[view.norm], long_sweep.cost(asked) <= _QUICK
    if asked.instance.minimises or quick or st.session_state.setdefault(_WHOLE, asked.key) == asked.key:
        return None
    return (0.0, view.eps, top) if _between(view.eps, np.array([0.0, top]), view.norm) else (0.0, top)


def _between(eps: float, epsilons: np.ndarray, norm: str) -> bool:
    """Whether eps is none of the epsilons."""
    return bool(np.abs(epsilons - eps).min() > STEP[norm] / 100)


def _packed(view: View, asked: Question) -> tuple[dict[str, Any], bool]:
    """As much of the sweep as there is, and whether that is all of it."""
    if not long_sweep.is_long(asked):
        part = _part(view, asked)
        return cache.swept(asked, part), part is None
    job = st.session_state[_LONG].job
    found = long_sweep.answer(asked) or (job and job.over and job.result)
    return (found, True) if found else (long_sweep.blank(asked), False)


def _data(view: View, asked: Question) -> dict[str, Any]:
    """What the scrubber holds: nothing in it changes with ε once the sweep is whole."""
    packed, whole = _packed(view, asked)
    attack = asked.instance
    return {
        "key": asked.key,
        "sweep": packed,
        "whole": whole,
        "max": sweep.EPS_MAX[view.norm],
        "step": STEP[view.norm],
        "decimals": DECIMALS[view.norm],
        "norm": view.norm,
        "label": view.y,
        "target": view.target,
        "digit": "your digit" if view.pixels is not None else f"bundled digit {view.index}",
        "file": f"{view.attack}-{view.model}",
        "caption": f"{controls.named(view)} on {cache.title(view.model)}",
        "setting": {"model": view.model, "attack": view.attack, "knobs": dict(view.knobs), "seed": view.seed},
        "link": session.link(replace(view, eps=0.0)),  # the browser writes its own ε into it
        "steps": hasattr(attack, "steps") and not long_sweep.is_long(asked),
        "minimises": attack.minimises,
        "gradients": attack.knowledge == "gradient",
    }


def _at_eps(view: View, asked: Question) -> dict[str, Any]:
    """What the cursor brings: ε, its row where that lies between two of the sweep's, and a film that was asked for."""
    data: dict[str, Any] = {"key": asked.key, "eps": view.eps}
    if _between(view.eps, sweep.grid(view.norm), view.norm) and not long_sweep.is_long(asked):
        part = _part(view, asked)
        data["row"] = scrubber.row_of(cache.swept(asked, part), 1) if part else cache.swept(asked, (view.eps,))
    if _FILM in st.session_state and not long_sweep.is_long(asked):
        eps = st.session_state.pop(_FILM) or view.eps or _telling(cache.swept(asked))
        data["film"] = {**cache.filmed(asked, eps), "id": st.session_state.setdefault("films", 0)}
        st.session_state["films"] += 1
    return data


def _telling(packed: dict[str, Any]) -> float:
    """An ε worth watching the steps at, for who has not chosen one: where the digit falls, or the largest."""
    fallen = [eps for eps, success in zip(packed["epsilons"], packed["success"], strict=True) if success]
    return fallen[0] if fallen else packed["epsilons"][-1]


def _told(name: str) -> float | None:
    """The ε that the scrubber sent under that name, on the slider's steps; None for whatever is no number."""
    eps = getattr(st.session_state.get(_CURSOR), name, None)
    if not isinstance(eps, int | float) or not abs(eps) < 1e9:  # NaN is not, nor a whole number too long for a float
        return None
    return session.snap(float(eps), session.current().norm)


def _moved(name: str = "eps") -> None:
    _owes(_CURSOR)
    eps = _told(name)
    if eps is not None:
        session.put(replace(session.current(), eps=eps))


def _film_asked() -> None:
    _owes(_CURSOR)
    st.session_state[_FILM] = _told("path")


def _code_asked() -> None:
    _moved("code")
    opening.ask_code()


def _whole_asked() -> None:
    _owes(_SCRUBBER)
    st.session_state[_WHOLE] = getattr(st.session_state.get(_SCRUBBER), "whole", None)
