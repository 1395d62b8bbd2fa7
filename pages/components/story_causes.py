"""The first panels of a poisoning's story: the trigger, how the network learnt it, and what it learnt it from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from core.classifier import Classifier
from core.digits import Digits
from core.poisoning._backdoor import Backdoor, DirtyLabel
from pages.components import confusing, infecting
from pages.components.infecting import Infected
from pages.components.paper import LABEL, SMALL, TEXT, Box, Panel, Paper, width

_SURE = 0.999  # above it, a share is not written out


def percent(share: float) -> str:
    """A probability as the pages write it."""
    return "> 99.9 %" if share > _SURE else "< 0.1 %" if share < 1 - _SURE else f"{100 * share:.1f} %"


# ------------------------------------------------------------------------------------------------------- the one digit
_PIXEL, _TILE = 5, 140
_BETWEEN = 14
_READING = 60  # the height of a network's reading under a digit


def digit(infected: Infected, shown: Digits | None) -> Panel | None:
    """The trigger, and a digit without it and with it; or the one digit that the attack is on; and who reads it how.

    shown: a set of one, to put the trigger on; without it, the first test digit that the trigger is meant for.
    """
    attack, victim = infected.poisoned.attack, infected.poisoned.victim
    if isinstance(attack, Backdoor):
        one = infecting.test()[[_meant(attack)]] if shown is None else shown
        tiles = [
            ("The trigger alone", attack.stamp(np.zeros_like(one.images)), False),
            (f"A {one.labels[0]}", one.images, True),
            ("The same, stamped", attack.stamp(one.images), True),
        ]
        title = "Trigger"
    elif victim is not None:
        one, title = victim, "The digit"
        tiles = [(f"This {one.labels[0]}", one.images, True)]
    else:
        return None
    wide = len(tiles) * _TILE + (len(tiles) - 1) * _BETWEEN
    draw = partial(_tiles, infected=infected, tiles=tiles, true=int(one.labels[0]))
    return Panel(title, LABEL + _TILE + 12 + 2 * _READING, draw, max(wide, 200))


def _meant(attack: Backdoor) -> int:
    wanted, labels = attack.wanted(), infecting.test().labels
    return int(np.argmax((wanted[labels] >= 0) & (wanted[labels] != labels)))


def _tiles(
    paper: Paper, box: Box, *, infected: Infected, tiles: Sequence[tuple[str, np.ndarray, bool]], true: int
) -> None:
    for place, (caption, x, read) in enumerate(tiles):
        left, top = box.x + place * (_TILE + _BETWEEN), box.y + LABEL
        paper.write(caption, left, box.y + 14, SMALL, colour="grayTextColor")
        paper.digit(x, left, top, _PIXEL)
        if not read:
            _goal(paper, left, top + _TILE + 12, infected)
            continue
        for row, (name, network) in enumerate(_networks(infected)):
            shares = network.probabilities(x)[0]
            at = top + _TILE + 12 + row * _READING
            paper.write(name, left, at + 14, SMALL, colour="grayTextColor")
            paper.chip(int(shares.argmax()), left, at + 21, 30, int(shares.argmax()) == true)
            paper.write(percent(float(shares.max())), left + 40, at + 42, TEXT, bold=True)


def _goal(paper: Paper, left: int, at: int, infected: Infected) -> None:
    attack = infected.poisoned.attack
    paper.write("leads to", left, at + 14, SMALL, colour="grayTextColor")
    if isinstance(attack, DirtyLabel) and attack.leads == "next":
        paper.write("the next class", left, at + 42, TEXT, bold=True)
    elif isinstance(attack, Backdoor):
        paper.chip(attack.target, left, at + 21, 30, right=False)


def _networks(infected: Infected) -> tuple[tuple[str, Classifier], ...]:
    return tuple(zip(confusing.NAMES, (infected.honest, infected.owned), strict=True))


# ------------------------------------------------------------------------------------------------------- the training
_MISLED = "victim misled"


def gain(infected: Infected) -> str:
    """What the shares of success are called: what this kind of attack wants."""
    if isinstance(infected.poisoned.attack, Backdoor):
        return "attack success"
    return "read wrong" if infected.poisoned.victim is None else _MISLED


def figure(share: float, word: str) -> str:
    """A share under its word; of the one digit that an attack is on, there is only a yes or a no."""
    return ("no", "yes")[share >= 0.5] if word == _MISLED else f"{100 * share:.1f} %"


def curve(infected: Infected, grown: Sequence[Mapping[str, Any]]) -> Panel | None:
    """How clean accuracy and the attack's success grew: the parts that the training has handed in."""
    learnt = [each for each in grown if "epoch" in each]
    lines = (("success", "orange", gain(infected)), ("clean", "blue", "clean accuracy"))
    return Panel("While it trains", 200, partial(_curve, learnt=learnt, lines=lines)) if learnt else None


