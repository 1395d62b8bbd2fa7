"""Natural evolution strategies."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses
from core.attacks import _knobs
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.knobs import knob
from core.norms import PIXELS

_BLOCK = 4096  # candidates that are drawn and asked about at once
_KEPT = 60  # iterates that a path holds, about


@dataclass(frozen=True, kw_only=True)
class NES(Attack):
    r"""Guess the gradient from the scores of random neighbours, two by two on opposite sides, and climb as PGD does.

    $$\hat g = \frac{1}{2 \sigma s} \sum_{i=1}^{s} \big(L(x_k + \sigma u_i, y) - L(x_k - \sigma u_i, y)\big)\, u_i,
    \qquad x_{k+1} = \Pi_{x,\varepsilon}\big(x_k + \alpha\varepsilon \, d(\mu g_k + \hat g)\big)$$

    u are normal, d is the norm's steepest direction: the sign in L∞, length 1 in L2. The guess is the true gradient's
    shadow on s random directions, so what it misses of 784 pixels is noise, which the momentum μ averages out. Each
    pair is two queries, clipped to be images, so that a pixel on its bound counts for half; one more after each step
    asks whether the digit is fooled, and then it costs nothing more.

    Ilyas, Engstrom, Athalye and Lin, "Black-box adversarial attacks with limited queries and information", ICML 2018,
    https://arxiv.org/abs/1804.08598
    """

    title = "NES"
    norms = ("linf", "l2")
    knowledge = "scores"

    queries: int = _knobs.queries(1000)
    pairs: int = knob(25, "Pairs", 1, 200, help="Opposite neighbours behind each step, s: two queries each")
    sigma: float = knob(0.05, "Reach", 0.001, 0.5, step=0.001, help="How far the neighbours lie from the digit, σ")
    step_size: float = _knobs.step_size(0.2)
    momentum: float = _knobs.momentum(0.9)
    loss: str = _knobs.loss("margin")

    def run(self, task: Task) -> np.ndarray:
        x, worst = task.x.copy(), task.x.copy()
        highest = np.full(len(x), -np.inf, np.float32)
        velocity = np.zeros_like(x)
        rows = np.flatnonzero(task.eps > 0)
        task.keep(x)
        turns = -(-self.queries // (2 * self.pairs + 1))
        for turn in range(turns):
            # What is left at the end makes a last step of fewer pairs; a single query looks at the last step alone.
            pairs = min(self.pairs, (self.queries - turn * (2 * self.pairs + 1) - 1) // 2)
            if pairs > 0:
                guess = self._guess(task, x, rows, pairs, turn)
                scale = np.abs(guess).mean(axis=(1, 2, 3), keepdims=True)
                velocity[rows] = self.momentum * velocity[rows] + guess / np.maximum(scale, 1e-30)
                given = (tf.constant(each) for each in (x[rows], velocity[rows], self.step_size * task.eps[rows]))
                moved = task.norm.step(*given)
                confine = task.norm.confiner(tf.constant(task.x[rows]), tf.constant(task.eps[rows]))
                x[rows] = confine(moved).numpy()
            logits = task.logits(x[rows], rows)
            margin = task.margin(logits, rows)
            worse = margin > highest[rows]
            worst[rows[worse]], highest[rows[worse]] = x[rows[worse]], margin[worse]
            rows = rows[margin <= losses.ROUNDING * np.abs(logits).max(axis=1)]
            if turn % -(-turns // _KEPT) == 0 or not len(rows) or turn == turns - 1:
                task.keep(worst)
            if not task.report(min(turn + 1, turns), turns, worst) or not len(rows):
                break
        return worst

    def _guess(self, task: Task, x: np.ndarray, rows: np.ndarray, pairs: int, turn: int) -> np.ndarray:
        """The estimated gradient of the loss at x[rows]: (k, 28, 28, 1), up to a positive factor."""
        guess = np.empty((len(rows), PIXELS), np.float32)
        which = tf.constant(losses.index(self.loss))

        def ask(part: np.ndarray) -> None:
            size = max(_BLOCK // (2 * pairs), 1)
            for few in (part[first : first + size] for first in range(0, len(part), size)):
                own = rows[few]
                u = task.stream.of(own, turn).rough_normal(pairs * PIXELS).reshape(len(few), pairs, PIXELS)
                here, away = x[own].reshape(-1, 1, PIXELS), np.float32(self.sigma) * u
                both = np.clip(np.concatenate([here + away, here - away], axis=1), 0, 1)
                both = both.reshape(len(few), 2 * pairs, 28, 28, 1)
                logits = task.logits(both, own).reshape(-1, 10)
                classes = (tf.constant(np.repeat(each[own], 2 * pairs)) for each in (task.labels, task.target))
                value = losses.value(which, tf.constant(logits), *classes).numpy().reshape(len(few), 2, pairs)
                guess[few] = np.einsum("ij,ijk->ik", value[:, 0] - value[:, 1], u)

        side_by_side(ask, np.arange(len(rows)))
        return guess.reshape(-1, 28, 28, 1)
