"""What the rows of poisoning come to: medians over the seeds, beside what was aimed at and what others have published.

The rows that are shipped, `poisoning.jsonl`, were measured by `python -m core.benchmark poisoning --out` that file.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.benchmark.journal import Line

SHIPPED = Path(__file__).parent / "poisoning.jsonl"
PLACE = ("case", "network", "seed")  # whose rows a line of the file holds
_CURVE = "Label flips, "

Row = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure of the row that is called `what`, and its bound; published: what others reached, and who.

    atleast: whether the bound is one from below; limit: whether others told no figure but a limit, which can be reached
    and not beaten; of: how a row gives the figure, if not by its name.
    """

    what: str
    name: str
    bound: float
    atleast: bool = True
    published: float | None = None
    who: str = ""
    limit: bool = False
    of: Callable[[Row], float] | None = None

    def figure(self, row: Row) -> float:
        return float(row[self.name]) if self.of is None else self.of(row)

    def met(self, value: float) -> bool:
        return value >= self.bound if self.atleast else value <= self.bound

    def beaten(self, value: float) -> bool:
        """Whether that is better than what was published."""
        assert self.published is not None
        return value > self.published if self.atleast else value < self.published


GOALS = (
    Goal("BadNets, 10%", "success", 0.995),
    Goal("BadNets, 10%", "lost", 0.005, atleast=False),
    Goal("BadNets, 1%", "success", 0.95),
    Goal("Activation clustering, all to one", "f1", 0.98),
    Goal("Activation clustering, all to next", "f1", 0.9),
    Goal("Activation clustering, all to next", "worst label", 0.9, published=0.35, who="ART's example, five classes"),
    Goal("Spectral signatures, all to one", "recall", 0.95),
    Goal("STRIP at 1 % false alarms", "missed", 0.02, atleast=False, published=0.01, who="Gao et al. 2019", limit=True),
    Goal("Neural Cleanse", "right class named", 1.0, of=lambda row: float(row["named"] == row["is"])),
    Goal("Unlearning", "success", 0.05, atleast=False),
    Goal("Unlearning", "lost", 0.01, atleast=False, published=0.42, who="ART's example"),
    Goal("Gradient matching, 1 %", "success", 0.5),
)


def rows_of(lines: Iterable[Line]) -> list[Row]:
    """The measurements of a file's lines, each with its case, network and seed."""
    return [{**row, **{name: line[name] for name in PLACE}} for line in lines for row in line["rows"]]


def aims(rows: Sequence[Row]) -> str:
    """As Markdown: each goal, what the networks reach, in percent, and whether that beats what was published."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    named = " | ".join(f"`{network}`" for network in networks)
    lines = [f"| | aim | {named} | published |", "|---|---|" + "---|" * (len(networks) + 1)]
    for goal in GOALS:
        found = {
            network: [goal.figure(row) for row in rows if row.get("what") == goal.what and row["network"] == network]
            for network in networks
        }
        if any(found.values()):
            said = [_said(goal, values) for values in found.values()]
            aim = f"{'≥' if goal.atleast else '≤'} {100 * goal.bound:g}"
            lines.append(f"| {goal.what}: {goal.name} | {aim} | {' | '.join(said)} | {_against(goal, found)} |")
    return "\n".join(lines)


def _said(goal: Goal, values: list[float]) -> str:
    if not values:
        return ""
    return summed(values) + ("" if goal.met(statistics.median(values)) else ", missed")


def _against(goal: Goal, found: dict[str, list[float]]) -> str:
    """The published figure, and by which networks it is beaten, where it is not by all."""
    if goal.published is None:
        return ""
    measured = {network: statistics.median(values) for network, values in found.items() if values}
    better = [f"`{network}`" for network, value in measured.items() if goal.beaten(value)]
    word, near = ("reached", "over " if goal.atleast else "under ") if goal.limit else ("beaten", "")
    verdict = word if len(better) == len(measured) else f"{word} by {', '.join(better)}" if better else "missed"
    return f"{near}{100 * goal.published:g} ({goal.who}), {verdict}"


def curves(rows: Sequence[Row]) -> str:
    """As Markdown: the clean accuracy over the share of flipped labels, in percent, under each defense."""
    rows = [row for row in rows if row.get("what", "").startswith(_CURVE)]
    rates = sorted({row["rate"] for row in rows})
    lines = [
        f"| flipped | network | {' | '.join(f'{rate:.0%}' for rate in rates)} |",
        "|---|" + "---|" * (len(rates) + 1),
    ]
    for what, network in dict.fromkeys((row["what"], row["network"]) for row in rows):
        mine = [row for row in rows if (row["what"], row["network"]) == (what, network)]
        shares = [[row["clean"] for row in mine if row["rate"] == rate] for rate in rates]
        medians = [f"{100 * statistics.median(values):.1f}" if values else "" for values in shares]
        lines.append(f"| {what.removeprefix(_CURVE)} | `{network}` | {' | '.join(medians)} |")
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """As Markdown: of each measurement and network the median over the seeds, and from where to where."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if "what" in row and not row["what"].startswith(_CURVE):
            groups.setdefault((row["what"], row["network"]), []).append(row)
    lines = ["| | network | seeds | |", "|---|---|---|---|"]
    for (what, network), several in groups.items():
        told = [
            f"{name} {summed([row[name] for row in several])}" for name in several[0] if name not in ("what", *PLACE)
        ]
        lines.append(f"| {what} | `{network}` | {len(several)} | {', '.join(told)} |")
    return "\n".join(lines)


def summed(values: list[Any]) -> str:
    """Shares in percent, as median and range; anything else as it is."""
    if not all(isinstance(value, float) for value in values):
        return ", ".join(sorted({str(value) for value in values}))
    middle, low, high = (100 * of(values) for of in (statistics.median, min, max))
    return f"{middle:.2f}" if low == high else f"{middle:.2f} ({low:.2f} to {high:.2f})"
