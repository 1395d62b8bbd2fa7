"""The film of an attack: its iterates played and scrubbed over what each had cost, and a table of other attackers."""

from pathlib import Path
from typing import Any

import streamlit as st

from pages.components import browser, scrubber

_HERE = Path(__file__).parent
_SCRUBBER = Path(scrubber.__file__).parent  # its plates and its looks are this component's, too
_component = st.components.v2.component(
    "epsilon_film",
    html=browser.text(_HERE, "film.html"),
    css="".join(
        browser.text(folder, name)
        for folder, name in ((_SCRUBBER, "scrubber.css"), (_SCRUBBER, "icons.css"), (_HERE, "film.css"))
    ),
    js=browser.bundle(_HERE, "film.js", "film"),
)


def draw(data: dict[str, Any], *, key: str, on_stop: Any, on_code: Any, on_knows: Any) -> None:
    """Mount the film. It triggers `stop` and `code` with data["key"], and `knows` with a pressed row's knowledge."""
    _component(key=key, data=data, on_stop_change=on_stop, on_code_change=on_code, on_knows_change=on_knows)
