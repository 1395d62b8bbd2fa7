"""The last panels of a poisoning's story: who is taken for whom, what a detector found, and what cleaning did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from core import poisoning
from core.classifier import CLASSES
from core.poisoning import Findings
from pages.components import confusing, finding
from pages.components.infecting import Infected
from pages.components.paper import LABEL, SMALL, TEXT, Box, Panel, Paper, mixed, width
from pages.components.story_causes import figure


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector found: its title, its precision and recall over the whole set, and the digits of one label.

    touched, flagged: (n,) bool, of those digits; points: (n, 2), where they lie, in any scale, or None; plane: whether
    that is a detector's plane, or else scores along.
    """

    title: str
    precision: float
    recall: float
    label: int
    touched: np.ndarray
    flagged: np.ndarray
    points: np.ndarray | None = None
    plane: bool = True

    @classmethod
    def of(cls, infected: Infected, title: str, findings: Findings, label: int) -> Found:
        """What a detector's findings come to for that set, and for the digits with that label in it."""
        poisoned = infected.poisoned
        score, rows = poisoning.found(findings.flagged, poisoned.touched), poisoned.digits.labels == label
        points = finding.places(findings, np.flatnonzero(rows))
        shown = (poisoned.touched[rows], findings.flagged[rows], points, findings.points is not None)
        return cls(title, score.precision, score.recall, label, *shown)


@dataclass(frozen=True)
class Row:
    """How a network stands: the shares of clean digits read right, and of what the attacker gets.

    note: what tells it from others of that name.
    """

    name: str
    clean: float
    success: float
    note: str = ""


# ------------------------------------------------------------------------------------------------ who is taken for whom
_CELL = 26  # the height of a row of the tables


def tables(infected: Infected) -> Panel:
    """Both networks' confusion: of stamped digits, where there is a stamp."""
    counts = confusing.counted(infected)
    note = "1,000 test digits" if counts.stamped is None else "1,000 stamped test digits"
    draw = partial(_tables, both=counts.stamped or counts.clean, wanted=counts.wanted)
    return Panel("Who is taken for whom", 30 + 2 * LABEL + CLASSES * _CELL, draw, None, note)


def _tables(paper: Paper, box: Box, *, both: tuple[np.ndarray, np.ndarray], wanted: np.ndarray | None) -> None:
    between = 36
    wide = (box.width - between) // 2
    for place, (name, table) in enumerate(zip(confusing.NAMES, both, strict=True)):
        side = Box(box.x + place * (wide + between), box.y, wide, box.height)
        paper.write(name, side.x, side.y + 16, TEXT, bold=True)
        met, meant = _met(table, wanted)
        told = f"{met:,} of {meant:,} read {'right' if wanted is None else 'as wanted'}"
        paper.write(told, side.x + width(name, TEXT, True) + 10, side.y + 16, TEXT, colour="grayTextColor")
        _table(paper, side, table, wanted)


def _met(table: np.ndarray, wanted: np.ndarray | None) -> tuple[int, int]:
    """How many digits are read as is wanted, which is right where nobody wants else; and of how many."""
    every = np.arange(CLASSES)
    goal = every if wanted is None else wanted
    meant = every if wanted is None else every[(wanted >= 0) & (wanted != every)]
    return int(table[meant, goal[meant]].sum()), int(table[meant].sum())


def _table(paper: Paper, side: Box, table: np.ndarray, wanted: np.ndarray | None) -> None:
    left, top = side.x + 46, side.y + 30 + 2 * LABEL
    wide = (side.width - 46) / CLASSES
    paper.write("read as", left + 5 * wide, top - LABEL - 6, SMALL, colour="grayTextColor", at="ms")
    paper.write("is a", side.x, top - 6, SMALL, colour="grayTextColor")
    for i in range(CLASSES):
        paper.write(str(i), left + (i + 0.5) * wide, top - 6, SMALL, bold=True, at="ms")
        paper.write(str(i), left - 12, top + (i + 0.5) * _CELL, SMALL, bold=True, at="rm")
        for j in range(CLASSES):
            x, y, count = left + j * wide, top + i * _CELL, int(table[i, j])
            share = 0.15 + 0.85 * float(np.sqrt(count / max(table[i].sum(), 1)))  # so that few are seen, too
            colour = mixed("backgroundColor", "rightCell" if i == j else "wrongCell", share)
            aim = wanted is not None and wanted[i] == j != i
            paper.box(
                x + 1,
                y + 1,
                wide - 2,
                _CELL - 2,
                fill=colour if count else "secondaryBackgroundColor",
                edge="orangeColor" if aim else None,
                thick=1.5,
                round_=2,
            )
            if count:
                paper.write(str(count), x + wide / 2, y + _CELL / 2, SMALL, bold=i == j, at="mm")


