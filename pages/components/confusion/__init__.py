"""Two tables of who is taken for whom, before the poison and after, for clean digits and for stamped ones."""

from pathlib import Path
from typing import Any

from pages.components import browser

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str) -> None:
    """Mount it. data["names"]: of the two networks; "shown": under "clean" and, for backdoors, "stamped" the two tables
    of counts, rows the true classes; "words": what either is of; "wanted": as what each class is to be read, or None.
    """
    _component(key=key, data=data)
