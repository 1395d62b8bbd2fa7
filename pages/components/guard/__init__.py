"""A transform of the input: a digit before and behind it at every ε, and bars of how many digits are read right."""

from pathlib import Path
from typing import Any

from pages.components import browser

_HERE = Path(__file__).parent
_component = browser.component(_HERE, "base.css", "icons.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount the pictures; which attacker is looked at is chosen in the browser, and ε is the page's."""
    _component(key=key, data=data)


def draw_bars(data: dict[str, Any], *, key: str) -> None:
    """Mount the bars: data holds "clean", "naive", "adaptive" and "worst", counts of "digits", and "eps" in words."""
    _component(key=key, data={"bars": data})
