"""Zeroth order optimisation."""

from dataclasses import dataclass

import numpy as np

from core import losses
from core.attacks import _knobs
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.knobs import knob
from core.norms import PIXELS

_BLOCK = 4096  # candidates that are asked about at once
_KEPT = 60  # iterates that a path holds, about
_GROWTH = 10.0  # of c while nothing has been found
_DECAYS = 0.9, 0.999  # Adam's
_TINY = 1e-8
_LEAST = 2  # a pixel's weight is at least a quarter to this power


@dataclass(frozen=True, kw_only=True)
class ZooAttack(Attack):
    r"""Run Carlini and Wagner's attack without a gradient: measure its slope, one pixel at a time, from scores.

    $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h}, \qquad
    \min_{x'} \lVert x' - x \rVert_2^2 + c \max\big(\kappa - m(x'), 0\big)$$

    m is the margin of the wrong classes over the label, or of the target over the rest. Each turn measures a batch of
    pixels, two queries a pixel, and moves them alone: by Adam, each pixel with a memory of its own, or by Newton's
    step with the measured curvature. In the first search all pixels take turns, then those that showed a steep slope
    come more often. The constant c is searched for each digit; every search has its share of the queries. 784 pixels
    make even one gradient dear: this is the attack that showed that scores are enough, not the one to spare queries.

    Chen, Zhang, Sharma, Yi and Hsieh, "ZOO: zeroth order optimization based black-box attacks to deep neural networks
    without training substitute models", AISec 2017, https://arxiv.org/abs/1708.03999
    """

    title = "ZOO"
    norms = ("l2",)
    knowledge = "scores"
    minimises = True

    queries: int = _knobs.queries(10000, 50000)
    search_steps: int = _knobs.search_steps(3, help="Searches for the constant c, which share the queries", high=10)
    coordinates: int = knob(
        128, "Pixels a turn", 1, 392, help="Pixels that are measured and moved at once, two queries each"
    )
    solver: str = knob("newton", "Solver", choices=("newton", "adam"), help="How a measured slope becomes a step")
    learning_rate: float = knob(
        0.4,
        "Learning rate",
        0.005,
        1.0,
        step=0.005,
        help="Length of a pixel's longest step; it shrinks to 0 in the course of a search",
    )
    reach: float = knob(0.2, "Reach", 0.0005, 0.5, step=0.0005, help="How far a pixel is moved to measure its slope, h")
    first_c: float = knob(1.0, "First c", 0.001, 100.0, step=0.001, help="Weight of the margin in the first search")
    confidence: float = _knobs.confidence()

    def run(self, task: Task) -> np.ndarray:
        return _Run(self, task).search()