# -------------------------------------------------------------------------------------------------------- what is found
def found(findings: Found | None) -> Panel | None:
    """How much of the poison the detector found, and the digits of one label as it saw them."""
    if findings is None:
        return None
    height = 30 if findings.points is None else 30 + 2 * LABEL + CLASSES * _CELL
    return Panel(f"Digits labelled {findings.label}", height, partial(_found, findings=findings), 440, findings.title)


def _found(paper: Paper, box: Box, *, findings: Found) -> None:
    told = (("precision", findings.precision), ("recall", findings.recall))
    x = float(box.x)
    for word, share in told:
        paper.write(word, x, box.y + 16, TEXT, colour="grayTextColor")
        x += width(word, TEXT) + 8
        said = figure(share, word)
        paper.write(said, x, box.y + 16, TEXT, bold=True)
        x += width(said, TEXT, True) + 22
    if findings.points is None:
        return
    points = np.asarray(findings.points, float)
    low, high = points.min(axis=0), points.max(axis=0)
    unit = (points - low) / np.maximum(high - low, 1e-9)
    touched, flagged = np.asarray(findings.touched, bool), np.asarray(findings.flagged, bool)
    left, top, wide, high_ = box.x + 8, box.y + 42, box.width - 16, box.height - 54 - 2 * LABEL
    for row in np.argsort(touched, kind="stable"):
        at = left + wide * unit[row, 0], top + high_ * (1 - unit[row, 1])
        colour = "orangeColor" if touched[row] else "blueColor"
        if flagged[row]:
            paper.diamond(*at, 5, colour)
        else:
            paper.dot(*at, 3.5, colour, clear=0.45)
    bottom = box.y + box.height - 8
    honest = f"{int((~touched).sum()):,} untouched"
    paper.write(honest, box.x, bottom - LABEL, TEXT, bold=True, colour="blueTextColor")
    poison = f"{int(touched.sum()):,} touched, {int((touched & flagged).sum()):,} found"
    paper.write(poison, box.x + box.width, bottom - LABEL, TEXT, bold=True, colour="orangeTextColor", at="rs")
    paper.write("diamonds: flagged", box.x, bottom, SMALL, colour="grayTextColor")
    if not findings.plane:
        paper.write("further right: more suspicious", box.x + box.width, bottom, SMALL, colour="grayTextColor", at="rs")


# ------------------------------------------------------------------------------------------------------------- cleaning
_STAND, _NOTED = 34, 48  # the height of a network's row; and where one of them has a note
_FIGURE = 96  # the room of a figure behind its bar


def cleaning(rows: Sequence[Row], gain: str) -> Panel | None:
    """How the networks stand that were cleaned, beside others; gain: what their success is called."""
    if not rows:
        return None
    stand = _NOTED if any(row.note for row in rows) else _STAND
    draw = partial(_cleaning, rows=rows, gain=gain, stand=stand)
    return Panel("Cleaning", LABEL + len(rows) * stand, draw, None, "1,000 test digits")


def _cleaning(paper: Paper, box: Box, *, rows: Sequence[Row], gain: str, stand: int) -> None:
    names = 36 + max(max(width(row.name, TEXT), width(row.note, SMALL)) for row in rows)
    half = (box.width - names) / 2
    bar = half - _FIGURE
    for part, (word, colour) in enumerate((("clean accuracy", "blue"), (gain, "orange"))):
        x = box.x + names + part * half
        paper.write(word, x, box.y + 12, SMALL, colour="grayTextColor")
        for place, row in enumerate(rows):
            y = box.y + LABEL + (place + 0.5) * stand
            share = row.success if part else row.clean
            paper.box(x, y - 8, bar, 16, fill="secondaryBackgroundColor", round_=2)
            if share > 0:
                paper.box(x, y - 8, max(bar * share, 2), 16, fill=f"{colour}Color", round_=2)
            paper.write(figure(share, word), x + bar + 12, y, TEXT, bold=True, colour=f"{colour}TextColor", at="lm")
    for place, row in enumerate(rows):
        y = box.y + LABEL + (place + 0.5) * stand
        paper.write(row.name, box.x, y - 9 if row.note else y, TEXT, at="lm")
        paper.write(row.note, box.x, y + 11, SMALL, colour="grayTextColor", at="lm")
