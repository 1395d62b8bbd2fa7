"""The Scoreboard page once TensorFlow is there: the table of all networks under all attacks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.benchmark import shipped
from core.benchmark.grid import EPSILONS
from core.errors import InputError
from pages.components import extras, opening, scoreboard, scoring, session
from pages.components.extras import Extra
from pages.components.panel import Picks
from pages.components.scoring import Table

_KEY = "scoreboard"
_OPEN, _GO = "scoreboard_open", "scoreboard_go"  # the view of what was pressed; that the page stands still
_COUNTS = (100, 200, shipped.DIGITS)
_COLUMNS = (*dict.fromkeys(attack for norm in EPSILONS for attack in scoring.those_with(norm)), "worst")


def _read_eps(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:  # NaN is not, either
        raise ValueError(text)
    return value


def _read_count(text: str) -> int:
    if text not in map(str, _COUNTS):
        raise ValueError(text)
    return int(text)


_within = extras.choice("within", EPSILONS)
_at = Extra("at", 0.2, _read_eps, "an ε of the table")
_under = extras.choice("under", _COLUMNS, "worst")
_count = Extra("count", shipped.DIGITS, _read_count, "one of " + ", ".join(map(str, _COUNTS)))
_EXTRAS = (_within, _at, _under, _count)
_picks = Picks("scoreboard", without=[])


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    if st.session_state.pop(_GO, False) and _OPEN in st.session_state:
        session.put(st.session_state.pop(_OPEN))
        st.switch_page("pages/attack.py")
    extras.said(_EXTRAS)  # a fault of the link in them has its note, too
    opening.link_notes()
    table = scoring.from_shipped()
    if not table.lines:
        st.error(
            "The table that comes with this page is not there. Measure it: python -m core.benchmark.shipped",
            icon=":material/error:",
        )
    scoreboard.draw(_data(table), key=_KEY, on_picks=_picked, on_open=lambda: opened(table, _sent("open")), on_go=_gone)


def norm() -> str:
    """The table's norm; one that only other pages have is none of it."""
    return _within.value if _within.value in EPSILONS else next(iter(EPSILONS))


def place(table: Table) -> int:
    """Where the ε that is picked stands among the table's."""
    epsilons = table.epsilons[norm()]
    return min(range(len(epsilons)), key=lambda at: abs(epsilons[at] - _at.value))


def _data(table: Table) -> dict[str, Any]:
    at, count = place(table), min(_count.value, table.count)
    eps = f"{table.epsilons[norm()][at]:.{session.DECIMALS[norm()]}f}"
    return {
        **table.told,
        "counts": [each for each in _COUNTS if each < table.count] + [table.count],
        "picks": {
            "norm": norm(),
            "place": at,
            "count": count,
            "under": _under.value,
            "without": _picks["without"],
        },
        "opens": _OPEN in st.session_state,
        "note": _note(table),
        "link": urlencode(extras.said(_EXTRAS)),
        "file": f"scoreboard-{norm()}-{eps}",
    }


def _note(table: Table) -> str:
    """Under the picture that is taken away: where its figures come from."""
    return ". ".join(f"{name}: {value}" for name, value in scoring.provenance(table.lines)[:3])


def _sent(what: str) -> dict[str, Any]:
    """What the component has said, whatever a client makes of it."""
    sent = getattr(st.session_state.get(_KEY), what, None)
    return dict(sent) if isinstance(sent, dict) else {}


def _picked() -> None:
    """A pick was made in the component: kept in the session as far as it can be."""
    sent = _sent("picks")
    if sent.get("norm") in EPSILONS:
        _within.put(sent["norm"])
    epsilons = EPSILONS[norm()]
    if sent.get("place") in range(len(epsilons)):
        _at.put(epsilons[int(sent["place"])])
    if sent.get("count") in _COUNTS:
        _count.put(int(sent["count"]))
    if sent.get("under") in _COLUMNS:
        _under.put(sent["under"])
    without = sent.get("without")
    if isinstance(without, list) and len(without) < 100:
        _picks.put("without", [str(each)[:80] for each in without])


def opened(table: Table, sent: dict[str, Any]) -> None:
    """A cell was pressed: what the Attack page will show, if it is one of the table's."""
    try:
        if sent.get("model") not in table.models:
            raise InputError("There is no such network in the table.")
        view = scoring.view_of(
            session.current(), sent["model"], str(sent.get("attack")), str(sent.get("norm")), float(sent["eps"])
        )
    except (InputError, KeyError, TypeError, ValueError):
        return  # no press of this page's
    st.session_state[_OPEN] = view


def _gone() -> None:
    """The browser has stopped looking."""
    st.session_state[_GO] = True
