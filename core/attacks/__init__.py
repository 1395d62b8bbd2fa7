"""The evasion attacks: each file in this folder that does not start with an underscore is one, found by its name."""

from collections.abc import Callable
from typing import Any

from core.attacks._parts import one_core
from core.attacks.base import Attack
from core.registry import Registry

_registry = Registry(__name__, Attack, "attack")
names = _registry.names
get: Callable[[str], Any] = _registry.get  # each class has knobs of its own, which no type checker can tell from a name

__all__ = ["Attack", "get", "names", "one_core"]
