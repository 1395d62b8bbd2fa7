"""Two networks digit by digit: four groups of digits by who holds, which follow the page's ε."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str, on_open: Any) -> None:
    """Mount it. It triggers `open` with a digit's number, the side, 0 or 1, whose network it is opened on, and eps."""
    _component(key=key, data=data, on_open_change=on_open)
