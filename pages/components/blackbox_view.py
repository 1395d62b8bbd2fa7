"""The Black box page once the network is awake: one attack as a film, and beside it the other kinds of attacker."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import attacks, norms
from core.errors import InputError
from core.result import TOLERANCE
from pages.components import (
    budget,
    cache,
    controls,
    extras,
    film,
    filming,
    opening,
    packing,
    pending,
    session,
    snippet,
    transfer_view,
)
from pages.components.filming import FILMS, Scene
from pages.components.pending import Pending
from pages.components.session import DECIMALS, View

_KEY, _JOB, _MOVED = "film", "filming", "film_moved"
_FIRST = "scores"  # what an attacker knows for who comes to this page first

#: What an attacker may know: the word for it, what that means, and the attack that stands for it.
KNOWLEDGE = {
    "gradient": ("Everything", "the network and its weights: it follows the gradient.", "pgd"),
    "scores": ("Scores", "what the network answers: all ten probabilities.", "square"),
    "decision": ("The label", "which digit the network answers, and no more.", "hopskipjump"),
    "nothing": ("Nothing", "neither the network nor one answer of it.", "transfer"),
}


def _read_knowledge(text: str) -> str:
    if text not in KNOWLEDGE:
        raise ValueError(text)
    return text


_knows = extras.Extra("knows", None, _read_knowledge, "one of " + ", ".join(KNOWLEDGE))
_EXTRAS = (_knows, budget.share)


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    _first_visit()
    view = _settled(session.current())
    code = opening.code_asked()
    if code == transfer_view.CODE:
        opening.show_code(transfer_view.code(view))
    elif code is not None:
        opening.show_code(snippet.film(replace(view, eps=budget.eps(view.norm))))
    with opening.picks(_EXTRAS):
        controls.model(view)
        controls.attack(view, _with_knowledge(_knowledge()), _settled)
        budget.draw(view.norm, lambda: controls.norm(view, _settled))
        controls.target(view)
    _pick_knowledge()
    try:
        _begin(view)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
        return
    pending.watch(_JOB, _film)
    transfer_view.draw(view, _link(view))


# ---------------------------------------------------------------------------------------------- what the attacker knows
def _knowledge() -> str:
    """What the attacker of this page knows: as picked, or else what the visitor's attack needs, unless that is all."""
    needs = attacks.get(session.current().attack).knowledge
    return _knows.value or (needs if needs != "gradient" else _FIRST)


def _with_knowledge(knows: str) -> list[str]:
    return [name for name in attacks.names() if attacks.get(name).knowledge == knows]


def _standing_for(knows: str) -> str:
    """The attack that stands for a knowledge."""
    among, usual = _with_knowledge(knows), KNOWLEDGE[knows][2]
    return usual if usual in among else among[0]


def _settled(view: View) -> View:
    """The view with an attack that makes do with what the attacker of this page knows: its own, or the usual one."""
    knows = _knowledge()
    return view if attacks.get(view.attack).knowledge == knows else view.with_attack(_standing_for(knows))


def _first_visit() -> None:
    """Say so where a link names an attack that the knowledge it names does not suffice for."""
    if "blackbox_seen" in st.session_state:
        return
    st.session_state["blackbox_seen"] = True
    view = session.current()
    if _knows.value and "attack" in session.came_by() and _settled(view) != view:
        session.add_note(
            f"{attacks.get(view.attack).title} does not fit what the attacker is said to know: "
            f"{attacks.get(_settled(view).attack).title} stands in its place."
        )


def _pick_knowledge() -> None:
    knows = _knowledge()
    with st.container(horizontal=True, key="knows-row", vertical_alignment="center", gap="small"):
        st.html("<p>The attacker knows</p>", width="content")
        st.segmented_control(
            "The attacker knows",
            list(KNOWLEDGE),
            format_func=lambda name: KNOWLEDGE[name][0],
            required=True,
            label_visibility="collapsed",
            **_knows.bound(knows),
        )
        st.html(f'<p class="means">{KNOWLEDGE[knows][1]}</p>')


# ---------------------------------------------------------------------------------------------------------- the film
def _scene(view: View) -> Scene:
    return cache.question(view), budget.eps(view.norm)


