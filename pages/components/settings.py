"""The knobs of a defense as a visitor sets them in its panel: a button that opens them, kept in the session."""

import math
from collections.abc import Callable, Collection
from numbers import Real
from typing import Any

import streamlit as st

from core import defenses, knobs
from core.knobs import Knob
from pages.components import controls


class Settings:
    """What was set in one panel, for each of its defenses by name: who comes back to a defense finds it as it was."""

    def __init__(
        self,
        panel: str,
        get: Callable[[str], Any] = defenses.get,
        without: Collection[str] = (),
        first: Callable[[], dict[str, dict[str, Any]]] = dict,
    ):
        """get: a name's class; without: knobs that have a place of their own on the page; first: what a session begins
        with, by defense and knob."""
        self._panel, self._get, self._without, self._first = panel, get, without, first

    def __getitem__(self, name: str) -> tuple[tuple[str, Any], ...]:
        """A defense's knobs that differ from their defaults, sorted, each in its range, whatever a client has sent."""
        told, kept = self._told.get(name, {}), ()
        for each in knobs.of(self._get(name)):
            if each.name in told:
                kept = controls.put(kept, each, _within(each, told[each.name]))
        return kept

    @property
    def _told(self) -> dict[str, dict[str, Any]]:
        key = f"{self._panel}_knobs"
        if key not in st.session_state:
            st.session_state[key] = self._first()
        return st.session_state[key]

    def draw(self, name: str, **button: Any) -> None:
        """The button, and under it what the defense does, its knobs, and a way back. button: more of how it looks."""
        with st.popover("Settings", key=f"{self._panel}-settings", **button):
            defense = knobs.drafted(self._get(name), dict(self[name]))
            with controls.explained(type(defense)):
                controls.knobs_of(defense, lambda each, value: self._bound(name, each, value), self._without)
                if self[name]:
                    st.button("Back to the defaults", key=f"{self._panel}_reset", on_click=self._forget, args=(name,))

    def _forget(self, name: str) -> None:
        self._told.pop(name, None)

    def note(self, name: str) -> None:
        """What is set otherwise than by default, in words that stand in the panel; nothing where nothing is."""
        kept, all_knobs = dict(self[name]), knobs.of(self._get(name))
        told = [f"{each.label} {controls.said(each, kept[each.name])}" for each in all_knobs if each.name in kept]
        if told:
            st.caption(", ".join(told), width="content")

    def _bound(self, name: str, each: Knob, value: Any) -> dict[str, Any]:
        """Arguments that tie a knob's control to it."""
        key = f"{self._panel}_{name}_{each.name}"
        st.session_state[key] = value

        def changed() -> None:
            self._told.setdefault(name, {})[each.name] = st.session_state[key]

        return {"key": key, "on_change": changed}


def _within(each: Knob, value: Any) -> Any:
    """The value where the knob takes it, else the nearest that it takes; the default in place of what is no number."""
    if each.accepts(value):
        return value
    if each.low is None or each.high is None or isinstance(value, bool) or not isinstance(value, Real):
        return each.default
    if math.isnan(value):
        return each.default
    near = min(max(value, each.low), each.high)
    return round(near) if each.kind == "int" else float(near)
