"""Attacks as they are written on a command line: pgd, or pgd:steps=100:restarts=5, or fgsm+pgd for an ensemble."""

from __future__ import annotations

from typing import Any

from core import attacks, knobs
from core.attacks import Attack
from core.errors import InputError
from core.knobs import Knob


def attacks_of(text: str) -> tuple[Attack, ...]:
    """The attacks that are meant: more than one where they are joined by +, each for the digits that still stand.

    Whether a digit falls is all that is asked, so an attack that can stop there does, unless it is told otherwise.
    Raises InputError for a name or a knob that does not exist, and for a value out of its range.
    """
    return tuple(_one(part.strip()) for part in text.split("+"))


def spelled(members: tuple[Attack, ...]) -> str:
    """The shortest way to write them: knobs that are at their defaults are left out."""
    return "+".join(_short(each) for each in members)


def _one(text: str) -> Attack:
    name, *settings = text.split(":")
    kind = attacks.get(name)
    known = {each.name: each for each in knobs.of(kind)}
    chosen: dict[str, Any] = {"early_stop": True} if "early_stop" in known else {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or key not in known:
            raise InputError(
                f"{setting!r} is no setting of {name}. One of these was expected, with = and a value: "
                f"{', '.join(known) or 'it has none'}."
            )
        chosen[key] = _read(known[key], value)
    return kind(**chosen)


def _read(knob: Knob, text: str) -> Any:
    """What that text says for a knob; the text itself where it says nothing, which the knob will refuse."""
    try:
        if knob.kind == "bool":
            return {"true": True, "false": False}.get(text.lower(), text)
        return {"int": int, "float": float}.get(knob.kind, str)(text)
    except ValueError:
        return text


def _short(attack: Attack) -> str:
    usual = knobs.as_dict(_one(attack.name))
    others = {key: value for key, value in knobs.as_dict(attack).items() if value != usual[key]}
    return ":".join([attack.name, *(f"{key}={value}" for key, value in others.items())])
