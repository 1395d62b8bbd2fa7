"""The Attack page once the network is awake: the picks, and the scrubber with the whole sweep in it."""

import hashlib
import math
from dataclasses import replace
from typing import Any

import streamlit as st

from core import sweep
from core.errors import InputError
from pages.components import cache, controls, own_digit, scrubber, session, snippet, strip
from pages.components.session import DECIMALS, STEP, View

_KEY = "scrubber"
_FILM = "film_eps"
_CODE = "code_asked"
_WHOLE = "whole_sweep"  # the question whose whole sweep the scrubber has asked for
_QUICK = 5  # gradients an image up to which the whole sweep is there before anybody would miss it


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
    _scrub()
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
def _scrub() -> None:
    """The scrubber, whose own wishes run nothing of the page but this."""
    try:
        scrubber.draw(
            _data(session.current()),
            key=_KEY,
            on_eps=_moved,
            on_path=_film_asked,
            on_code=_code_asked,
            on_whole=_whole_asked,
        )
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
    if _CODE in st.session_state:
        st.rerun()  # a dialog belongs to the page


def _sweep(view: View, question: tuple, key: str) -> tuple[dict[str, Any], bool]:
    """The packed sweep, and whether it is the whole one.

    A long attack is first answered at the ε on the slider and at both ends, in a tenth of the time; the scrubber
    shows that and asks for the rest.
    """
    attack, top = view.instance(), sweep.EPS_MAX[view.norm]
    cost = math.prod(getattr(attack, name, 1) for name in ("steps", "restarts", "draws"))
    near = STEP[view.norm] / 100
    if cost > _QUICK and st.session_state.setdefault(_WHOLE, key) != key:
        between = (view.eps,) if near < view.eps < top - near else ()
        return cache.swept(*question, epsilons=(0.0, *between, top)), False
    packed = cache.swept(*question)
    if all(abs(eps - view.eps) > near for eps in packed["epsilons"]):
        packed = scrubber.with_row(packed, cache.swept(*question, epsilons=(view.eps,)))
    return packed, True


def _data(view: View) -> dict[str, Any]:
    model = cache.model(view.model)
    question = (
        view.model,
        model.version,
        view.attack,
        view.knobs,
        view.x.tobytes(),
        view.y,
        view.norm,
        view.target,
        view.seed,
    )
    key = hashlib.sha256(repr(question).encode()).hexdigest()[:16]
    packed, whole = _sweep(view, question, key)
    data = {
        "key": key,
        "sweep": packed,
        "whole": whole,
        "eps": view.eps,
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
        "link": session.link(view),
        "steps": hasattr(view.instance(), "steps"),
    }
    if _FILM in st.session_state:
        eps = st.session_state.pop(_FILM) or view.eps or _telling(packed)
        data["film"] = {**cache.filmed(*question, eps), "id": st.session_state.setdefault("films", 0)}
        st.session_state["films"] += 1
    return data


def _telling(packed: dict[str, Any]) -> float:
    """An ε worth watching the steps at, for who has not chosen one: where the digit falls, or the largest."""
    fallen = [eps for eps, success in zip(packed["epsilons"], packed["success"], strict=True) if success]
    return fallen[0] if fallen else packed["epsilons"][-1]


def _told(name: str) -> float | None:
    """The ε that the scrubber sent under that name, on the slider's steps; None for whatever is no number."""
    eps = getattr(st.session_state.get(_KEY), name, None)
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
    st.session_state[_WHOLE] = getattr(st.session_state.get(_KEY), "whole", None)


@st.dialog("The same, in Python", width="medium")
def _show_code(view: View) -> None:
    st.code(snippet.code(view), language="python", wrap_lines=True)
    st.caption("Run it where this project's folder is the working directory, or on the Python path.")
