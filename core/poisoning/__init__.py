"""Poisoning: attacks on the training set, what finds the poison, and what cleans or withstands it.

Each file in this folder that does not start with an underscore is one, found by its name; a class says of which kind
it is: "attack", "detector" or "cleaner".
"""

from collections.abc import Callable
from typing import Any

from core.poisoning._cleaner import Cleaner
from core.poisoning._judging import accuracy, attack_success, confusion, found
from core.poisoning._learning import epochs_for, learn
from core.poisoning.base import Detector, Findings, Poison, Poisoned
from core.registry import Idea, Registry

_registry = Registry(__name__, Idea, "poisoning attack, detector or cleaner")
names = _registry.names
get: Callable[[str], Any] = _registry.get  # each class has knobs of its own, which no type checker can tell from a name

__all__ = [
    "Cleaner",
    "Detector",
    "Findings",
    "Poison",
    "Poisoned",
    "accuracy",
    "attack_success",
    "confusion",
    "epochs_for",
    "found",
    "get",
    "learn",
    "names",
]
