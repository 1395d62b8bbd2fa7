"""The gallery: all attacks on one digit as small multiples, sorted in the browser."""

from pathlib import Path
from typing import Any

import streamlit as st

from pages.components import browser

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "epsilon_gallery",
    html=browser.text(_HERE, "gallery.html"),
    css=browser.text(_HERE, "gallery.css"),
    js=browser.bundle(_HERE, "gallery.js", "gallery"),
)


def draw(data: dict[str, Any], *, key: str, on_open: Any, on_stop: Any, on_code: Any) -> None:
    """Mount the gallery. It triggers `open` with an attack's name, `stop` and `code` with data["key"]."""
    _component(key=key, data=data, on_open_change=on_open, on_stop_change=on_stop, on_code_change=on_code)
