"""The defenses: each file in this folder that does not start with an underscore is one, found by its name."""

from collections.abc import Callable
from typing import Any

from core.defenses._harden import Training
from core.defenses.base import Defense
from core.registry import Registry

_registry = Registry(__name__, Defense, "defense")
names = _registry.names
get: Callable[[str], Any] = _registry.get  # each class has knobs of its own, which no type checker can tell from a name

__all__ = ["Defense", "Training", "get", "names"]
