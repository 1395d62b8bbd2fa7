"""The gallery: all attacks on one digit as small multiples, sorted in the browser."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "head.css", "icons.css", picture="picture")


def draw(data: dict[str, Any], *, key: str, on_open: Any, on_go: Any, on_stop: Any, on_code: Any) -> None:
    """Mount the gallery. It triggers `open` with an attack's name, and with data["key"] `stop`, `code` and, as soon as
    data["opens"] has come, `go`."""
    _component(
        key=key,
        data=data,
        on_open_change=on_open,
        on_go_change=on_go,
        on_stop_change=on_stop,
        on_code_change=on_code,
    )
