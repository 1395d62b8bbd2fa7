"""The scoreboard: all networks under all attacks as a table of colours, and as curves along which ε is dragged."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "icons.css")


def draw(data: dict[str, Any], *, key: str, on_picks: Any, on_open: Any, on_go: Any, on_take: Any) -> None:
    """Mount it. It sets the state `picks`, and triggers `open` with a cell's model, attack, norm and eps, `go` as
    soon as data["opens"] has come, and `take` with csv, json or html, which data["taken"] answers."""
    _component(
        key=key,
        data=data,
        on_picks_change=on_picks,
        on_open_change=on_open,
        on_go_change=on_go,
        on_take_change=on_take,
    )
