"""Accuracy against ε from both sides: proven at least, attacked at most, and between them what is not known."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "panel.css")


def draw(data: dict[str, Any], *, key: str, on_run: Any, on_single: Any, on_stop: Any) -> None:
    """Mount it. data["radii"]: what is proven of each digit; data["standing"]: pairs of ε and how many still stand.

    It triggers `run` and `stop` with data["key"], and `single` where data["prove"] is the words of a button.
    """
    _component(key=key, data=data, on_run_change=on_run, on_single_change=on_single, on_stop_change=on_stop)