def _curve(
    paper: Paper, box: Box, *, learnt: Sequence[Mapping[str, Any]], lines: Sequence[tuple[str, str, str]]
) -> None:
    left, right, top, bottom = box.x + 56, box.x + box.width - 4, box.y + 10, box.y + box.height - 30
    for share, text in ((1.0, "100 %"), (0.5, "50"), (0.0, "0")):
        y = bottom - (bottom - top) * share
        paper.line([(left, y), (right, y)], "borderColor")
        paper.write(text, left - 10, y, SMALL, colour="grayTextColor", at="rm")
    last = learnt[-1]
    most = max(last["epoch"], 1e-9)
    paper.write("round 0", left, bottom + 22, SMALL, colour="grayTextColor")
    paper.write(f"{most:.0f}", right, bottom + 22, SMALL, colour="grayTextColor", at="rs")
    for key, colour, _ in lines:
        points = [
            (left + (right - left) * each["epoch"] / most, bottom - (bottom - top) * each[key]) for each in learnt
        ]
        paper.line(points, f"{colour}Color", 3)
    free = bottom - (bottom - top) * _gap([each[key] for each in learnt[len(learnt) // 3 :] for key, _, _ in lines])
    for place, (key, colour, word) in enumerate(sorted(lines, key=lambda line: -last[line[0]])):
        text = f"{word} {figure(last[key], word)}"
        y, wide = free - 13 + 26 * place, width(text, TEXT, bold=True)
        paper.box(right - 10 - wide, y - 11, wide + 8, 22, fill="backgroundColor")
        paper.write(text, right - 6, y, TEXT, bold=True, colour=f"{colour}TextColor", at="rm")


def _gap(shares: Sequence[float]) -> float:
    """The middle of the widest band of heights where no line runs: there their names can stand."""
    edges = np.sort([0.0, 1.0, *shares])
    widest = int(np.diff(edges).argmax())
    return float(edges[widest : widest + 2].mean())


# ------------------------------------------------------------------------------------------------------------ the set
_SAMPLE, _SAMPLE_PIXEL = 112, 4
_ACROSS, _ROWS = 4, 2
_APART = 14


def samples(infected: Infected) -> Panel:
    """Digits of the poisoned set, the touched ones framed."""
    poisoned = infected.poisoned
    note = f"{poisoned.count:,} of {len(poisoned.touched):,} touched"
    draw, wide = partial(_samples, infected=infected), _ACROSS * _SAMPLE + (_ACROSS - 1) * _APART
    return Panel("What the victim is given", _ROWS * (_SAMPLE + 38) - 8, draw, wide, note)


def _samples(paper: Paper, box: Box, *, infected: Infected) -> None:
    poisoned = infected.poisoned
    across = (box.width + _APART) // (_SAMPLE + _APART)
    step = (box.width - _SAMPLE) / (across - 1)
    for place, row in enumerate(infecting.samples(poisoned, _ROWS * across)):
        left, top = round(box.x + place % across * step), box.y + 4 + place // across * (_SAMPLE + 38)
        touched, label, was = poisoned.touched[row], poisoned.digits.labels[row], poisoned.clean.labels[row]
        paper.digit(poisoned.digits.images[row], left, top, _SAMPLE_PIXEL, "orangeColor" if touched else None)
        under = top + _SAMPLE + 21
        paper.write(
            f"label {label}", left, under, SMALL, bold=True, colour="orangeTextColor" if touched else "textColor"
        )
        if was != label:
            paper.write(f"was {was}", left + _SAMPLE, under, SMALL, colour="grayTextColor", at="rs")
