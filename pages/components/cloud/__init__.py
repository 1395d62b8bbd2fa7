"""A set's digits of one label as a cloud of points: flagged or not, and touched or not once the truth is out."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data["points"]: float32 pairs in [0, 1] in base64; "flagged" and, or None, "touched" of each; "x": the
    pictures that a point shows under the pointer; "triggers": what a detector has reconstructed, or None."""
    _component(key=key, data=data)
