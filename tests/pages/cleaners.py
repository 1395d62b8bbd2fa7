"""Cleaners for the tests of their panel: quick ones, made up, and set in the registry's place by `stand_in`."""

import sys
import time
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import pytest

from core import copies, poisoning
from core.classifier import Classifier
from core.errors import InputError
from core.knobs import knob
from core.poisoning import Cleaner, Findings
from core.poisoning._cleaner import Task


@dataclass(frozen=True, kw_only=True)
class Rinse(Cleaner):
    """Give the network back as it was. It is quick, and notes what it was given."""

    title = "Rinse"
    calls: ClassVar[list[Task]] = []

    strength: int = knob(1, "Strength", 0, 9, help="Does nothing; at 0 it fails")

    def run(self, task: Task) -> Classifier:
        self.calls.append(task)
        if not self.strength:
            raise InputError("There is no water. Choose a strength of at least 1.")
        assert task.watch is not None
        task.watch(1, 2, {})
        return Classifier(copies.of(task.model.keras), name="rinsed")


@dataclass(frozen=True, kw_only=True)
class Sieve(Rinse):
    """Train anew on what was not flagged."""

    title = "Sieve"
    needs_findings = True
    needs_trusted = True

    def run(self, task: Task) -> Classifier:
        self.calls.append(task)
        return poisoning.learn(task.model, task.unflagged, epochs=4, watch=task.watch)


@dataclass(frozen=True, kw_only=True)
class Soak(Rinse):
    """Take a third of the way, and wait there until somebody stops it."""

    title = "Soak"

    def run(self, task: Task) -> Classifier:
        assert task.watch is not None
        while task.watch(1, 3, {}):
            time.sleep(0.005)
        return Classifier(copies.of(task.model.keras))


@dataclass(frozen=True, eq=False, kw_only=True)
class Hints(Findings):
    """Findings of a kind of their own."""


@dataclass(frozen=True, kw_only=True)
class Sponge(Rinse):
    """Give the network back as it was; hints would have spared it something."""

    title = "Sponge"
    helped_by = Hints


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The four cleaners above, as if their files lay in the folder, and no others."""
    for cls in (Rinse, Sieve, Soak, Sponge):
        name = cls.__name__.lower()
        module = ModuleType(f"core.poisoning.{name}")
        there = type(cls.__name__, (cls,), {"__module__": module.__name__, "__doc__": cls.__doc__})
        setattr(module, cls.__name__, dataclass(frozen=True, kw_only=True)(there))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(
        poisoning._registry.__dict__, "_names", ("badnets", "label_flip", "rinse", "sieve", "soak", "sponge")
    )
    Rinse.calls.clear()
