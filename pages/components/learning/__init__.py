"""A figure of the Learn page: pictures and what is read in them, bars, a curve, or a digit dragged through ε."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data: "waits", with its "place" in the queue; or any of "sweep" (as scrubber.pack gives it, with "eps"
    and "label"), "cards", "bars", "curve" and "foot", as learn_figures makes them."""
    _component(key=key, data=data)
