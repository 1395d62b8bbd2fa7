"""What the Scoreboard shows: a table of networks under attacks, made of the lines of a benchmark."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from core import attacks, knobs, norms, zoo
from core.attacks import Attack
from core.benchmark import rows, shipped, spelling
from core.benchmark.chunks import WRONG
from core.benchmark.grid import EPSILONS, in_turns
from core.benchmark.journal import Line
from core.errors import InputError
from pages.components import cache, session
from pages.components.session import DECIMALS, View

COMMAND = "python -m core.benchmark.shipped"  # what measures the shipped table
CLEAN, WORST = "clean", "worst"  # the columns beside those of the attacks
_CODES = "0123456789abcdefghijklmnopqrstuvwxyz"  # the place of the epsilon at which a digit fell, as one letter
_SHORT = {"noise": "Noise", "apgd": "APGD", "square": "Square"}  # names that fit over a column


@dataclass(frozen=True, eq=False)
class Table:
    """What is asked of a table, and the lines that are there of it.

    models: names; attacks, epsilons: of each norm its own; count: how many digits, the first of `grid.in_turns`;
    command: what measures it.
    """

    models: tuple[str, ...]
    attacks: dict[str, tuple[str, ...]]
    epsilons: dict[str, tuple[float, ...]]
    count: int
    lines: tuple[Line, ...]
    command: str

    @cached_property
    def fell(self) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        """By norm, model and attack at which place among the epsilons each digit fell, of what is whole."""
        found: dict[str, dict[str, dict[str, np.ndarray]]] = {norm: {} for norm in self.epsilons}
        for norm, model, attack, several in self._parts():
            told = np.concatenate([line["fell"] for line in sorted(several, key=lambda line: line["first"])])
            if len(told) == self.count:
                found[norm].setdefault(model, {})[attack] = told
        return found

    def held(self, norm: str, model: str, column: str, count: int) -> list[int] | None:
        """How many of the first digits a model reads right in a column: before any attack, and at every epsilon.

        The worst is that of the attacks that are measured; None where nothing is.
        """
        if column == CLEAN:
            every = [fell for by_model in self.fell.values() for fell in by_model.get(model, {}).values()][:1]
        else:
            by_attack = self.fell[norm].get(model, {})
            every = [fell for attack, fell in by_attack.items() if column in (attack, WORST)]
        if not every:
            return None
        soonest = np.min(every, axis=0)[:count]
        places = [WRONG, *range(len(self.epsilons[norm]))]
        return [int((soonest > (WRONG if column == CLEAN else place)).sum()) for place in places]

    def in_line(self, norm: str) -> list[str]:
        """The networks that can be compared: those that have seen about as many attacks as any other."""
        seen = {name: len(by_attack) for name, by_attack in self.fell[norm].items()}
        return [name for name in self.models if seen.get(name, 0) >= max(max(seen.values(), default=0) - 1, 1)]

    def _parts(self) -> list[tuple[str, str, str, list[Line]]]:
        parts: dict[tuple[str, str, str], list[Line]] = {}
        for line in self.lines:
            norm, model, attack = line["norm"], line["model"], line["attack"]
            asked = model in self.models and attack in self.attacks.get(norm, ())
            if asked and tuple(line["epsilons"]) == self.epsilons[norm]:
                parts.setdefault((norm, model, attack), []).append(line)
        return [(*names, several) for names, several in parts.items()]

    @cached_property
    def told(self) -> dict[str, Any]:
        """The table as the browser takes it: of every digit one letter, "-" where it was read wrong before."""
        return {
            "models": [{"name": name, "title": cache.title(name)} for name in self.models],
            "norms": [self._norm(norm) for norm in self.epsilons],
            "count": self.count,
        }

    def _norm(self, norm: str) -> dict[str, Any]:
        coded = {
            model: {attack: "".join("-" if at == WRONG else _CODES[at] for at in fell) for attack, fell in each.items()}
            for model, each in self.fell[norm].items()
        }
        return {
            "name": norm,
            "title": norms.get(norm).title,
            "epsilons": self.epsilons[norm],
            "decimals": DECIMALS[norm],
            "top": session.eps_max(norm),
            "attacks": [{"name": attack, "title": title(attack)} for attack in self.attacks[norm]],
            "cells": coded,
        }


def from_shipped() -> Table:
    """The table that comes with the package; without its lines where its file is not there or cannot be read."""
    try:
        lines = shipped.lines()
    except (OSError, EOFError, ValueError, gzip.BadGzipFile, zlib.error):
        lines = ()
    if not (_latest and _latest[0].lines is lines):
        known = {norm: those_with(norm) for norm in EPSILONS}
        _latest[:] = [Table(zoo.names(), known, EPSILONS, shipped.DIGITS, lines, COMMAND)]
    return _latest[0]


_latest: list[Table] = []  # the shipped table, made once for all visitors


def those_with(norm: str) -> tuple[str, ...]:
    """The shipped table's attacks that know the norm, as its lines spell them."""
    members = map(spelling.attacks_of, shipped.ATTACKS)
    return tuple(spelling.spelled(each) for each in members if all(norm in one.norms for one in each))


def as_json(table: Table) -> str:
    """The whole table: where it comes from, its rows, and of each cell where every digit fell."""
    told = [
        {key: None if value != value else value for key, value in asdict(row).items()}
        for row in rows.of_lines(table.lines)
    ]
    cells = [
        {key: line[key] for key in ("model", "attack", "norm", "epsilons", "fell", "size")} for line in table.lines
    ]
    origin = {**dict(provenance(table.lines)), "command": table.command}
    which = {"set": "bundled", "rows": in_turns()[: table.count]}
    return json.dumps({"provenance": origin, "digits": which, "rows": told, "cells": cells})


def title(attack: str) -> str:
    """What stands over an attack's column: its name, and what is set otherwise than by default."""
    return " + ".join(_title(member) for member in spelling.attacks_of(attack))


def _title(member: Attack) -> str:
    told = [f"{value} {key.replace('_', ' ')}" for key, value in _settings(member)]
    return ", ".join([_SHORT.get(member.name, member.title), *told])


def _settings(member: Attack) -> tuple[tuple[str, Any], ...]:
    """The knobs that differ from the defaults, sorted; how early a benchmark stops is none of a visitor's."""
    usual = knobs.as_dict(attacks.get(member.name)())
    told = {key: value for key, value in knobs.as_dict(member).items() if value != usual[key] and key != "early_stop"}
    return tuple(sorted(told.items()))


def view_of(view: View, model: str, attack: str, norm: str, eps: float) -> View:
    """The view in which the Attack page shows one cell: the visitor's digit under its attack, at its ε."""
    if not math.isfinite(eps):
        raise InputError(f"ε is {eps}; a number was expected.")
    member = spelling.attacks_of(attack)[0]
    if norm not in member.norms:
        raise InputError(f"{member.title} is not defined in {norms.get(norm).title}.")
    moved = replace(view, model=model).with_attack(member.name, _settings(member)).with_norm(norm)
    return replace(moved, eps=session.snap(eps, norm))


def provenance(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Where the figures come from: for each thing to know its name and what it was, each value once."""
    if not lines:
        return []

    def every(name: str) -> str:
        return ", ".join(dict.fromkeys(str(line[name]) for line in lines if name in line))

    versions = dict.fromkeys(
        ", ".join(f"{package} {version}" for package, version in line.get("libraries", {}).items()) for line in lines
    )
    told = [("Measured", every("date")), ("Machine", every("machine")), ("Commit", every("commit"))]
    return [*told, ("Versions", "; ".join(versions)), ("Seed", every("seed"))]
