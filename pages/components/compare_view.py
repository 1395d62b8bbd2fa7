"""The Compare page once the network is awake: one digit, all attacks at once, as they come in."""

from dataclasses import replace
from functools import partial
from typing import Any

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
    opening,
    packing,
    pending,
    session,
    snippet,
)
from pages.components.comparison import Comparison, Entry
from pages.components.jobs import RUNNING
from pages.components.pending import Pending
from pages.components.session import View

_KEY, _JOB = "gallery", "comparison"
_OPEN, _GO = "comparison_open", "comparison_go"  # the view of the card that was pressed; that the page stands still
_within = extras.choice("within", norms.names())
_EXTRAS = (_within, budget.share)


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    view = session.current()
    if opening.code_asked() is not None:
        opening.show_code(snippet.all_attacks(view, _within.value, _eps()))
    if st.session_state.pop(_GO, False) and _OPEN in st.session_state:
        session.put(st.session_state.pop(_OPEN))
        st.switch_page("pages/attack.py")
    with opening.picks(_EXTRAS):
        controls.model(view)
        budget.draw(_within.value, _pick_norm, "An attack that does not know this norm gets the same share of its own.")
        controls.target(view, disabled=False)
    try:
        model = cache.model(view.model)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
        return
    plain = replace(view, attack="pgd", knobs=(), norm="linf", eps=0.0)  # what only the Attack page's picks fix
    asked = Comparison(plain, model.version, _within.value, _eps())
    pending.of(_JOB, asked, lambda job: comparison.run(job, model, asked.entries))
    # A look of the browser's own that meets the turn to another page can leave that page blank: first it stops looking,
    # then it says so, then the page turns.
    still = _OPEN in st.session_state
    pending.watch(_JOB, partial(_gallery, still), still=still)


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


def _gallery(still: bool, over: bool) -> None:
    """What has come in so far. still: a card was pressed, and the page no longer looks."""
    found: Pending = st.session_state[_JOB]
    data = {**_data(session.current(), found, over), "opens": still}
    gallery.draw(data, key=_KEY, on_open=_opened, on_go=_gone, on_stop=found.stop, on_code=opening.ask_code)
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    opening.rerun_for_code()
    if _GO in st.session_state or (_OPEN in st.session_state and not still):
        st.rerun()


def _data(view: View, found: Pending, over: bool) -> dict[str, Any]:
    asked: Comparison = found.asked
    entries: list[Entry] = asked.entries
    cards = [_told(dict(part), view) for part in found.parts()]
    come = {card["name"] for card in cards}
    for entry in entries:
        if entry.view.attack not in come:
            card = {"name": entry.view.attack, "title": entry.attack.title}
            now = found.job is not None and found.job.state == RUNNING and len(cards) == found.job.done
            cards.append({**card, "running": now and not over})
    model = cache.model(view.model)
    reads = int(cache.reading(view.model, model.version, view.x.tobytes()).argmax())
    norm, eps = _within.value, budget.said(_within.value, _eps())
    return {
        **pending.told(found, over),
        "key": f"{hash(asked):x}",
        "cards": cards,
        "original": packing.grey(view.x),
        "label": view.y,
        "wrong": reads if reads != view.y else None,
        "total": len(entries),
        "caption": f"{cache.title(view.model)}, ε = {eps} in {norms.get(norm).title}",
        "file": f"compare-{view.model}-{norm}-{eps}",
        "setting": {"model": view.model, "norm": norm, "eps": _eps(), "target": view.target, "seed": view.seed},
        "link": extras.link(view, _EXTRAS),
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
    found = pending.current(_JOB)
    for entry in found.asked.entries if found else ():
        if entry.view.attack == name:
            st.session_state[_OPEN] = entry.view


def _gone() -> None:
    """The browser has stopped looking."""
    st.session_state[_GO] = True
