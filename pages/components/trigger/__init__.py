"""The trigger: a grid of 5 x 5 to paint, its place on the digit, and how the digit with it is read."""

from pathlib import Path
from typing import Any

from core.errors import InputError
from pages.components import browser

SIDE = 5  # cells of the grid

_component = browser.component(Path(__file__).parent, "base.css")


def draw(data: dict[str, Any], *, key: str, on_mark: Any) -> None:
    """Mount it. data["mark"]: what `read` returns, or None where nothing is to be painted; "x", "marked": the digit
    without and with the trigger, 784 grey levels in base64; "reads": [[who, class, confidence], ...]; "label"; "link",
    for the address. It triggers `mark`."""
    _component(key=key, data=data, on_mark_change=on_mark)


def read(sent: Any) -> dict[str, Any]:
    """What a client has sent, checked: "pattern" (rows of 0 and 1), "row" and "column", such that it stays inside.

    Raises InputError for anything that the component would not send.
    """
    try:
        pattern = tuple(tuple(int(cell == 1) for cell in line) for line in sent["pattern"])
        row, column = int(sent["row"]), int(sent["column"])
    except (TypeError, KeyError, ValueError, OverflowError):
        raise InputError("The trigger could not be read. Paint it again.") from None
    if len(pattern) != SIDE or any(len(line) != SIDE for line in pattern):
        raise InputError(f"The trigger is not {SIDE} x {SIDE} cells. Paint it again.")
    last = 28 - SIDE
    return {"pattern": pattern, "row": min(max(row, 0), last), "column": min(max(column, 0), last)}
