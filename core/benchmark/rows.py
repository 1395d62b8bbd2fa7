"""The table: how many digits each attack broke at each epsilon, and how sure that is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import NormalDist

import numpy as np

from core.benchmark.chunks import WRONG, Outcome
from core.benchmark.grid import Grid
from core.benchmark.journal import Line

_SURE = 0.95  # of the interval in which the true share lies

#: Of each model and norm by attack the lines, each with the number of its first digit.
_Parts = dict[tuple[str, str], dict[str, list[tuple[int, Line]]]]


@dataclass(frozen=True)
class Row:
    """One model under one attack at one epsilon.

    attack: as it is written on the command line, or "worst of ..." for what any of them broke; digits: how many are
    measured by now; wrong: how many were read wrong before; broken: by a change within eps; robust: the others; low,
    high: the 95 % interval of the robust share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953); size: the
    median of the changes that broke them, in the norm's units, NaN where there is none; forwards, gradients, seconds:
    what was spent at this epsilon; thorough: whether digits were attacked there that had stood at a larger one. Those
    that had fallen at a smaller one never are.
    """

    model: str
    version: str
    attack: str
    norm: str
    eps: float
    thorough: bool
    seed: int
    digits: int
    wrong: int
    broken: int
    robust: int
    low: float
    high: float
    size: float
    forwards: int
    gradients: int
    seconds: float

    @property
    def share(self) -> float:
        """The robust accuracy, in [0, 1]; NaN where nothing is measured."""
        return self.robust / self.digits if self.digits else float("nan")


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The interval in which a share lies that was seen as hits of count, 95 times of 100; (0, 1) of none."""
    if not count:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + _SURE) / 2)
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (share * (1 - share) / count + spread / (4 * count)) ** 0.5
    return (0.0 if not hits else middle - half), (1.0 if hits == count else middle + half)


def table(grid: Grid, lines: Iterable[Line]) -> list[Row]:
    """The grid's table, of those of its chunks that the lines hold; after a model's attacks what the worst one did."""
    known = {line["key"]: line for line in lines if "key" in line}
    parts: _Parts = {}
    for chunk in grid.chunks:
        kept = parts.setdefault((chunk.model, chunk.norm), {}).setdefault(chunk.attack, [])
        if chunk.key in known:
            kept.append((chunk.first, known[chunk.key]))
    return _table(parts)


def of_lines(lines: Iterable[Line]) -> list[Row]:
    """The table of these very lines, whatever else was asked: the worst is that of the attacks that they hold."""
    parts: _Parts = {}
    for line in lines:
        by_attack = parts.setdefault((line["model"], line["norm"]), {})
        by_attack.setdefault(line["attack"], []).append((line["first"], line))
    return _table(parts)


def _table(parts: _Parts) -> list[Row]:
    found: list[Row] = []
    for (model, norm), by_attack in parts.items():
        for attack, several in by_attack.items():
            found += _told(model, attack, norm, [line for _, line in several])
        if len(by_attack) > 1:
            found += _told(model, f"worst of {len(by_attack)}", norm, list(_worst(by_attack)))
    return found


def as_csv(table: Sequence[Row]) -> str:
    """The table as comma-separated values, a line of names first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in table)
    return text.getvalue()


def as_markdown(table: Sequence[Row]) -> str:
    """The table as a person reads it: each model under each attack, its robust accuracy in percent by epsilon."""
    lines = [
        "| model | attack | norm | digits | robust, % (95 % interval), at each ε |",
        "|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in table:
        groups.setdefault((row.model, row.attack, row.norm), []).append(row)
    for (model, attack, norm), several in groups.items():
        told = ", ".join(
            f"{100 * row.share:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f}) at {row.eps:g}" for row in several
        )
        lines.append(f"| `{model}` | `{attack}` | {norm} | {several[0].digits:,} | {told} |")
    said = "" if any(row.thorough for row in table) else " Who stood at an ε was not attacked at a smaller one."
    return "\n".join([*lines, "", f"Who fell at an ε was not attacked at a larger one.{said}"])


def told(outcome: Outcome) -> Line:
    """An outcome in what JSON holds."""
    return {
        "fell": outcome.fell.tolist(),
        "size": [None if np.isnan(size) else round(float(size), 6) for size in outcome.size],
        "forwards": outcome.forwards.tolist(),
        "gradients": outcome.gradients.tolist(),
        "seconds": [round(float(each), 4) for each in outcome.seconds],
    }


def _told(model: str, attack: str, norm: str, several: Sequence[Line]) -> Iterator[Row]:
    """A row for each epsilon, of these chunks of one question; none of no chunks."""
    if not several:
        return
    one = several[0]
    fell = np.concatenate([line["fell"] for line in several])
    size = np.concatenate([np.array(line["size"], np.float64) for line in several])
    for place, eps in enumerate(one["epsilons"]):
        broken = (fell != WRONG) & (fell <= place)
        robust = int((fell > place).sum())
        low, high = wilson(robust, len(fell))
        yield Row(
            model=model,
            version=one["version"],
            attack=attack,
            norm=norm,
            eps=eps,
            thorough=one["thorough"],
            seed=one["seed"],
            digits=len(fell),
            wrong=int((fell == WRONG).sum()),
            broken=int(broken.sum()),
            robust=robust,
            low=low,
            high=high,
            size=float(np.median(size[broken])) if broken.any() else float("nan"),
            forwards=sum(line["forwards"][place] for line in several),
            gradients=sum(line["gradients"][place] for line in several),
            seconds=round(sum(line["seconds"][place] for line in several), 3),
        )


def _worst(by_attack: dict[str, list[tuple[int, Line]]]) -> Iterator[Line]:
    """Of each chunk that all attacks have done one line, in which each digit falls where the first of them broke it."""
    everyones = [dict(several) for several in by_attack.values()]
    for first in sorted(set.intersection(*map(set, everyones))):
        lines = [each[first] for each in everyones]
        fell = np.array([line["fell"] for line in lines])
        size = np.array([line["size"] for line in lines], np.float64)
        soonest = fell.min(axis=0)
        # Of those that broke it at the same epsilon the smallest change counts.
        size = np.where(fell == soonest, np.where(np.isnan(size), np.inf, size), np.inf).min(axis=0)
        total = {name: np.sum([line[name] for line in lines], axis=0) for name in ("forwards", "gradients", "seconds")}
        outcome = Outcome(soonest, np.where(np.isinf(size), np.nan, size), **total)
        yield {**lines[0], **told(outcome)}
