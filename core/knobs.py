"""Knobs: dataclass fields that carry a label, a range and a help text, so that a page can draw them and bounds hold."""

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from core.errors import InputError, shown

_KEY = "knob"


@dataclass(frozen=True)
class Knob:
    """One setting of an attack or a defense.

    kind is "int", "float", "bool" or "choice"; low and high are inclusive bounds of the numeric kinds; choices are the
    values of a choice; step is the increment that a control should offer; only_with is another knob and the value that
    it must have for this one to matter, or None; words are whole numbers that a control should call otherwise.
    """

    name: str
    label: str
    default: Any
    kind: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    help: str = ""
    step: float | None = None
    only_with: tuple[str, Any] | None = None
    words: tuple[tuple[int, str], ...] = ()

    def expected(self) -> str:
        """Say in words which values this knob takes."""
        if self.kind == "choice":
            return "one of " + ", ".join(repr(choice) for choice in self.choices or ())
        if self.kind == "bool":
            return "True or False"
        noun = "a whole number" if self.kind == "int" else "a number"
        return f"{noun} from {self.low:g} to {self.high:g}"

    def accepts(self, value: object) -> bool:
        """Whether value has this knob's type and lies in its range."""
        if self.kind == "choice":
            return isinstance(value, str) and value in (self.choices or ())
        if self.kind == "bool":
            return isinstance(value, bool)
        wanted = Integral if self.kind == "int" else Real
        if isinstance(value, bool) or not isinstance(value, wanted):
            return False
        number = float(value)
        return math.isfinite(number) and self.low <= number <= self.high  # type: ignore[operator]


def knob(
    default: Any,
    label: str,
    low: float | None = None,
    high: float | None = None,
    *,
    choices: Sequence[str] | None = None,
    help: str = "",
    step: float | None = None,
    words: Mapping[int, str] | None = None,
) -> Any:
    """Declare a knob as a dataclass field: `steps: int = knob(40, "Steps", 1, 200, help="Gradient steps")`."""
    kind = "choice" if choices is not None else type(default).__name__
    if kind not in ("int", "float", "bool", "choice"):
        raise TypeError(f"A knob's default is an int, a float, a bool or one of its choices, not {default!r}.")
    if kind in ("int", "float") and (low is None or high is None):
        raise TypeError(f"The knob {label!r} is a number and needs both its bounds.")
    given = tuple(choices) if choices is not None else None
    told = Knob("", label, default, kind, low, high, given, help, step, words=tuple((words or {}).items()))
    return dataclasses.field(default=default, metadata={_KEY: told})


def only_with(name: str, value: Any, field: Any) -> Any:
    """The same knob, told that it matters only where the knob of that name has that value."""
    told = dataclasses.replace(field.metadata[_KEY], only_with=(name, value))
    return dataclasses.field(default=field.default, metadata={_KEY: told})


def of(cls: type) -> tuple[Knob, ...]:
    """The knobs of a dataclass (or of an instance), in the order in which they were declared."""
    return tuple(
        dataclasses.replace(field.metadata[_KEY], name=field.name)
        for field in dataclasses.fields(cls)
        if _KEY in field.metadata
    )


def matters(instance: Any, knob: Knob) -> bool:
    """Whether that knob changes anything, given the values of the others."""
    return knob.only_with is None or getattr(instance, knob.only_with[0]) == knob.only_with[1]


def drafted(cls: type, values: Mapping[str, Any]) -> Any:
    """An instance with these values, whether or not they go together: to ask which of its knobs matter."""
    draft = copy.copy(cls())
    vars(draft).update(values)
    return draft


def check(instance: Any) -> None:
    """Raise InputError, naming the knob, the value and the range, unless every knob's value is allowed."""
    for each in of(type(instance)):
        value = getattr(instance, each.name)
        if not each.accepts(value):
            raise InputError(
                f"{each.name} of {type(instance).__name__} is {shown(value)}; it must be {each.expected()}."
            )


def as_dict(instance: Any) -> dict[str, Any]:
    """The knobs' values by name."""
    return {each.name: getattr(instance, each.name) for each in of(type(instance))}
