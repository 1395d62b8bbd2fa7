"""What attacks share that see decisions alone: asking within a budget, a start over the border, the way back to it."""

from functools import cache
from typing import Any

import numpy as np

from core import digits
from core.attacks.base import Task
from core.knobs import knob
from core.norms import PIXELS

STARTS = ("noise", "digit")
_KEPT = 60  # iterates that a path holds, about
_CLEAR = 1e-3  # how much farther than the border the answer lies, as a share of the distance
_TRIES = 10  # starts of each kind that are tried on an image
_OPENING = 0  # the turn of the random numbers that starts are drawn from; later turns belong to the attack


def start() -> Any:
    """The knob that says what a decision attack starts from."""
    return knob(
        STARTS[0],
        "Start",
        choices=STARTS,
        help="What it starts from: random noise, or the nearest digit of another class",
    )


def column(value: np.ndarray) -> np.ndarray:
    """(k,) -> (k, 1, 1, 1), to stand beside images."""
    return value.reshape(-1, 1, 1, 1)


class Search:
    """One run of a decision attack: each image's best point over the border so far, and what it may still ask.

    x: (n, 28, 28, 1), the images as they were until a start is found, then the best so far; size: (n,) float64, how far
    that is in the task's norm, infinite until a start is found.
    """

    def __init__(self, task: Task, queries: int):
        self.task, self.queries = task, queries
        self.x = task.x.copy()
        self.size = np.full(len(task.x), np.inf)
        self._told = 0
        self._kept = -np.inf

    def left(self, rows: np.ndarray) -> np.ndarray:
        """How many queries each of the rows may still make, save the one that `finish` needs: (k,)."""
        return self.queries - 1 - self.task.forwards[rows]

    def hits(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Whether each of x (k, 28, 28, 1), or (k, s, 28, 28, 1), is over the border: (k,) or (k, s) bool, as asked."""
        return self._over(self.task.logits(x, rows).argmax(axis=-1), rows)

    def hits_of_some(self, x: np.ndarray, asked: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The same for x (k, s, 28, 28, 1) of which only `asked` (k, s) are shown; False for the others."""
        if asked.all():
            return self.hits(x, rows)
        self.task.spend(forwards=asked.sum(axis=1), rows=rows)
        read = np.full(asked.shape, -1)
        read[asked] = self.task.model.predict(x[asked])
        return self._over(read, rows) & asked

    def _over(self, read: np.ndarray, rows: np.ndarray) -> np.ndarray:
        labels, target = (
            each[rows].reshape(-1, *[1] * (read.ndim - 1)) for each in (self.task.labels, self.task.target)
        )
        return np.where(target < 0, read != labels, read == target)

    def take(self, x: np.ndarray, rows: np.ndarray) -> None:
        """Keep each of x (k, 28, 28, 1), all over the border, that is nearer than what is kept for its row."""
        if not len(rows):
            return
        size = self.task.norm.size(x.astype(np.float64) - self.task.x[rows])
        nearer = size < self.size[rows]
        self.x[rows[nearer]], self.size[rows[nearer]] = x[nearer], size[nearer]

    def start(self, kind: str) -> np.ndarray:
        """Find a point over the border for each image; the rows (k,) that have one and are not there already.

        kind: what is tried first: "digit" is the nearest of the bundled digits that the attacker would like to have
        read, "noise" is uniform noise; the other is tried where that fails. A note tells of images without a start.
        """
        task = self.task
        rows = np.flatnonzero(task.eps > 0)
        already = self.hits(task.x[rows], rows)
        self.take(task.x[rows[already]], rows[already])
        rows = rows[~already]
        missing = rows
        for each in STARTS if kind == STARTS[0] else STARTS[::-1]:
            if len(missing):
                missing = self._try(missing, self._noises(missing) if each == "noise" else _pictures(task, missing))
        if len(missing):
            task.note(
                f"No start was found for {len(missing)} of {len(task.x)} images: nothing that the network was shown "
                f"was read as wanted within {self.queries} queries. They are returned as they were."
            )
        return np.setdiff1d(rows, missing)

    def _try(self, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Show starts (s, k, 28, 28, 1) to each of the rows until one hits; the rows for which none did."""
        places = np.arange(len(rows))
        for candidates in starts:
            places = places[self.left(rows[places]) > 0]
            hit = self.hits(candidates[places], rows[places])
            self.take(candidates[places[hit]], rows[places[hit]])
            places = places[~hit]
        return rows[~np.isfinite(self.size[rows])]

    def _noises(self, rows: np.ndarray) -> np.ndarray:
        """(_TRIES, k, 28, 28, 1): uniform noise; none of it where there is a target, which noise hardly ever hits."""
        noise = self.task.stream.of(rows, _OPENING).uniform(_TRIES * PIXELS)
        noise = np.swapaxes(noise.reshape(-1, _TRIES, 28, 28, 1), 0, 1)
        return noise if (self.task.target < 0).all() else noise[:0]

    def blend(self, x: np.ndarray, share: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The way from the images to x: at share 0 (k,) the images, at 1 x. Straight in L2, by clipping in Linf."""
        clean = self.task.x[rows]
        change = x - clean
        if self.task.norm.name == "linf":
            bound = column(share * np.abs(change).max(axis=(1, 2, 3)))
            return clean + np.clip(change, -bound, bound)
        return clean + column(share) * change

    def to_border(self, x: np.ndarray, rows: np.ndarray, within: float) -> np.ndarray:
        """Halve the way from the images to x (k, 28, 28, 1), over the border, until it is known to that share.

        Returns the nearest point found over the border; the best so far is kept.
        """
        low, high = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
        best = x.copy()
        while True:
            open_ = np.flatnonzero((high - low > within * high) & (self.left(rows) > 0))
            if not len(open_):
                break
            middle = (low[open_] + high[open_]) / 2
            candidates = self.blend(x[open_], middle, rows[open_])
            hit = self.hits(candidates, rows[open_])
            high[open_[hit]], low[open_[~hit]] = middle[hit], middle[~hit]
            best[open_[hit]] = candidates[hit]
        self.take(best, rows)
        return best

    def finish(self) -> np.ndarray:
        """The best points (n, 28, 28, 1), moved a little farther over the border where the network agrees to that.

        A walk on the border ends where rounding decides, and the judge, who asks in another batch, rounds otherwise.
        """
        rows = np.flatnonzero(np.isfinite(self.size) & (self.size > 0) & (self.left(np.arange(len(self.x))) >= 0))
        clean = self.task.x[rows]
        clear = np.clip(clean + np.float32(1 + _CLEAR) * (self.x[rows] - clean), 0, 1)
        hit = self.hits(clear, rows)
        self.x[rows[hit]] = clear[hit]
        if not self.task.stopped:
            self.tell(last=True)
        return self.x

    def tell(self, *, last: bool = False) -> bool:
        """Keep an iterate now and then, and report; False when the run is to stop."""
        task = self.task
        most = task.forwards.max()
        if last or most >= self._kept + self.queries / _KEPT:
            task.keep(self.x)
            self._kept = most
        total = self.queries * len(task.x)
        done = total if last else min(int(task.forwards.sum()), total - 1)
        if done > self._told:
            self._told = done
            task.report(done, total, self.x)
        return not task.stopped


def _pictures(task: Task, rows: np.ndarray) -> np.ndarray:
    """(_TRIES, k, 28, 28, 1): the bundled digits nearest to each image, of the target's class or of any but its own."""
    known = digits.bundled()
    images = task.x[rows].reshape(len(rows), -1)
    gap = _squares() - 2 * images @ known.images.reshape(len(known), -1).T
    aim, own = (each[rows][:, None] for each in (task.target, task.labels))
    gap[np.where(aim < 0, known.labels == own, known.labels != aim)] = np.inf
    nearest = np.argpartition(gap, _TRIES, axis=1)[:, :_TRIES]
    order = np.take_along_axis(gap, nearest, axis=1).argsort(axis=1, kind="stable")
    return known.images[np.take_along_axis(nearest, order, axis=1).T]


@cache
def _squares() -> np.ndarray:
    """The squared length of each bundled digit."""
    flat = digits.bundled().images.reshape(-1, PIXELS)
    return np.einsum("ij,ij->i", flat, flat)
