"""The Attack page once the network is awake: the picks, and the scrubber with the whole sweep in it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from core import knobs, sweep
from core.errors import InputError
from pages.components import cache, controls, own_digit, scrubber, session, snippet, strip
from pages.components.question import Question
from pages.components.session import DECIMALS, STEP, View

_SCRUBBER, _CURSOR = "scrubber", "cursor"
_FILM = "film_eps"
_CODE = "code_asked"
_WHOLE = "whole_sweep"  # the question whose whole sweep the scrubber has asked for
_FAULT = "sweep_fault"  # what the scrubber said instead of a sweep
_QUICK = 5  # gradients or queries an image up to which the whole sweep is there before anybody would miss it


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay.

    The scrubber is drawn first, though it stands below the picks: it is what the visitor waits for.
    """
    view = session.current()
    code_asked = st.session_state.pop(_CODE, False)
    picks = st.container(horizontal=True, key="picks", vertical_alignment="bottom", gap="xsmall")
    notice = st.empty()  # here with or without one, so that the scrubber keeps its place
    if session.notes():
        notice.info("A part of the link was ignored. " + " ".join(session.notes()), icon=":material/link_off:")
    _sweep()
    _cursor()
    with picks:
        asked = strip.draw(view.index)
        controls.draw(view)
    if asked == "draw":
        own_digit.draw()
    elif asked == "upload":
        own_digit.upload()
    elif code_asked:
        _show_code(view)


@st.fragment
def _sweep() -> None:
    """The scrubber with the sweep in it; runs again for the sweep's second part."""
    view = session.current()
    st.session_state.pop(_FAULT, None)
    try:
        scrubber.draw(_data(view, cache.question(view)), key=_SCRUBBER, on_whole=_whole_asked)
    except InputError as fault:
        st.session_state[_FAULT] = str(fault)
        st.error(str(fault), icon=":material/error:")


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
    if _CODE in st.session_state:
        st.rerun()  # a dialog belongs to the page


def _part(view: View, asked: Question) -> tuple[float, ...] | None:
    """The few ε that a long attack is answered at first, in a tenth of the time; None where the whole sweep is due.

    The scrubber shows those and asks for the rest.
    """
    attack, top = asked.instance, sweep.EPS_MAX[view.norm]
    settings = knobs.as_dict(attack)
    cost = math.prod(settings[knob.name] for knob in knobs.of(type(attack)) if knob.kind == "int")
    if attack.minimises or cost <= _QUICK or st.session_state.setdefault(_WHOLE, asked.key) == asked.key:
        return None
    return (0.0, view.eps, top) if _between(view.eps, np.array([0.0, top]), view.norm) else (0.0, top)


def _between(eps: float, epsilons: np.ndarray, norm: str) -> bool:
    """Whether eps is none of the epsilons."""
    return bool(np.abs(epsilons - eps).min() > STEP[norm] / 100)


def _data(view: View, asked: Question) -> dict[str, Any]:
    """What the scrubber holds: nothing in it changes with ε once the sweep is whole."""
    part = _part(view, asked)
    attack = asked.instance
    return {
        "key": asked.key,
        "sweep": cache.swept(asked, part),
        "whole": part is None,
        "max": sweep.EPS_MAX[view.norm],
        "step": STEP[view.norm],
        "decimals": DECIMALS[view.norm],
        "norm": view.norm,
        "label": view.y,
        "target": view.target,
        "digit": "your digit" if view.pixels is not None else f"bundled digit {view.index}",
        "file": f"{view.attack}-{view.model}",
        "caption": f"{controls.named(view)} on {cache.titles().get(view.model, view.model)}",
        "setting": {"model": view.model, "attack": view.attack, "knobs": dict(view.knobs), "seed": view.seed},
        "link": session.link(replace(view, eps=0.0)),  # the browser writes its own ε into it
        "steps": hasattr(attack, "steps"),
        "minimises": attack.minimises,
        "gradients": attack.knowledge == "gradient",
    }


def _at_eps(view: View, asked: Question) -> dict[str, Any]:
    """What the cursor brings: ε, its row where that lies between two of the sweep's, and a film that was asked for."""
    data: dict[str, Any] = {"key": asked.key, "eps": view.eps}
    if _between(view.eps, sweep.grid(view.norm), view.norm):
        part = _part(view, asked)
        data["row"] = scrubber.row_of(cache.swept(asked, part), 1) if part else cache.swept(asked, (view.eps,))
    if _FILM in st.session_state:
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
    eps = _told(name)
    if eps is not None:
        session.put(replace(session.current(), eps=eps))


def _film_asked() -> None:
    st.session_state[_FILM] = _told("path")


def _code_asked() -> None:
    _moved("code")
    st.session_state[_CODE] = True


def _whole_asked() -> None:
    st.session_state[_WHOLE] = getattr(st.session_state.get(_SCRUBBER), "whole", None)


@st.dialog("The same, in Python", width="medium")
def _show_code(view: View) -> None:
    st.code(snippet.code(view), language="python", wrap_lines=True)
    st.caption("Run it where this project's folder is the working directory, or on the Python path.")
