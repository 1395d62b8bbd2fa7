"""The story of a poisoning as one picture to take away: what was done, what came of it, and who noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.digits import Digits
from pages.components import story_causes, story_effects
from pages.components.infecting import Infected
from pages.components.paper import Box, Panel, Paper, width, wrapped
from pages.components.story_effects import Found, Row

WIDTH = 1600
_EDGE, _GAP, _PAD = 48, 18, 20
_HEADLINE, _SENTENCE, _TITLE, _NOTE = 46, 21, 22, 16  # sizes of letters
_HIGH, _LINE = 60, 30  # heights of the headline's lines, and of the sentence's
_UNDER_TITLE = 58  # from a panel's top to what is under its title
_TONES = {"fooled": ("orangeBackgroundColor", "orangeTextColor"), "held": ("blueBackgroundColor", "blueTextColor")}


def picture(
    infected: Infected,
    said: Mapping[str, Any],
    grown: Sequence[Mapping[str, Any]] = (),
    digit: Digits | None = None,
    found: Found | None = None,
    cleaned: Sequence[Row] = (),
) -> bytes:
    """A PNG, 1600 pixels wide and as high as what there is to tell.

    said: the page's verdict, as its component takes it; grown: what the training has handed in; digit: one to show the
    trigger on; found: what a detector found; cleaned: how networks stand before and after cleaning.
    """
    wanted = (
        (story_causes.digit(infected, digit), story_causes.curve(infected, grown), story_causes.samples(infected)),
        (story_effects.tables(infected), story_effects.found(found)),
        (story_effects.cleaning(cleaned, story_causes.gain(infected)),),
    )
    rows = [there for row in wanted if (there := [panel for panel in row if panel is not None])]
    heights = [_UNDER_TITLE + max(panel.height for panel in row) + _PAD for row in rows]
    head = _Head(said)
    paper = Paper(WIDTH, _EDGE + head.height + sum(heights) + _GAP * len(heights) + _EDGE)
    head.draw(paper)
    y = _EDGE + head.height + _GAP
    for row, height in zip(rows, heights, strict=True):
        _lay(paper, row, y, height)
        y += height + _GAP
    paper.write(_about(infected), _EDGE, y + 14, _NOTE, colour="grayTextColor")
    paper.write("Epsilon Lab", WIDTH - _EDGE, y + 14, _NOTE, bold=True, at="rs")
    return paper.png()


def button(infected: Infected | None, said: Mapping[str, Any], **more: Any) -> None:
    """A button that draws the picture when it is pressed, and not before; more: as `picture` takes it."""
    if infected is None:
        return
    st.download_button(
        "Download the story",
        partial(picture, infected, said, **more),
        file_name=f"epsilon-lab-poison-{infected.plot.attack}.png",
        mime="image/png",
        key="story",
        on_click="ignore",  # the page need not run for it
        icon=":material/image:",
    )


class _Head:
    """The headline with its chip, and under it the badge and the sentence."""

    def __init__(self, said: Mapping[str, Any]):
        self._said = said
        room = WIDTH - 2 * _EDGE
        self._headline = wrapped(said["headline"], _HEADLINE, room - _HIGH - 14, bold=True)
        badge = said.get("badge")
        self._badge = round(width(badge, _SENTENCE, True)) + 28 if badge else 0
        self._indent = self._badge + 16 if badge else 0
        self._sentence = wrapped(said["sentence"], _SENTENCE, room - self._indent)
        self.height = _HIGH * len(self._headline) + 12 + _LINE * len(self._sentence)

    def draw(self, paper: Paper) -> None:
        y = _EDGE
        for line in self._headline:
            paper.write(line, _EDGE, y + 42, _HEADLINE, bold=True)
            y += _HIGH
        if (chip := self._said.get("chip")) is not None:
            after = _EDGE + width(self._headline[-1], _HEADLINE, True) + 14
            paper.chip(chip, after, y - _HIGH - 2, 56, self._said.get("kind") == "true")
        y += 12
        if self._badge:
            ground, ink = _TONES.get(self._said.get("tone", ""), ("grayBackgroundColor", "grayTextColor"))
            paper.box(_EDGE, y - 4, self._badge, 36, fill=ground)
            paper.write(self._said["badge"], _EDGE + 14, y + 21, _SENTENCE, bold=True, colour=ink)
        for line in self._sentence:
            paper.write(line, _EDGE + self._indent, y + 21, _SENTENCE)
            y += _LINE


def _lay(paper: Paper, row: Sequence[Panel], y: int, height: int) -> None:
    """Panels beside each other; one without a width of its own, or else the last, takes what the others leave."""
    widths = [0 if panel.width is None else panel.width + 2 * _PAD for panel in row]
    taker = widths.index(0) if 0 in widths else len(row) - 1
    widths[taker] += WIDTH - 2 * _EDGE - _GAP * (len(row) - 1) - sum(widths)
    x = _EDGE
    for panel, wide in zip(row, widths, strict=True):
        paper.box(x, y, wide, height, edge="borderColor")
        paper.write(panel.title, x + _PAD, y + 37, _TITLE, bold=True)
        paper.write(panel.note, x + wide - _PAD, y + 37, _NOTE, colour="grayTextColor", at="rs")
        panel.draw(paper, Box(x + _PAD, y + _UNDER_TITLE, wide - 2 * _PAD, height - _UNDER_TITLE - _PAD))
        x += wide + _GAP


def _about(infected: Infected) -> str:
    poisoned = infected.poisoned
    return (
        f"{poisoned.attack.title}: {poisoned.count:,} of {len(poisoned.touched):,} training digits touched "
        f"({100 * poisoned.share:.1f} %); judged by 1,000 test digits that nobody trains on."
    )
