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
from core.result import TOLERANCE

WRONG = -1  # stands for the place of the epsilon at which a digit fell that was read wrong before

#: Progress within a chunk: (epsilons done, of how many); False stops it.
Watch = Callable[[int, int], bool | None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a chunk's n digits at its k epsilons.

    fell: (n,) int64, the place among the epsilons of the first at which a change was found that fools, k where none
    was, WRONG where the digit was read wrong before; size: (n,) float64, how large that change is in the norm, NaN
    where there is none; forwards, gradients, seconds: (k,), what each epsilon cost on top of the smaller ones.
    """

    fell: np.ndarray
    size: np.ndarray
    forwards: np.ndarray
    gradients: np.ndarray
    seconds: np.ndarray


def measured(chunk: Chunk, *, model: Classifier | None = None, watch: Watch | None = None) -> Outcome | None:
    """Attack the chunk's digits at each epsilon in turn, smallest first; None where whoever watches has ended it.

    A change that fools lies within every larger epsilon as well, so a digit that has fallen is not attacked again: not
    at a larger epsilon, nor by the ensemble's next member. model: a network that is no shipped one, or is at hand.
    """
    model = _loaded(chunk) if model is None else model
    x, y, count = chunk.digits.images, chunk.digits.labels, len(chunk.epsilons)
    fell = np.where(model.predict(x) == y, count, WRONG)
    size = np.full(len(y), np.nan)
    forwards, gradients, seconds = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count)
    members = [
        (_Smallest if each.minimises else _Bounded)(model, chunk, each, chunk.seed + place)
        for place, each in enumerate(spelling.attacks_of(chunk.attack))
    ]
    for place, eps in enumerate(chunk.epsilons):
        began = time.perf_counter()
        for member in members:
            standing = np.flatnonzero(fell == count)
            if not len(standing):
                break
            found = member.sizes(standing, eps)
            forwards[place] += found.forwards
            gradients[place] += found.gradients
            hit = ~np.isnan(found.size)
            fell[standing[hit]], size[standing[hit]] = place, found.size[hit]
        seconds[place] = time.perf_counter() - began
        if watch is not None and watch(place + 1, count) is False:
            return None
    return Outcome(fell, size, forwards, gradients, seconds)


@dataclass(frozen=True, eq=False)
class _Found:
    """The sizes (m,) of the changes that fool within eps, NaN where none was found, and what they cost."""

    size: np.ndarray
    forwards: int
    gradients: int


class _Bounded:
    """An attack that fills the ball it is given: it is run anew at every epsilon."""

    def __init__(self, model: Classifier, chunk: Chunk, attack: Attack, seed: int):
        self.model, self.chunk, self.attack, self.seed = model, chunk, attack, seed

    def sizes(self, rows: np.ndarray, eps: float) -> _Found:
        digits = self.chunk.digits
        result = self.attack(self.model, digits.images[rows], digits.labels[rows], eps, self.chunk.norm, seed=self.seed)
        size = np.where(result.success, result.size, np.nan)
        return _Found(size, int(result.forwards.sum()), int(result.gradients.sum()))


class _Smallest:
    """An attack that looks for the smallest change: it is run once for each digit, and that answers every epsilon."""

    def __init__(self, model: Classifier, chunk: Chunk, attack: Attack, seed: int):
        self.model, self.chunk, self.attack, self.seed = model, chunk, attack, seed
        self.known = np.zeros(len(chunk.digits), bool)
        self.smallest = np.full(len(chunk.digits), np.inf)

    def sizes(self, rows: np.ndarray, eps: float) -> _Found:
        new, forwards, gradients = rows[~self.known[rows]], 0, 0
        if len(new) and eps > 0:
            digits = self.chunk.digits
            given = (digits.images[new], digits.labels[new], None, self.chunk.norm)
            result = self.attack(self.model, *given, seed=self.seed)
            self.known[new] = True
            self.smallest[new] = np.where(result.success, result.size, np.inf)
            forwards, gradients = int(result.forwards.sum()), int(result.gradients.sum())
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
