"""What the panels of the Defend page share: picks of their own, a network among them, and work begun by a button."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from core import defenses
from core.errors import InputError
from pages.components import cache, pending
from pages.components.settings import Settings


class Picks:
    """What a visitor has picked in a panel, by name, until then what it begins with.

    They lie in the session, where they outlive a turn to another page.
    """

    def __init__(self, panel: str, **first: Any):
        self._panel, self._first = panel, first

    def __getitem__(self, name: str) -> Any:
        return st.session_state.get(f"picks_{self._panel}", {}).get(name, self._first[name])

    def put(self, name: str, value: Any) -> None:
        """Make this the visitor's pick."""
        st.session_state.setdefault(f"picks_{self._panel}", {})[name] = value

    def bound(self, name: str, value: Any) -> dict[str, Any]:
        """Arguments that tie a widget to a pick: it shows `value`, and its change is kept."""
        key = f"{self._panel}_{name}"
        st.session_state[key] = value

        def changed() -> None:
            if st.session_state[key] is not None:
                self.put(name, st.session_state[key])

        return {"key": key, "on_change": changed}


def head(title: str, picks: Picks, model: str) -> None:
    """The panel's title, and beside it its network, among all that there are; one that has gone stays in the pick."""
    titles = cache.titles()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"### {title}", width="content")
        st.selectbox(
            "Network",
            list(dict.fromkeys([*titles, model])),
            format_func=lambda name: str(titles.get(name, name)),
            label_visibility="collapsed",
            **picks.bound("model", model),
        )


def chosen(title: str, pick: str, picks: Picks, settings: Settings) -> str:
    """The panel's title, and under it the defense of that kind which is picked, with its settings: its name."""
    head = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with st.container(horizontal=True, gap="small"):
        name = st.selectbox(
            title,
            defenses.names(pick),
            format_func=lambda each: defenses.get(each).title,
            label_visibility="collapsed",
            **picks.bound(pick, picks[pick]),
        )
        settings.draw(name)
    with head:
        st.markdown(f"### {title}", width="content")
        settings.note(name)
    return name


def take_up(key: str, asked: Any, begin: Callable[[], Any]) -> None:
    """See to the work at a place: begin it again where it was left behind, and end it where it is about other picks."""
    found = pending.current(key)
    if found is not None and found.asked != asked:
        pending.drop(key)
    elif found is not None:
        begin()


def pressed(key: str, begin: Callable[[], Any]) -> None:
    """The button's callback: begin the work at a place, and anew what was stopped there or failed."""
    found = pending.current(key)
    if found is not None and found.over:
        pending.drop(key)
    with suppress(InputError):  # of a network that has gone meanwhile: the page's run, which follows, says so
        begin()
