"""What is picked on the Poison page: in the session, within bounds, and in its link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from core import digits, knobs, poisoning
from core.knobs import Knob
from pages.components import cache, extras, infecting, session, trigger
from pages.components.extras import Extra
from pages.components.infecting import Plot
from pages.components.settings import Settings

RATE_MAX = 50  # percent
_PLACED = ("rate", "target", "pattern", "row", "column")  # knobs with a place of their own on the page


def _whole(most: int) -> Any:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,3}", text) or int(text) > most:
            raise ValueError(text)
        return int(text)

    return read


def _stamp(text: str) -> dict[str, Any]:
    """A painted stamp from a link: its 25 cells as bits, row by row, and its place."""
    bits, row, column = text.split(".")
    number = int(bits, 16)
    if not re.fullmatch(r"[0-9a-f]{7}", bits) or number >> trigger.SIDE**2:
        raise ValueError(text)
    cells = [number >> at & 1 for at in reversed(range(trigger.SIDE**2))]
    pattern = [cells[first : first + trigger.SIDE] for first in range(0, len(cells), trigger.SIDE)]
    last = _whole(28 - trigger.SIDE)
    return trigger.read({"pattern": pattern, "row": last(row), "column": last(column)})


def _spelled(mark: dict[str, Any]) -> str:
    bits = "".join(str(cell) for line in mark["pattern"] for cell in line)
    return f"{int(bits, 2):07x}.{mark['row']}.{mark['column']}"


network = extras.choice("victim", infecting.NETWORKS)
attack = extras.choice("poison", poisoning.names("attack"), "badnets")
material = extras.choice("set", ("bundled", "mnist"))
rate = Extra("rate", 5, _whole(RATE_MAX), f"a whole number from 0 to {RATE_MAX}")
target = Extra("into", 4, _whole(9), "a digit")
mark = Extra(
    "stamp",
    {"pattern": poisoning.get("badnets")().pattern, "row": 22, "column": 22},
    _stamp,
    "25 cells as 7 hexadecimal figures, a row and a column, with dots between,",
    _spelled,
)


def _settable() -> dict[str, Knob]:
    """The knobs of the picked attack that its Settings hold, by name."""
    return {each.name: each for each in knobs.of(poisoning.get(attack.value)) if each.name not in _PLACED}


def _linked() -> dict[str, dict[str, Any]]:
    """The settings that the link names, for the attack that it names."""
    chosen = {}
    for part in filter(None, session.came_by().get("how", "").split(",")):
        name, _, text = part.partition(":")
        value = session.parse(_settable()[name], text) if name in _settable() else None
        if value is None:
            title = poisoning.get(attack.value).title
            session.add_note(f"{session.quote(part)} is no setting of {title}, or not a value that it takes.")
        else:
            chosen[name] = value
    return {attack.value: chosen}


settings = Settings("poison", poisoning.get, without=_PLACED, first=_linked)


@dataclass(frozen=True)
class _How(Extra):
    """The settings of the picked attack, which their button keeps."""

    @property
    def value(self) -> str:
        return ",".join(f"{name}:{session.spelled(value)}" for name, value in settings[attack.value])


ALL = (network, attack, material, rate, target, mark, _How("how", "", str, ""))


def plot() -> Plot:
    """What the picks ask for, without the digit that some attacks are after.

    Raises InputError where that cannot be: for a network that cannot be read, or knobs that do not go together.
    """
    fields = poisoning.get(attack.value).__dataclass_fields__
    given = {"target": target.value, **mark.value, "rate": rate.value / 100, **dict(settings[attack.value])}
    taken = tuple(sorted((name, value) for name, value in given.items() if name in fields))
    asked = Plot(network.value, cache.model(network.value).version, attack.value, taken, whole())
    asked.instance  # noqa: B018 - its knobs are checked when it is made
    return asked


def aims() -> bool:
    """Whether the picked attack leads to one class, so that it matters to which."""
    draft = knobs.drafted(poisoning.get(attack.value), dict(settings[attack.value]))
    return any(each.name == "target" and knobs.matters(draft, each) for each in knobs.of(draft))


def whole() -> bool:
    """Whether it is all of MNIST that is touched: picked, and there."""
    return material.value == "mnist" and digits.at_hand()
