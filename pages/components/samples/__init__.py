"""Digits of a poisoned set as whoever trains on it gets them, those that were touched marked."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data["x"]: pictures, 784 grey levels each, in base64; "labels", "true" and "touched" of each."""
    _component(key=key, data=data)
