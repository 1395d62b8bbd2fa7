"""A folder is a registry: each file that does not start with an underscore, base.py aside, offers one class."""

import difflib
import importlib
import pkgutil
from abc import ABC
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from core import knobs
from core.errors import InputError, shown

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Idea(ABC):
    """What every entry of a registry is: a frozen dataclass of knobs, whose values are checked when it is made.

    Class attributes: `name`, its file's, under which the registry has it; `title`, what a visitor reads.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = cls.__module__.rpartition(".")[2]

    def __post_init__(self) -> None:
        knobs.check(self)


class Registry(Generic[T]):
    """The classes of a package, found by listing its folder; a file is imported only when it is asked for.

    package: the package's dotted name; base: the class they extend; noun: what one of them is called in messages.
    """

    def __init__(self, package: str, base: type[T], noun: str):
        self.package, self.base, self.noun = package, base, noun

    @cached_property
    def _names(self) -> tuple[str, ...]:
        path = importlib.import_module(self.package).__path__
        found = (module.name for module in pkgutil.iter_modules(path))
        return tuple(sorted(name for name in found if name != "base" and not name.startswith("_")))

    def names(self, kind: str | None = None) -> tuple[str, ...]:
        """All names, sorted; with `kind`, those whose class says it is of that kind."""
        if kind is None:
            return self._names
        return tuple(name for name in self._names if getattr(self.get(name), "kind", None) == kind)

    def get(self, name: str) -> type[T]:
        """The class of that name; InputError, with the names that exist, for any other."""
        if not isinstance(name, str) or name not in self._names:
            near = difflib.get_close_matches(str(name), self._names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"There is no {self.noun} named {shown(name)}; there are {', '.join(self._names)}.{hint}")
        module = importlib.import_module(f"{self.package}.{name}")
        offered = [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, self.base) and each.__module__ == module.__name__
        ]
        if len(offered) != 1:
            raise TypeError(f"{module.__name__} must define exactly one {self.base.__name__}; it defines {offered}.")
        return offered[0]
