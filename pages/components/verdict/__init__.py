"""A page's verdict where no other component draws it: the headline with a chip, a badge, and a sentence."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css", "icons.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data: "headline"; "chip", what stands after it, or None, and its "kind", true or wrong; "badge" and its
    "tone", fooled, held or none; "sentence"."""
    _component(key=key, data=data)
