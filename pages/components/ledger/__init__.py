"""A poisoned network and what cleaners made of it, line by line: how each stands, and how it reads six digits."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data["x"], "labels": six pictures, 784 grey levels each in base64, and their classes; "words": what
    they are; "victim": whether the first is whom the attacker is after; "gain": what his column is called; "lines": of
    each network its "name", a "note", the share "clean", the share or the yes or no "success", and what it "reads";
    "running": the "name" and "note" of the cleaner at work, how far it is, and how long is "left" in words; or None."""
    _component(key=key, data=data)