class _Run:
    """All images side by side: they make the same number of queries, for none is ever done with shrinking."""

    def __init__(self, attack: ZooAttack, task: Task):
        self.attack, self.task, self.rows = attack, task, np.flatnonzero(task.eps > 0)
        shape = len(task.x), PIXELS
        self.clean = task.x.reshape(shape)
        self.best, self.size = self.clean.copy(), np.full(len(task.x), np.inf)
        self.c, self.low, self.high = (np.full(len(task.x), v, np.float32) for v in (attack.first_c, 0, np.inf))
        self.steep = np.ones(shape, np.float32)  # how steep each pixel was when it was last measured
        self.weight = np.ones(shape, np.float32)
        self.turn = 0
        self.kept = 0

    def search(self) -> np.ndarray:
        task, attack = self.task, self.attack
        images = self.best.reshape(task.x.shape)
        if len(self.rows):
            task.keep(task.x)
            for step in range(attack.search_steps):
                found = self._descend(attack.queries * (step + 1) // attack.search_steps)
                self._choose_c(found)
                self._weigh()
                if task.stopped:
                    return images
            task.keep(images)
            task.report(attack.queries, attack.queries, images)
        return images

    def _choose_c(self, found: np.ndarray) -> None:
        """Halve what is left between the largest c that was too small and the smallest that sufficed."""
        self.high = np.where(found, self.c, self.high)
        self.low = np.where(found, self.low, self.c)
        self.c = np.where(np.isfinite(self.high), (self.low + self.high) / 2, self.c * _GROWTH)

    def _weigh(self) -> None:
        """Weigh pixels by how steep they were, in a few levels: rounding must not decide who is drawn."""
        share = self.steep / np.maximum(self.steep.max(axis=1, keepdims=True), _TINY)
        self.weight = 4.0 ** np.ceil(np.emath.logn(4, np.maximum(share, 4.0**-_LEAST)))

    def _descend(self, until: int) -> np.ndarray:
        """Minimise from the images themselves until so many queries are spent; which images (n,) were fooled."""
        x, spent = self.clean.copy(), int(self.task.forwards[self.rows[0]])
        begun = spent
        first, second, visits = (np.zeros_like(x) for _ in range(3))
        found = np.zeros(len(x), bool)
        while spent < until:
            margin = self._look(x, found)
            spent += 1
            batch = min(self.attack.coordinates, (until - spent - 1) // 2)
            if batch < 1 or self.task.stopped:
                break

            rate = np.float32(self.attack.learning_rate * (1 - (spent - begun) / (until - begun)))

            def move(part: np.ndarray, batch: int = batch, margin: np.ndarray = margin, rate=rate) -> None:
                size = max(_BLOCK // (2 * batch), 1)
                for at in range(0, len(part), size):
                    few = part[at : at + size]
                    place, slope, curve = self._measure(x, margin, few, visits, batch)
                    step = rate * self._step(few, place, slope, curve, first, second, visits)
                    x[few[:, None], place] = np.clip(x[few[:, None], place] - step, 0, 1)

            side_by_side(move, self.rows)
            spent += 2 * batch
            self.turn += 1
        return found

    def _look(self, x: np.ndarray, found: np.ndarray) -> np.ndarray:
        """The margins (n,) at x, one query each; the best that is fooled is kept, and `found` updated."""
        task, rows = self.task, self.rows
        logits = task.logits(x[rows].reshape(-1, 28, 28, 1), rows)
        margin = np.zeros(len(x), np.float32)
        margin[rows] = task.margin(logits, rows)
        hit = rows[margin[rows] > np.maximum(losses.ROUNDING * np.abs(logits).max(axis=1), self.attack.confidence)]
        found[hit] = True
        size = np.linalg.norm(x[hit].astype(np.float64) - self.clean[hit], axis=1)
        smaller = size < self.size[hit]
        self.best[hit[smaller]], self.size[hit[smaller]] = x[hit[smaller]], size[smaller]
        done, total = int(task.forwards[rows[0]]), self.attack.queries
        images = self.best.reshape(task.x.shape)
        if done >= self.kept + total / _KEPT:
            task.keep(images)
            self.kept = done
        if done < total:
            task.report(done, total, images)
        return margin

    def _measure(
        self, x: np.ndarray, margin: np.ndarray, rows: np.ndarray, visits: np.ndarray, batch: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A batch of pixels for each of the rows, and the objective's slope and curvature there: all (k, batch)."""
        task, attack = self.task, self.attack
        # Whoever has waited longest for his weight is next: that draws by weight, and never one pixel twice.
        waited = (visits[rows] + task.stream.of(rows, self.turn).uniform(PIXELS)) / self.weight[rows]
        place = np.argpartition(waited, batch - 1, axis=1)[:, :batch]
        visits[rows[:, None], place] += 1
        own = rows[:, None]
        here = x[own, place]
        sides = np.stack([np.minimum(here + attack.reach, 1), np.maximum(here - attack.reach, 0)], axis=1)
        candidates = np.repeat(x[rows], 2 * batch, axis=0).reshape(len(rows), 2, batch, PIXELS)
        candidates[np.arange(len(rows))[:, None], :, np.arange(batch), place] = sides.transpose(0, 2, 1)
        logits = task.logits(candidates.reshape(len(rows), 2 * batch, 28, 28, 1), rows).reshape(-1, 10)
        told = task.margin(logits, np.repeat(rows, 2 * batch)).reshape(len(rows), 2, batch)
        loss = self.c[rows, None, None] * np.maximum(attack.confidence - told, 0)
        now = self.c[rows, None] * np.maximum(attack.confidence - margin[rows, None], 0)
        up, down = sides[:, 0] - here, here - sides[:, 1]
        slope = (loss[:, 0] - loss[:, 1]) / (up + down)
        self.steep[own, place] = np.abs(told[:, 0] - told[:, 1]) / (up + down)
        # The second difference on uneven sides; on a bound, where there is one side alone, it is taken for flat.
        both = np.minimum(up, down) > 0
        up, down = np.where(both, up, 1), np.where(both, down, 1)
        curve = np.where(both, 2 * ((loss[:, 0] - now) / up + (loss[:, 1] - now) / down) / (up + down), 0)
        return place, slope + 2 * (here - self.clean[own, place]), curve + 2

    def _step(self, rows, place, slope, curve, first, second, visits) -> np.ndarray:
        """How far each measured pixel goes down, in units of the learning rate: (k, batch)."""
        if self.attack.solver == "newton":
            # No flatter than the squared distance alone, 2: below that, rounding and kinks would set the step.
            return np.clip(slope / np.maximum(curve, 2), -1, 1)
        at = rows[:, None], place
        first[at] = _DECAYS[0] * first[at] + (1 - _DECAYS[0]) * slope
        second[at] = _DECAYS[1] * second[at] + (1 - _DECAYS[1]) * slope**2
        mean, square = (
            kept[at] / (1 - decay ** visits[at]) for kept, decay in zip((first, second), _DECAYS, strict=True)
        )
        return mean / (np.sqrt(square) + _TINY)
