"""The evasion attacks: each file in this folder that does not start with an underscore is one, found by its name."""

from core.attacks.base import Attack
from core.registry import Registry

_registry = Registry(__name__, Attack, "attack")
names = _registry.names
get = _registry.get

__all__ = ["Attack", "get", "names"]
