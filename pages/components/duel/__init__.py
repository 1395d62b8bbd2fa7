"""The duel: one attack on two networks side by side, both sweeps in the browser, under one slider."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(
    Path(__file__).parent,
    "base.css",
    "head.css",
    "rail.css",
    "icons.css",
    picture="picture",
    play="Play: sweep ε from 0 to its end",
    thumb="ε, the budget of the attack",
)


def draw(data: dict[str, Any], *, key: str, on_eps: Any, on_code: Any, on_stop: Any) -> None:
    """Mount the duel. It sets the state `eps` on release, and triggers `code` and `stop` with data["key"]."""
    _component(key=key, data=data, on_eps_change=on_eps, on_code_change=on_code, on_stop_change=on_stop)
