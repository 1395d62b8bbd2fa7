"""Rotation and shift."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering
from core.attacks import _knobs
from core.attacks._gradient import loss_gradient
from core.attacks._parts import side_by_side
from core.attacks._warp import warp
from core.attacks.base import Attack, Task
from core.classifier import IMAGES, Classifier
from core.knobs import knob, only_with
from core.specs import CLASS, COUNT, ROW

_REPORTS = 10  # how often, at most, a search tells of its progress
_SHARE = tf.TensorSpec((None, 3), tf.float32)
_LIMITS = tf.TensorSpec((3,), tf.float32)
_SIGNATURE = [IMAGES, _SHARE, CLASS, CLASS, ROW, ROW, _LIMITS, COUNT]


@dataclass(frozen=True, kw_only=True)
class Spatial(Attack):
    r"""Turn the digit a little and push it aside, as a careless writer would: no pixel is painted, all of them move.

    $$x'(p) = x\big(R_{-\theta}(p - t)\big), \qquad |\theta| \le \varepsilon\,\theta_{\max},\quad
    |t_1|, |t_2| \le \varepsilon\,t_{\max}$$

    ε is the share of the allowed turn and shift, and so is the size of the change: the largest of the three shares.
    The grid tries every angle with every shift on a lattice that ε stretches, keeps what the network takes worst, and
    needs its scores alone. The gradient search climbs the margin over the angle and the shift, through the bilinear
    interpolation and from random starts. With three numbers to choose, trying them all is hard to beat. What comes in
    from beyond the rim is black. Interpolation blurs thin strokes a little, and far turned a person misreads digits
    too.

    Engstrom, Tran, Tsipras, Schmidt and Madry, "Exploring the landscape of spatial robustness", ICML 2019,
    https://arxiv.org/abs/1712.02779
    """

    title = "Rotation and shift"
    norms = ("warp",)
    knowledge = "scores"

    search: str = knob("grid", "Search", choices=("grid", "gradient"), help="Try a lattice, or climb the loss")
    degrees: float = knob(30.0, "Largest turn", 0.0, 90.0, step=1.0, help="Degrees either way at ε = 1")
    shift: float = knob(3.0, "Largest shift", 0.0, 10.0, step=0.5, help="Pixels in each direction at ε = 1")
    angles: int = only_with("search", "grid", knob(11, "Angles", 1, 61, help="Angles on the lattice, both ways"))
    shifts: int = only_with("search", "grid", knob(5, "Shifts", 1, 13, help="Shifts on the lattice, in each direction"))
    steps: int = only_with("search", "gradient", _knobs.steps(10))
    step_size: float = only_with("search", "gradient", _knobs.step_size(0.2))
    restarts: int = only_with(
        "search", "gradient", knob(10, "Restarts", 1, 50, help="Runs from different starts; the worst outcome is kept")
    )

    def run(self, task: Task) -> np.ndarray:
        found = _Found(task, np.array([np.deg2rad(self.degrees), self.shift, self.shift], np.float32))
        task.keep(task.x)
        if self.search == "grid":
            self._grid(task, found)
        else:
            self._climb(task, found)
        task.told_size = np.abs(found.share).max(axis=1).astype(np.float64)
        return found.images()

    def _grid(self, task: Task, found: "_Found") -> None:
        """Every cell of the lattice, in the order of its size: stopped early, the worst of the small ones is kept."""
        cells, everyone = self._lattice(), np.arange(len(task.x))
        blocks = np.array_split(np.arange(len(cells)), _REPORTS if task.watch or task.wants_path else 1)
        done = 0
        for block in blocks:
            rows = np.repeat(everyone, len(block))
            shares = (task.eps[:, None, None] * cells[block]).reshape(-1, 3)
            margin = found.search(shares, np.zeros(len(rows), np.float32), rows, 0)[2].reshape(-1, len(block))
            worst = margin.argmax(axis=1)
            found.offer(task.eps[:, None] * cells[block[worst]], margin[everyone, worst])
            task.spend(forwards=len(block))
            done += len(block)
            if task.wants_path:
                task.keep(found.images())
            if not task.report(done, len(cells), found.images() if task.watch else task.x):
                break

    def _lattice(self) -> np.ndarray:
        """The cells (k, 3) as shares of eps: of the turn, the shift right and the shift down; the smallest first."""
        turns = np.linspace(-1, 1, self.angles) if self.degrees and self.angles > 1 else np.zeros(1)
        moves = np.linspace(-1, 1, self.shifts) if self.shift and self.shifts > 1 else np.zeros(1)
        cells = np.stack(np.meshgrid(turns, moves, moves, indexing="ij"), axis=-1).reshape(-1, 3)
        return cells[np.argsort(np.abs(cells).max(axis=1), kind="stable")].astype(np.float32)

    def _climb(self, task: Task, found: "_Found") -> None:
        """Signed steps up the margin in angle and shift, from random starts; the worst iterate of all is kept."""
        everyone = np.arange(len(task.x))
        for restart in range(self.restarts):
            start = task.eps[:, None] * (2 * task.stream.uniform(3) - 1) * (found.limits > 0)
            iterates, best, margin = found.search(start, self.step_size * task.eps, everyone, self.steps)
            for iterate in iterates[1:]:
                task.spend(gradients=1)
                if task.wants_path:
                    task.keep(found.images(iterate))
            task.spend(forwards=1)  # for the last iterate
            found.offer(best, margin)
            done, total = (restart + 1) * self.steps, self.restarts * self.steps
            if not task.report(done, total, found.images() if task.watch else task.x):
                break
        task.keep(found.images())


class _Found:
    """The worst warp found so far for each image, as shares (n, 3) of the largest turn, shift right and shift down."""

    def __init__(self, task: Task, limits: np.ndarray):
        self._task, self.limits = task, limits
        self.share = np.zeros((len(task.x), 3), np.float32)
        self._margin = np.full(len(task.x), -np.inf, np.float32)
        self._graph = task.model.graph("spatial", lambda: _build(task.model), _SIGNATURE)

    def images(self, share: np.ndarray | None = None) -> np.ndarray:
        """The images under the worst warps, or under those of share (n, 3): (n, 28, 28, 1)."""
        move = self._task.model.graph("spatial warp", lambda: _moved, [IMAGES, _SHARE, _LIMITS])
        return move(self._task.x, self.share if share is None else share, self.limits).numpy()

    def offer(self, share: np.ndarray, margin: np.ndarray) -> None:
        """Keep each share (n, 3) whose margin (n,) is worse for the model than the one kept; NaN is no margin."""
        better = margin > self._margin
        self.share[better], self._margin[better] = share[better], margin[better]

    def search(
        self, start: np.ndarray, length: np.ndarray, rows: np.ndarray, steps: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """From start (k, 3), for the images of `rows` (k,), that many steps of `length` (k,): the start and the
        iterate after each step (steps + 1, k, 3), the worst of them (k, 3), and its margin (k,), -inf where it is NaN.
        """
        task = self._task

        def advance(part: np.ndarray) -> tuple[np.ndarray, ...]:
            here = rows[part]
            given = (task.x[here], start[part], task.labels[here], task.target[here], task.eps[here], length[part])
            return tuple(each.numpy() for each in self._graph(*given, self.limits, tf.constant(steps)))

        iterates, best, margin = zip(*side_by_side(advance, np.arange(len(rows))), strict=True)
        return np.concatenate(iterates, axis=1), np.concatenate(best), np.concatenate(margin)


def _moved(x: tf.Tensor, share: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    return warp(x, *tf.unstack(share * limits, axis=1))


def _build(model: Classifier) -> Callable:
    def run(x, start, labels, target, eps, length, limits, steps):
        which = tf.constant(losses.index("margin"))
        net = lowering.forward(model.keras)

        def keep(share, margin, best, most):
            better = margin > most
            return tf.where(better[:, None], share, best), tf.where(better, margin, most)

        def body(step, share, best, most, iterates):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(share)
                image = _moved(x, share, limits)
            logits, g, _ = loss_gradient(net, image, which, labels, target)
            slope = tape.gradient(image, share, output_gradients=g)  # type: ignore[call-overload]
            best, most = keep(share, losses.margin(logits, labels, target), best, most)
            share = share + length[:, None] * tf.sign(slope)
            share = tf.clip_by_value(share, -eps[:, None], eps[:, None])
            return step + 1, share, best, most, iterates.write(step + 1, share)

        iterates = tf.TensorArray(tf.float32, steps + 1, element_shape=(None, 3)).write(0, start)
        state = (tf.constant(0), start, tf.zeros_like(start), tf.fill(tf.shape(eps), -np.inf), iterates)
        loop = tf.while_loop(lambda step, *_: step < steps, body, state, parallel_iterations=1)
        _, share, best, most, iterates = loop
        margin = losses.margin(net(_moved(x, share, limits)), labels, target)
        return iterates.stack(), *keep(share, margin, best, most)

    return run
