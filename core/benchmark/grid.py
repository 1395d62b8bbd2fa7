"""What a benchmark asks: every model under every attack, in chunks of digits that any machine can measure alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core import norms, zoo
from core.benchmark import spelling
from core.digits import Digits, fingerprint
from core.errors import InputError, shown

#: The epsilons of the shipped table, in each of its norms.
EPSILONS = {
    "linf": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4),
    "l2": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0),
}
CHUNK = 500  # digits; some ten seconds' work under PGD-40 at ten epsilons, so that little is lost with one


def in_turns() -> list[int]:
    """The rows of the bundled digits, which are sorted by class, one of each class after the other."""
    return np.arange(5000).reshape(10, 500).T.ravel().tolist()


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some digits, one model, and one attack or ensemble at rising epsilons.

    model, version: a shipped model and its weights' fingerprint; attack: as `spelling` writes it; thorough: a digit is
    attacked at every epsilon up to the one at which it falls; first: the number of the first of the digits among all.
    """

    model: str
    version: str
    attack: str
    norm: str
    epsilons: tuple[float, ...]
    thorough: bool
    seed: int
    first: int
    digits: Digits

    @cached_property
    def said(self) -> dict[str, object]:
        """What is asked, in what JSON holds."""
        return {
            "model": self.model,
            "version": self.version,
            "attack": self.attack,
            "norm": self.norm,
            "epsilons": list(self.epsilons),
            "thorough": self.thorough,
            "seed": self.seed,
            "first": self.first,
            "digits": len(self.digits),
            "sha256": fingerprint(self.digits),
        }

    @cached_property
    def key(self) -> str:
        """The same for the same question, and for no other."""
        return hashlib.sha256(json.dumps(self.said, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Grid:
    """Models x attacks x norms x epsilons, on these digits.

    attacks: as `spelling` reads them; epsilons: of each norm its own; thorough: try every epsilon (see `measured`),
    which is slower. Raises InputError for what does not exist, for
    epsilons that are out of range and for an attack that knows none of the norms; a pair of attack and norm that do not
    go together is left out.
    """

    models: tuple[str, ...]
    attacks: tuple[str, ...]
    epsilons: dict[str, tuple[float, ...]]
    digits: Digits
    seed: int = 0
    thorough: bool = False
    chunk: int = CHUNK

    def __post_init__(self) -> None:
        if not len(self.digits):
            raise InputError("There are no digits to attack; at least one was expected.")
        if isinstance(self.chunk, bool) or not isinstance(self.chunk, int) or self.chunk < 1:
            raise InputError(f"chunk is {shown(self.chunk)}; a whole number of digits from 1 was expected.")
        for name in self.models:
            zoo.card(name)
        for norm, epsilons in self.epsilons.items():
            top = norms.get(norm).diameter
            if not epsilons or not all(0 <= eps <= top for eps in epsilons):
                raise InputError(
                    f"The epsilons in {norm} are {shown(epsilons)}; numbers from 0 to {top:g} were expected."
                )
        for text in self.attacks:
            if not self.norms_of(text):
                raise InputError(f"{text} cannot be bounded in any of: {', '.join(self.epsilons)}.")

    def norms_of(self, attack: str) -> tuple[str, ...]:
        """Those of the grid's norms that all members of the attack know."""
        members = spelling.attacks_of(attack)
        return tuple(norm for norm in self.epsilons if all(norm in each.norms for each in members))

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """All of them: model by model, and of each the attacks in their order."""
        return tuple(self._chunks())

    def _chunks(self) -> Iterator[Chunk]:
        parts = [(first, self.digits[first : first + self.chunk]) for first in range(0, len(self.digits), self.chunk)]
        for model in self.models:
            version = zoo.load(model).version
            for attack in self.attacks:
                text = spelling.spelled(spelling.attacks_of(attack))
                for norm in self.norms_of(attack):
                    epsilons = tuple(sorted(set(map(float, self.epsilons[norm]))))
                    for first, digits in parts:
                        yield Chunk(model, version, text, norm, epsilons, self.thorough, self.seed, first, digits)
