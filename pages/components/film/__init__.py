"""The film of an attack: its iterates played and scrubbed over what each had cost, and a table of other attackers."""

from pathlib import Path
from typing import Any

from pages.components import browser

_HERE = Path(__file__).parent
_component = browser.component(
    _HERE,
    "base.css",
    "rail.css",
    "lab.css",
    "icons.css",
    "below.css",
    picture="picture",
    attacked="Attacked",
    now="now",
    cost=browser.text(_HERE, "cost.html"),
    play="Play the film",
    thumb="How far the attack is",
)


def draw(data: dict[str, Any], *, key: str, on_stop: Any, on_code: Any, on_knows: Any) -> None:
    """Mount the film. It triggers `stop` and `code` with data["key"], and `knows` with a pressed row's knowledge."""
    _component(key=key, data=data, on_stop_change=on_stop, on_code_change=on_code, on_knows_change=on_knows)
