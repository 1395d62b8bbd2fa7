"""The gallery: all attacks on one digit as small multiples, sorted in the browser."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "head.css", picture="picture")


def draw(data: dict[str, Any], *, key: str, on_open: Any, on_stop: Any, on_code: Any) -> None:
    """Mount the gallery. It triggers `open` with an attack's name, `stop` and `code` with data["key"]."""
    _component(key=key, data=data, on_open_change=on_open, on_stop_change=on_stop, on_code_change=on_code)
