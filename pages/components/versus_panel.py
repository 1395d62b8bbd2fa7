"""Two networks digit by digit: which digits fall for one and hold for the other, under one attack at the table's ε."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import streamlit as st

from core import digits, norms
from core.benchmark.grid import in_turns
from core.errors import InputError
from pages.components import cache, packing, scoring, session, versus
from pages.components.panel import Picks
from pages.components.scoring import Table
from pages.components.session import View

_KEY = "versus"

_picks = Picks("versus", one="fast_cnn", other="hardened_cnn", attack=None)


def draw(table: Table, norm: str, count: int, opened: Callable[[View], None]) -> None:
    """The panel. norm, count: what the table shows; opened: called with the view of a digit that was pressed."""
    with st.container(border=True, key="versus-panel", height="stretch"):
        st.markdown("### Two networks, digit by digit")
        fell = table.fell[norm]
        attack = _attack(table, norm)
        known = [name for name in table.models if attack in fell.get(name, {})]
        one, other = _two(known)
        with st.container(horizontal=True, gap="small"):
            for label, pick, name in (("One", "one", one), ("Other", "other", other)):
                st.selectbox(label, known, format_func=cache.title, width=170, **_picks.bound(pick, name))
            st.selectbox(
                "Attack",
                table.attacks[norm],
                format_func=scoring.title,
                width=130,
                **_picks.bound("attack", attack),
            )
        if one is None or other is None:
            st.caption(
                f"{scoring.title(attack)} in {norms.get(norm).title} has not been measured on two networks. Choose "
                "another attack, or measure it in a table of your own."
            )
            return
        data = {
            "key": f"{one} {other} {attack} {norm} {count}",
            "titles": [cache.title(one), cache.title(other)],
            "attack": scoring.title(attack),
            "norm": norm,
            "epsilons": table.epsilons[norm],
            "decimals": session.DECIMALS[norm],
            "fell": [[int(at) for at in fell[name][attack][:count]] for name in (one, other)],
            "x": packing.grey(digits.bundled().images[in_turns()[:count]]),
            "labels": digits.bundled().labels[in_turns()[:count]].tolist(),
        }
        versus.draw(data, key=_KEY, on_open=lambda: _pressed((one, other), attack, norm, count, opened))


def _attack(table: Table, norm: str) -> str:
    """The attack that is picked, if the table has it; until then the last that was measured on two networks."""
    if _picks["attack"] in table.attacks[norm]:
        return _picks["attack"]
    counts = Counter(attack for by_attack in table.fell[norm].values() for attack in by_attack)
    return ([attack for attack in table.attacks[norm] if counts[attack] > 1] or [*table.attacks[norm]])[-1]


def _two(known: list[str]) -> tuple[str | None, str | None]:
    """The two that are picked among those that are known, and others in place of those that are not."""
    if len(known) < 2:
        return known[0] if known else None, None
    one = _picks["one"] if _picks["one"] in known else known[0]
    other = _picks["other"] if _picks["other"] in known else next(name for name in known if name != one)
    return one, other


def _pressed(two: tuple[str, str], attack: str, norm: str, count: int, opened: Callable[[View], None]) -> None:
    """A digit was pressed: what the Attack page will show of it."""
    sent = getattr(st.session_state.get(_KEY), "open", None) or {}
    try:
        at, side, eps = int(sent["digit"]), int(sent["side"]), float(sent["eps"])
        if not (0 <= at < count and side in (0, 1)):
            return
        view = scoring.view_of(session.current(), two[side], attack, norm, eps)
    except (InputError, KeyError, TypeError, ValueError, OverflowError):
        return  # no press of this page's
    opened(view.with_digit(in_turns()[at]))
