"""The Scoreboard as one page that stands on its own: the table, its curves, and where the figures come from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from core import norms
from core.benchmark.rows import wilson
from pages.components import cache, scoring
from pages.components.scoring import CLEAN, WORST, Table
from pages.components.session import DECIMALS

_TONES = ((240, 154, 94), (246, 245, 243), (127, 181, 238))  # none, half and all read right
_LINES = ("#0B3C74", "#1769C2", "#7A4AA8", "#AD3F06", "#55617A")
_DASHES = ("", "7 4", "2 3.4")
_WIDE, _HIGH = 900, 400
_APART = 18  # pixels between two names
_STYLE = """
body { font: 16px/1.4 "Source Sans 3", "Source Sans Pro", system-ui, sans-serif; color: #121A2B; max-width: 1000px;
  margin: 24px auto; padding: 0 16px; }
h1 { font-size: 34px; margin: 0 0 4px; } h2 { font-size: 21px; margin: 28px 0 8px; }
.scroll { overflow-x: auto; } table { border-spacing: 3px; }
th { text-align: left; padding: 4px 8px; white-space: nowrap; }
thead th { text-align: center; }
td { padding: 7px 8px; text-align: center; min-width: 66px; font-variant-numeric: tabular-nums; }
td small { display: block; font-size: 12px; }
.worst { outline: 2px solid #121A2B; outline-offset: -2px; font-weight: 700; }
svg { max-width: 100%; height: auto; font: 14px sans-serif; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: 4px 12px; }
dt { color: #55617A; } dd { margin: 0; overflow-wrap: anywhere; } code { font-size: 14px; }
"""


def html(table: Table, norm: str, place: int, count: int, column: str) -> str:
    """The page, at one ε, of the first `count` digits; its curves are those under the column."""
    eps = f"{table.epsilons[norm][place]:.{DECIMALS[norm]}f}"
    name = norms.get(norm).title
    under = "the worst of the attacks" if column == WORST else scoring.title(column)
    origin = [*scoring.provenance(table.lines), ("Digits", _digits(count)), ("Command", table.command)]
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Epsilon Lab: Scoreboard at ε = {eps} in {name}</title><style>{_STYLE}</style></head><body>
<h1>{escape(_headline(table, norm, place, count))}</h1>
<p>Share of {count} bundled digits that are still read right within ε = {eps} in {name}, in percent; under it the
interval in which the true share lies 95 times of 100 (Wilson 1927).</p>
<div class="scroll">{_table(table, norm, place, count)}</div>
<h2>Under {escape(under)}, as ε grows</h2>
{_curves(table, norm, place, count, column)}
<h2>Where it comes from</h2>
<dl>{"".join(f"<dt>{escape(what)}</dt><dd>{escape(value)}</dd>" for what, value in origin)}</dl>
<p>A digit falls at the smallest ε of the table at which an attack found a change that fools the network; who fell at
one ε was not attacked at a larger one, and who stood at one was not attacked at a smaller one. What an attack does not
find may still be there: every figure but those before any attack is at least what is left under the worst change.</p>
</body></html>
"""


def _digits(count: int) -> str:
    return f"the first {count} of the 5,000 bundled MNIST digits, one of each class after the other"


def _headline(table: Table, norm: str, place: int, count: int) -> str:
    found = {name: held[place + 1] for name in table.in_line(norm) if (held := table.held(norm, name, WORST, count))}
    if not found:
        return "Nothing is measured yet"
    most = max(found.values())
    leading = [cache.title(name) for name, right in found.items() if right == most]
    verb = "leads" if len(leading) == 1 else "lead"
    gaps = any(len(each) < len(table.attacks[norm]) for each in table.fell[norm].values())
    return f"{' and '.join(leading)} {verb}: {100 * most / count:.1f}\u00a0% at worst{' so far' if gaps else ''}"


def _table(table: Table, norm: str, place: int, count: int) -> str:
    columns = {CLEAN: "No attack", **{each: scoring.title(each) for each in table.attacks[norm]}, WORST: "worst"}
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in columns.values())
    rows = []
    for name in _ranked(table, norm, count):
        cells = [_cell(table.held(norm, name, column, count), place, count, column) for column in columns]
        rows.append(f'<tr><th scope="row">{escape(cache.title(name))}</th>{"".join(cells)}</tr>')
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _ranked(table: Table, norm: str, count: int) -> list[str]:
    """The networks, the best over all ε first."""
    line = table.in_line(norm)
    return sorted(table.models, key=lambda name: (name not in line, -sum(table.held(norm, name, WORST, count) or [-1])))


def _cell(held: Sequence[int] | None, place: int, count: int, column: str) -> str:
    if held is None:
        return "<td>not measured</td>"
    right = held[place + 1]
    low, high = wilson(right, count)
    look = ' class="worst"' if column == WORST else f' style="background: {_tone(right / count)}"'
    return f"<td{look}>{100 * right / count:.1f}<small>{100 * low:.1f} to {100 * high:.1f}</small></td>"


def _tone(share: float) -> str:
    one, other = list(pairwise(_TONES))[share >= 0.5]
    part = 2 * share - (share >= 0.5)
    return f"rgb({' '.join(str(round(a + (b - a) * part)) for a, b in zip(one, other, strict=True))})"


def _curves(table: Table, norm: str, place: int, count: int, column: str) -> str:
    epsilons = table.epsilons[norm]
    left, right, top, bottom = 60, _WIDE - 170, 30, _HIGH - 30

    def x(eps: float) -> float:
        return left + (right - left) * eps / epsilons[-1]

    def y(share: float) -> float:
        return bottom - (bottom - top) * share

    parts = [
        f'<path d="M{left} {y(share)}H{right}" stroke="#CBD4E1"/><text x="{left - 8}" y="{y(share) + 5}" '
        f'text-anchor="end" fill="#55617A">{100 * share:g}\u00a0%</text>'
        for share in (1, 0.5, 0)
    ]
    parts += [
        f'<text x="{x(eps):.1f}" y="{bottom + 20}" text-anchor="middle" fill="#55617A">{eps:g}</text>'
        for eps in (0, *epsilons)
    ]
    ends = []
    for at, name in enumerate(table.models):
        held = table.held(norm, name, column, count)
        if held:
            points = [(x(eps), y(n / count)) for eps, n in zip((0, *epsilons), held, strict=True)]
            way = "L".join(f"{one:.1f} {other:.1f}" for one, other in points)
            tone, dash = _LINES[at % 5], _DASHES[at // 5 % 3]
            parts.append(f'<path d="M{way}" fill="none" stroke="{tone}" stroke-width="2.4" stroke-dasharray="{dash}"/>')
            ends.append((points[-1][1], -sum(held), cache.title(name), tone))
    parts += _names(ends, right, bottom)
    here = x(epsilons[place])
    parts.append(f'<path d="M{here:.1f} {top - 8}V{bottom}" stroke="#121A2B" stroke-width="2" stroke-dasharray="2 3"/>')
    parts.append(f'<text x="{here:.1f}" y="{top - 13}" text-anchor="middle">ε = {epsilons[place]:g}</text>')
    return f'<svg viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" role="img" aria-label="Curves">{"".join(parts)}</svg>'


def _names(ends: list[tuple[float, int, str, str]], right: float, bottom: float) -> list[str]:
    """The networks' names at their lines' ends, the lowest last; names that would lie on each other make room."""
    places, limit = [], bottom
    for y, _, name, tone in sorted(ends, reverse=True):
        limit = min(y, limit)
        places.append((limit, y, name, tone))
        limit -= _APART
    return [
        f'<path d="M{right + 4} {y:.1f}L{right + 14} {at:.1f}" stroke="#CBD4E1"/><text x="{right + 18}" '
        f'y="{at + 5:.1f}" fill="{tone}" font-weight="700">{escape(name)}</text>'
        for at, y, name, tone in places
    ]
