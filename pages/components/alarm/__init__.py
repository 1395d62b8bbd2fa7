"""A detector's scores: a histogram of clean digits, a threshold to drag, the attacked digit; and trials of many."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "panel.css", "icons.css")


def draw(data: dict[str, Any], *, key: str, on_run: Any, on_stop: Any) -> None:
    """Mount it; ε is the page's, the threshold the browser's own. It triggers `run` with an ε to try, and `stop`."""
    _component(key=key, data=data, on_run_change=on_run, on_stop_change=on_stop)
