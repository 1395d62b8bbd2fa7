"""A vote among noisy copies of a digit: one of the copies, and ten bars that fill in."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "panel.css")


def draw(data: dict[str, Any], *, key: str, on_run: Any, on_stop: Any) -> None:
    """Mount it. data["counts"]: the votes for each class so far, of data["total"]. It triggers `run` and `stop`."""
    _component(key=key, data=data, on_run_change=on_run, on_stop_change=on_stop)
