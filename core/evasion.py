"""The attacker who knows the detector: a climb that wants the network fooled and the watchman silent, both at once.

Carlini and Wagner, "Adversarial examples are not easily detected: bypassing ten detection methods", AISec 2017,
https://arxiv.org/abs/1705.07263; to look at one aim at a time: Bryniarski, Hingun, Pachuca, Wang and Carlini, "Evading
adversarial example detection defenses with orthogonal projected gradient descent", 2021,
https://arxiv.org/abs/2106.15023
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _inputs
from core.attacks._gradient import pulled_back
from core.attacks._parts import side_by_side
from core.attacks.base import Watch, keep_inside
from core.classifier import IMAGES
from core.defenses.base import Watchman
from core.errors import InputError, shown
from core.norms import per_image
from core.result import Result, judge
from core.seeds import Stream
from core.specs import CLASS, COUNT, NUMBER, ROW

NORMS = ("linf", "l2", "l1")
_LOOK = 10  # steps between two looks at which images are done
_LONGEST, _SHORTEST = 0.25, 0.01  # the first step and the last, as shares of eps
_GROWTH, _HEAVIEST = 1.25, 100.0  # by how much the detector's weight grows or shrinks in a step, and how far
_SURE = 1e-3  # of the clean scores' spread: how far below the threshold a score must lie, against rounding
_DEEP = 0.05  # of the largest logit: a margin above which a fooled network needs no more fooling


@dataclass(frozen=True, eq=False)
class Evasion:
    """What an attacker who knows the detector reached: the judge's result, scores (n,) afterwards, and the threshold.

    The result counts the network's own forwards and gradients; the detector's come on top.
    """

    result: Result
    scores: np.ndarray
    threshold: float

    @property
    def seen(self) -> np.ndarray:
        """Whether the detector raises the alarm: (n,) bool."""
        return self.scores > self.threshold

    @property
    def unseen(self) -> np.ndarray:
        """Whether the network is fooled and the detector silent: (n,) bool."""
        return self.result.success & ~self.seen


def knowing(
    watchman: Watchman,
    x: np.ndarray,
    y: np.ndarray,
    *,
    eps: float | np.ndarray,
    norm: str = "linf",
    steps: int = 100,
    restarts: int = 1,
    threshold: float | None = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> Evasion:
    r"""Attack digits x (n, 28, 28, 1) of classes y (n,) and the detector with them.

    $$d_k = \nabla m(x_k)\,[m(x_k) \le \kappa] - \lambda_k\, \nabla s(x_k)\,[s(x_k) \ge \tau], \qquad
    x_{k+1} = \Pi_{x,\varepsilon}\big(x_k + \alpha_k\, d_k\big)$$

    m is the margin by which the network is fooled, s the score and τ the threshold, by default that of 5 % false
    alarms. Both gradients are taken at length 1. λ is each image's own: it grows while the network is fooled and the
    alarm goes off, and shrinks while it is not fooled. Steps shorten from ε/4. The first run starts at the digit, the
    others anywhere in the ball. Of all points that an image saw, the first that fools unseen is kept; else the fooling
    one of lowest score; else the one nearest to fooling.
    """
    x, labels = _inputs.images(x), _inputs.labels(y, len(x))
    if norm not in NORMS:
        raise InputError(f"The norm is {shown(norm)}; one of {', '.join(NORMS)} was expected.")
    kind = norms.get(norm)
    budget = np.asarray(_inputs.budget(eps, len(x), kind, optional=False))
    for name, count in (("steps", steps), ("restarts", restarts)):
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
            raise InputError(f"{name} is {shown(count)}; a whole number from 1 was expected.")
    if threshold is not None and not (isinstance(threshold, int | float | np.number) and np.isfinite(threshold)):
        raise InputError(f"threshold is {shown(threshold)}; a number was expected, or None for 5 % of false alarms.")
    limit = watchman.threshold() if threshold is None else float(threshold)
    climb = _Climb(watchman, kind, x, labels.astype(np.int32), budget.astype(np.float32), limit, _inputs.watch(watch))
    stream = Stream(x, _inputs.seed(seed))
    for run in range(restarts):
        start = x if run == 0 else np.clip(x + climb.eps[:, None, None, None] * kind.uniform(stream), 0, 1)
        if not climb.run(start, steps, run * steps, restarts * steps):
            break
    result = judge(
        watchman.model,
        x,
        keep_inside(kind, x, climb.best, budget),
        labels,
        norm=norm,
        eps=budget,
        target=None,
        forwards=climb.spent,
        gradients=climb.spent.copy(),
    )
    return Evasion(result, watchman.score(result.adversarial), limit)


class _Climb:
    """The runs of n images, and for each the best point that it has seen in any of them.

    best: those points; rank: what they are worth, see `_rank`; spent: gradients of the network taken.
    """

    def __init__(
        self,
        watchman: Watchman,
        norm: norms.Norm,
        x: np.ndarray,
        labels: np.ndarray,
        eps: np.ndarray,
        threshold: float,
        watch: Watch | None,
    ):
        self.x, self.labels, self.eps, self.watch = x, labels, eps, watch
        self.graph = watchman.graph(("knowing", norm.name), lambda: _build(watchman, norm), _SIGNATURE)
        spread = max(float(np.quantile(watchman.clean, 0.95) - np.median(watchman.clean)), 1e-6)
        self.scale = tf.constant(threshold, tf.float32), tf.constant(spread, tf.float32)
        self.best, self.rank = x.copy(), np.full(len(x), -np.inf, np.float32)
        self.spent = np.zeros(len(x), np.int64)

    def run(self, start: np.ndarray, steps: int, done: int, total: int) -> bool:
        """One run from `start`; False once all images are done, or who watches wants it stopped."""
        x, weight = start.astype(np.float32), np.ones(len(start), np.float32)
        for first in range(0, steps, _LOOK):
            count = min(_LOOK, steps - first)
            numbers = *self.scale, *(tf.constant(each) for each in (first, count, steps))

            def advance(part: np.ndarray, numbers: tuple = numbers) -> None:
                fixed = (each[part] for each in (self.x, self.labels, self.eps))
                state = (each[part] for each in (x, self.best, self.rank, weight))
                moved = self.graph(*fixed, *numbers, *state)
                x[part], self.best[part], self.rank[part], weight[part] = (each.numpy() for each in moved)

            active = np.flatnonzero((self.rank < _UNSEEN) & (self.eps > 0))
            if len(active):
                side_by_side(advance, active)
                self.spent[active] += count
            if self.watch is not None and self.watch(done + first + count, total, self.best) is False:
                return False
        return bool((self.rank < _UNSEEN).any())


_UNSEEN = 2.0
_SIGNATURE = [IMAGES, CLASS, ROW, NUMBER, NUMBER, COUNT, COUNT, COUNT, IMAGES, IMAGES, ROW, ROW]


def _build(watchman: Watchman, norm: norms.Norm) -> Callable:
    length_1 = norms.get("l2").steepest

    def run(clean, labels, eps, threshold, spread, first, count, steps, x, best, rank, weight):
        net = lowering.forward(watchman.model.keras)
        confine = norm.confiner(clean, eps)
        untargeted = -tf.ones_like(labels)

        def look(x, best, rank, weight):
            """The gradient of each aim, whether it still counts, and what this point is worth."""
            with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                tape.watch(x)
                logits, score = net(x), watchman.measure(x)
            margin, over = losses.margin(logits, labels, untargeted), (score - threshold) / spread
            slope, _ = losses.slope(tf.constant(losses.index("margin")), logits, labels, untargeted)
            size = tf.reduce_max(tf.abs(logits), axis=1)
            fooled, seen = margin > losses.ROUNDING * size, over > -_SURE
            worth = _rank(margin, over, fooled, seen)
            best = tf.where(per_image(worth > rank), x, best)
            uphill = length_1(_finite(pulled_back(tape, logits, x, slope)))
            louder = length_1(_finite(pulled_back(tape, score, x, tf.ones_like(score))))
            weight = tf.where(fooled, tf.where(seen, weight * _GROWTH, weight), weight / _GROWTH)
            weight = tf.clip_by_value(weight, 1.0 / _HEAVIEST, _HEAVIEST)
            wanted = tf.cast(margin <= _DEEP * size, x.dtype), tf.cast(seen, x.dtype) * weight
            direction = per_image(wanted[0]) * uphill - per_image(wanted[1]) * louder
            return direction, best, tf.maximum(worth, rank), weight

        def body(at, x, best, rank, weight):
            direction, best, rank, weight = look(x, best, rank, weight)
            share = tf.cast(at, tf.float32) / tf.cast(steps, tf.float32)
            fall = (1.0 + tf.cos(np.pi * share)) / 2.0
            length = eps * (_SHORTEST + (_LONGEST - _SHORTEST) * fall)
            return at + 1, confine(norm.step(x, direction, length)), best, rank, weight

        end = first + count
        state = tf.while_loop(lambda at, *_: at < end, body, (first, x, best, rank, weight), parallel_iterations=1)
        return state[1:]

    return run


def _finite(g: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_finite(g), g, 0.0)


def _rank(margin: tf.Tensor, over: tf.Tensor, fooled: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """What a point is worth (n,): 2 if it fools unseen; 0 to 1 if it fools, less the louder; below 0 if it does not."""
    near = margin / (1.0 + tf.abs(margin))
    return tf.where(fooled, tf.where(seen, 1.0 / (1.0 + tf.maximum(over, 0.0)), _UNSEEN), tf.minimum(near, 0.0) - 1e-6)
