"""The transfer matrix as a heat map: rows are the networks that digits were made on, columns those that read them."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "below.css")


def draw(data: dict[str, Any], *, key: str, on_run: Any, on_stop: Any, on_code: Any) -> None:
    """Mount the heat map. It triggers `run`, `stop` and `code` with data["key"]."""
    _component(key=key, data=data, on_run_change=on_run, on_stop_change=on_stop, on_code_change=on_code)
