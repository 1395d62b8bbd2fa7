"""The Attack page once the network is awake: the picks, and the scrubber with the whole sweep in it."""

import hashlib
from dataclasses import replace
from typing import Any

import streamlit as st

from core import sweep
from core.errors import InputError
from pages.components import cache, controls, own_digit, scrubber, session, snippet, strip
from pages.components.session import DECIMALS, STEP, View

_KEY = "scrubber"
_FILM = "film_eps"


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    view = session.current()
    with st.container(horizontal=True, key="picks", vertical_alignment="bottom", gap="xsmall"):
        asked = strip.draw(view.index)
        controls.draw(view)
    if session.notes():
        st.info("A part of the link was ignored. " + " ".join(session.notes()), icon=":material/link_off:")
    try:
        scrubber.draw(_data(view), key=_KEY, on_eps=_moved, on_path=_film_asked, on_code=_code_asked)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
    if asked == "draw":
        own_digit.draw()
    elif asked == "upload":
        own_digit.upload()
    elif st.session_state.pop("code_asked", False):
        _show_code(view)


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
    packed = cache.swept(*question)
    if all(abs(eps - view.eps) > STEP[view.norm] / 100 for eps in packed["epsilons"]):
        packed = scrubber.with_row(packed, cache.swept(*question, epsilons=(view.eps,)))
    data = {
        "key": hashlib.sha256(repr(question).encode()).hexdigest()[:16],
        "sweep": packed,
        "eps": view.eps,
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
    st.session_state["code_asked"] = True


@st.dialog("The same, in Python", width="medium")
def _show_code(view: View) -> None:
    st.code(snippet.code(view), language="python", wrap_lines=True)
    st.caption("Run it where this project's folder is the working directory, or on the Python path.")
