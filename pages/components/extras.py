"""The picks that one page alone has, beside the View that all share: in the session, within bounds, and in the link."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pages.components import session


@dataclass(frozen=True)
class Extra:
    """One such pick. name: its key in the link, one of session.PAGE_KEYS; default: until something is picked;
    read: its value from a link's text, or ValueError; expected: what may stand in a link, for the note; write: what a
    link says for a value.
    """

    name: str
    default: Any
    read: Callable[[str], Any]
    expected: str
    write: Callable[[Any], Any] = lambda value: value

    @property
    def _key(self) -> str:
        return f"extra_{self.name}"

    @property
    def value(self) -> Any:
        """What this visitor has picked; on the first run of a session, what the link says."""
        if self._key not in st.session_state:
            st.session_state[self._key] = self._linked()
        return st.session_state[self._key]

    def _linked(self) -> Any:
        text = session.came_by().get(self.name)
        if text is None:
            return self.default
        try:
            return self.read(text)
        except ValueError:
            session.add_note(f"{self.name} is {session.quote(text)} in the link; {self.expected} was expected.")
            return self.default

    def put(self, value: Any) -> None:
        """Make this the visitor's pick."""
        st.session_state[self._key] = value

    def bound(self, value: Any, change: Callable[[Any], None] | None = None) -> dict[str, Any]:
        """Arguments that tie a widget to it: it shows `value`, and its change puts the new one, or calls change."""
        key = f"pick_{self.name}"
        st.session_state[key] = value

        def changed() -> None:
            if st.session_state[key] is not None:
                (change or self.put)(st.session_state[key])

        return {"key": key, "on_change": changed}


def choice(name: str, choices: Iterable[str], default: str | None = None) -> Extra:
    """A pick among words."""
    allowed = tuple(choices)

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Extra(name, allowed[0] if default is None else default, read, "one of " + ", ".join(allowed))


def link(view: session.View, extras: Iterable[Extra]) -> str:
    """The query string that brings back this view and these picks."""
    return "&".join(filter(None, (session.link(view), urlencode(said(extras)))))


def said(extras: Iterable[Extra]) -> dict[str, Any]:
    """What a link has to say of them: those that differ from their defaults."""
    return {each.name: each.write(each.value) for each in extras if each.value != each.default}