def _begin(view: View) -> None:
    """Have the films made that the picks ask for: the page's own scene first, then one for each knowledge."""
    usual = [view.with_attack(_standing_for(knows)) for knows in KNOWLEDGE]
    wanted = tuple(_scene(each) for each in (view, *usual))
    known = all(FILMS.get(scene) is not None for scene in wanted)
    work = lambda job: filming.run(job, wanted[0], dict.fromkeys(wanted[1:]))  # noqa: E731
    pending.of(_JOB, wanted, None if known else work)


def _film(over: bool) -> None:
    """What has come in so far."""
    if st.session_state.pop(_MOVED, False):
        st.rerun()  # the picks are another part of the page
    found: Pending = st.session_state[_JOB]
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    else:
        data = _data(_settled(session.current()), found, over)
        film.draw(data, key=_KEY, on_stop=found.stop, on_code=opening.ask_code, on_knows=_knowledge_asked)
    opening.rerun_for_code()


def _come(found: Pending, scene: Scene) -> dict[str, Any] | str | None:
    """A scene's film as far as it has come, the sentence why there is none, or None."""
    parts = [part for of, part in found.parts() if of == scene]
    return FILMS.get(scene) or (parts[-1] if parts else None)


def _data(view: View, found: Pending, over: bool) -> dict[str, Any]:
    scene, *others = found.asked
    asked, eps = scene
    own = _come(found, scene)
    shot = own if isinstance(own, dict) else None
    before = cache.reading(view.model, asked.version, view.x.tobytes())
    told = {knows: _come(found, other) for knows, other in zip(KNOWLEDGE, others, strict=True)}
    return {
        **pending.told(found, over),
        "key": f"{asked.key}-{eps:g}",
        "film": shot,
        "whole": shot is not None and shot["unit"] != "progress",
        "original": packing.grey(view.x),
        "before": packing.coded(before),
        "label": view.y,
        "wrong": int(before.argmax()) if before.argmax() != view.y else None,
        "digit": "your digit" if view.index is None else f"bundled digit {view.index}",
        "target": view.target,
        "eps": eps,
        "decimals": DECIMALS[view.norm],
        "norm": view.norm,
        "norms": {name: norms.get(name).title for name in norms.names()},
        "minimises": attacks.get(view.attack).minimises,
        "attack": attacks.get(view.attack).title,
        "rows": [_row(view, knows, told[knows]) for knows in told],
        "knows": _knowledge(),
        "caption": f"{cache.title(view.model)}, {controls.named(view)}, "
        f"ε = {budget.said(view.norm, eps)} in {norms.get(view.norm).title}",
        "file": f"film-{view.model}-{view.attack}-{view.norm}-{budget.said(view.norm, eps)}",
        "setting": {"model": view.model, "attack": view.attack, **dict(view.knobs), "seed": view.seed},
        "link": _link(view),
    }


def _row(view: View, knows: str, found: dict[str, Any] | str | None) -> dict[str, Any]:
    """A knowledge's line in the table: what its usual attack has come to."""
    usual = view.with_attack(_standing_for(knows))
    row = {"knows": knows, "word": KNOWLEDGE[knows][0], "attack": attacks.get(usual.attack).title, "norm": usual.norm}
    if isinstance(found, str):
        return {**row, "fault": found}
    if found is None or found["unit"] == "progress":
        return row
    first, eps = found["first"], budget.eps(usual.norm)
    return {
        **row,
        "won": found["won"][-1],
        "reads": found["reads"],
        "until": None if first is None else found["at"][first],
        "spent": found["forwards"],
        "unit": found["unit"],
        "size": found["size"][-1],
        "measure": found["measure"],
        "within": found["size"][-1] <= eps + TOLERANCE,
    }


def _knowledge_asked() -> None:
    """A line of the table was pressed: its knowledge is the page's."""
    name = getattr(st.session_state.get(_KEY), "knows", None)
    if isinstance(name, str) and name in KNOWLEDGE:
        _knows.put(name)
        st.session_state[_MOVED] = True


def _link(view: View) -> str:
    said = {**extras.said(_EXTRAS), "knows": _knowledge()}
    return "&".join((session.link(replace(view, eps=budget.eps(view.norm))), urlencode(said)))
