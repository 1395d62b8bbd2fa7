"""Measuring one chunk: at which epsilon each digit falls."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core import zoo
from core.attacks import Attack
from core.benchmark import spelling
from core.benchmark.grid import Chunk
from core.classifier import Classifier
from core.errors import InputError
from core.result import TOLERANCE, Result

WRONG = -1  # stands for the place of the epsilon at which a digit fell that was read wrong before

#: Progress within a chunk: (digits that are decided, of how many); False stops it.
Watch = Callable[[int, int], bool | None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a chunk's n digits at its k epsilons.

    fell: (n,) int64, the place among the epsilons of the first at which a change was found that fools, k where none
    was, WRONG where the digit was read wrong before; size: (n,) float64, how large that change is in the norm, NaN
    where there is none; forwards, gradients, seconds: (k,), what was spent at each epsilon.
    """

    fell: np.ndarray
    size: np.ndarray
    forwards: np.ndarray
    gradients: np.ndarray
    seconds: np.ndarray


def measured(chunk: Chunk, *, model: Classifier | None = None, watch: Watch | None = None) -> Outcome | None:
    """At which epsilon each digit of the chunk falls; None where whoever watches has ended it.

    A change that fools lies within every larger epsilon as well, so a digit that has fallen is not attacked again: not
    at a larger epsilon, nor by the ensemble's next member. Whoever stands at the largest epsilon is not attacked at a
    smaller one, and for the others the border is found by halving: all at once, each at an epsilon of its own. An
    attack may fail in a large ball and succeed in a small one; a thorough chunk tries them all, smallest first.

    model: a network that is no shipped one, or is at hand.
    """
    model = _loaded(chunk) if model is None else model
    x, y, epsilons = chunk.digits.images, chunk.digits.labels, np.array(chunk.epsilons)
    count = len(epsilons)
    right = model.predict(x) == y
    stood, fell = np.full(len(y), -1), np.full(len(y), count)
    size = np.full(len(y), np.nan)
    spent = np.zeros((2, count), np.int64)
    seconds = np.zeros(count)
    members = [
        (_Smallest if each.minimises else _Bounded)(model, chunk, each, chunk.seed + place)
        for place, each in enumerate(spelling.attacks_of(chunk.attack))
    ]
    while len(rows := np.flatnonzero(right & (fell - stood > 1))):
        began, cost = time.perf_counter(), np.zeros((2, count), np.int64)
        middle = (stood[rows] + fell[rows]) // 2
        first = stood[rows] + 1 if chunk.thorough else np.where(fell[rows] == count, count - 1, middle)
        at, hit = first, np.zeros(len(rows), bool)
        for member in members:
            left = np.flatnonzero(~hit)
            if not len(left):
                break
            found = member.attacked(rows[left], epsilons[at[left]])
            for each, total in zip(cost, (found.forwards, found.gradients), strict=True):
                np.add.at(each, at[left], total)
            hit[left] = ~np.isnan(found.size)
            size[rows[left[hit[left]]]] = found.size[hit[left]]
        fell[rows[hit]], stood[rows[~hit]] = at[hit], at[~hit]
        spent += cost
        # Epsilons that were tried in one batch share its time by what was asked of the model at each.
        seconds += (time.perf_counter() - began) * cost[0] / max(cost[0].sum(), 1)
        if watch is not None and watch(int((~right | (fell - stood <= 1)).sum()), len(y)) is False:
            return None
    return Outcome(np.where(right, fell, WRONG), size, spent[0], spent[1], seconds)


@dataclass(frozen=True, eq=False)
class _Found:
    """Of m digits the sizes of the changes that fool within their epsilons, NaN without one, and what each cost."""

    size: np.ndarray
    forwards: np.ndarray
    gradients: np.ndarray


class _Member:
    """One attack of a chunk, on its digits."""

    def __init__(self, model: Classifier, chunk: Chunk, attack: Attack, seed: int):
        self.model, self.chunk, self.attack, self.seed = model, chunk, attack, seed

    def run(self, rows: np.ndarray, eps: np.ndarray | None) -> Result:
        digits = self.chunk.digits
        return self.attack(self.model, digits.images[rows], digits.labels[rows], eps, self.chunk.norm, seed=self.seed)


class _Bounded(_Member):
    """An attack that fills the ball it is given: it is run anew at every epsilon."""

    def attacked(self, rows: np.ndarray, eps: np.ndarray) -> _Found:
        result = self.run(rows, eps)
        return _Found(np.where(result.success, result.size, np.nan), result.forwards, result.gradients)


class _Smallest(_Member):
    """An attack that looks for the smallest change: it is run once for each digit, and that answers every epsilon."""

    def __init__(self, model: Classifier, chunk: Chunk, attack: Attack, seed: int):
        super().__init__(model, chunk, attack, seed)
        self.known = np.zeros(len(chunk.digits), bool)
        self.smallest = np.full(len(chunk.digits), np.inf)

    def attacked(self, rows: np.ndarray, eps: np.ndarray) -> _Found:
        forwards, gradients = np.zeros((2, len(rows)), np.int64)
        new = np.flatnonzero(~self.known[rows] & (eps > 0))
        if len(new):
            these = rows[new]
            result = self.run(these, None)
            self.known[these] = True
            self.smallest[these] = np.where(result.success, result.size, np.inf)
            forwards[new], gradients[new] = result.forwards, result.gradients
        size = self.smallest[rows]
        return _Found(np.where(size <= eps + TOLERANCE, size, np.nan), forwards, gradients)


def _loaded(chunk: Chunk) -> Classifier:
    model = _shipped(chunk.model)
    if model.version != chunk.version:
        raise InputError(
            f"The weights of {chunk.model} here are {model.version}, and {chunk.version} were asked for. Bring every "
            "machine to the same commit."
        )
    return model


@lru_cache(maxsize=2)  # a chunk's model is mostly that of the chunk before
def _shipped(name: str) -> Classifier:
    return zoo.load(name)
