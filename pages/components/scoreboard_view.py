"""The Scoreboard page once TensorFlow is there: all networks under all attacks, and what one asks of the table."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import attacks
from core.benchmark import rows, shipped
from core.benchmark.grid import EPSILONS
from core.errors import InputError
from pages.components import extras, grid_panel, opening, pending, report, scoreboard, scoring, session, versus_panel
from pages.components.extras import Extra
from pages.components.panel import Picks
from pages.components.scoring import WORST, Table
from pages.components.session import View

_KEY = "scoreboard"
_OPEN, _GO = "scoreboard_open", "scoreboard_go"  # the view of what was pressed; that the page stands still
_TAKE = "scoreboard_take"  # the kind of file that was asked for
_PICKED = "scoreboard_picked"  # that a pick was made: all of the page is about another table or ε then
_COUNTS = (100, 200, shipped.DIGITS)
SHIPPED, OWN = "shipped", "own"


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
_under = extras.choice("under", (*attacks.names(), WORST), WORST)
_count = Extra("count", shipped.DIGITS, _read_count, "one of " + ", ".join(map(str, _COUNTS)))
_EXTRAS = (_within, _at, _under, _count)
_picks = Picks("scoreboard", without=[], table=SHIPPED)


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    st.session_state.pop(_PICKED, None)  # here all of the page is drawn
    if st.session_state.pop(_GO, False) and _OPEN in st.session_state:
        session.put(st.session_state.pop(_OPEN))
        st.switch_page("pages/attack.py")
    extras.said(_EXTRAS)  # a fault of the link in them has its note, too
    opening.link_notes()
    from_package = scoring.from_shipped()
    own = _picks["table"] == OWN and pending.current(grid_panel.JOB) is not None
    if not from_package.lines and not own:
        st.error(
            "The table that comes with this page is not there. Measure it: python -m core.benchmark.shipped",
            icon=":material/error:",
        )
    # A look of the browser's own that meets the turn to another page can leave that page blank: first it stops looking,
    # then it says so, then the page turns.
    still = _OPEN in st.session_state
    if own:
        pending.watch(grid_panel.JOB, lambda over: _board(_shown(from_package), still), still=still)
    else:
        _board(from_package, still)
    table = _shown(from_package)
    left, right = st.columns(2, gap="small")
    with left:
        versus_panel.draw(table, norm(table), min(_count.value, table.count), _opens)
    with right:
        grid_panel.draw(from_package.lines, partial(_picks.put, "table", OWN), still=still)


def _shown(from_package: Table) -> Table:
    """The table that is looked at."""
    own = grid_panel.table() if _picks["table"] == OWN else None
    return from_package if own is None else own


def _board(table: Table, still: bool) -> None:
    scoreboard.draw(
        _data(table),
        key=_KEY,
        on_picks=partial(_picked, table),
        on_open=lambda: _pressed(table, _sent("open")),
        on_go=_gone,
        on_take=_asked_for,
    )
    picked = st.session_state.pop(_PICKED, False)
    if picked or _GO in st.session_state or (_OPEN in st.session_state and not still):
        st.rerun()


def norm(table: Table) -> str:
    """The norm that is picked, if it is one of the table's."""
    return _within.value if _within.value in table.epsilons else next(iter(table.epsilons))


def place(table: Table) -> int:
    """Where the ε that is picked stands among the table's."""
    epsilons = table.epsilons[norm(table)]
    return min(range(len(epsilons)), key=lambda at: abs(epsilons[at] - _at.value))


def _data(table: Table) -> dict[str, Any]:
    own = table.command != scoring.COMMAND
    here, at = norm(table), place(table)
    return {
        **table.told,
        "counts": [each for each in _COUNTS if each < table.count] + [table.count],
        "tables": [[SHIPPED, "Shipped"], [OWN, "Your own"]] if pending.current(grid_panel.JOB) is not None else [],
        "waiting": grid_panel.waiting() if own else {},
        "picks": {
            "table": OWN if own else SHIPPED,
            "norm": here,
            "place": at,
            "count": min(_count.value, table.count),
            "under": _under.value,
            "without": _picks["without"],
        },
        "opens": _OPEN in st.session_state,
        "origin": _origin(table),
        "taken": _taken(table),
        "link": urlencode(extras.said(_EXTRAS)),
        "file": f"scoreboard-{here}-{table.epsilons[here][at]:.{session.DECIMALS[here]}f}",
    }


def _origin(table: Table) -> str:
    """Where the figures come from, in a sentence."""
    if not table.lines:
        return ""
    told = dict(scoring.provenance(table.lines))
    return (
        f"Measured {told['Measured']} at commit {told['Commit']} on {told['Machine']}; seed {told['Seed']}; "
        f"{told['Versions']}. The same again: {table.command}"
    )


def _taken(table: Table) -> dict[str, Any] | None:
    """The file that was asked for, given once."""
    kind = st.session_state.pop(_TAKE, None)
    if kind is None or not table.lines:
        return None
    here, at, count = norm(table), place(table), min(_count.value, table.count)
    if kind == "csv":
        text = rows.as_csv(rows.of_lines(table.lines))
    elif kind == "json":
        text = scoring.as_json(table)
    else:
        text = report.html(table, here, at, count, _under.value if _under.value in table.attacks[here] else WORST)
    return {"id": secrets.token_hex(4), "kind": kind, "text": text}


# ------------------------------------------------------------------------------------------------ what the browser says
def _sent(what: str) -> dict[str, Any]:
    """What the component has said, whatever a client makes of it."""
    sent = getattr(st.session_state.get(_KEY), what, None)
    return dict(sent) if isinstance(sent, dict) else {}


def _picked(table: Table) -> None:
    """A pick was made in the component: kept in the session as far as it can be."""
    st.session_state[_PICKED] = True
    sent = _sent("picks")
    if sent.get("table") in (SHIPPED, OWN):
        _picks.put("table", sent["table"])
    if sent.get("norm") in table.epsilons:
        _within.put(sent["norm"])
    epsilons = table.epsilons[norm(table)]
    if sent.get("place") in range(len(epsilons)):
        _at.put(epsilons[int(sent["place"])])
    if sent.get("count") in _COUNTS:
        _count.put(int(sent["count"]))
    if sent.get("under") in (*table.attacks[norm(table)], WORST):
        _under.put(sent["under"])
    without = sent.get("without")
    if isinstance(without, list) and len(without) < 100:
        _picks.put("without", [str(each)[:80] for each in without])


def _pressed(table: Table, sent: dict[str, Any]) -> None:
    """A cell was pressed: what the Attack page will show, if it is one of the table's."""
    try:
        eps = float(sent["eps"])
        if sent["model"] not in table.models:
            return
        view = session.current()
        _opens(scoring.view_of(view, sent["model"], str(sent["attack"]), str(sent["norm"]), eps))
    except (InputError, KeyError, TypeError, ValueError):
        return  # no press of this page's


def _opens(view: View) -> None:
    """This is what the Attack page will show."""
    st.session_state[_OPEN] = view


def _asked_for() -> None:
    """The visitor wants a file."""
    kind = getattr(st.session_state.get(_KEY), "take", None)
    if kind in ("csv", "json", "html"):
        st.session_state[_TAKE] = kind


def _gone() -> None:
    """The browser has stopped looking."""
    st.session_state[_GO] = True
