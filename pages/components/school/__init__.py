"""How a training goes: its loss, and its accuracy on clean and on attacked digits, over the rounds."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data["epochs"]: for each round its loss, and the shares "clean" and "attacked"; "most": how many."""
    _component(key=key, data=data)
