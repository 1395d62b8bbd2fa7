"""The fast adaptive boundary attack."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _hyperplane, _knobs, _smallest
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.classifier import CLASSES, IMAGES, Classifier
from core.knobs import knob

_REPORTS = 20  # how often, at most, a run tells of its progress
_LOOK = 10  # steps between two looks at which images need no more
_RADIUS = {"linf": 0.3, "l2": 2.0, "l1": 20.0}  # of the restarts' ball, where neither a budget nor a change is known
_BISECTIONS = 10
_RESCUES = 3

_ROW = tf.TensorSpec((None,), tf.float32)
_CLASS = tf.TensorSpec((None,), tf.int32)
_NUMBER = tf.TensorSpec((), tf.float32)
_COUNT = tf.TensorSpec((), tf.int32)
_SIGNATURE = [IMAGES, _CLASS, _CLASS, _CLASS, IMAGES, IMAGES, _ROW, _NUMBER, _NUMBER, _NUMBER, _COUNT]


@dataclass(frozen=True, kw_only=True)
class FAB(Attack):
    r"""Walk along the border between two classes towards the digit, taking the border for a flat plane at each step.

    $$x_{k+1} = (1-\alpha)\,(x_k + \eta\, d_k) + \alpha\,(x + \eta\, \bar d_k), \qquad
    \alpha = \min\Big(\tfrac{\lVert d_k\rVert}{\lVert d_k\rVert + \lVert \bar d_k\rVert}, \alpha_{\max}\Big)$$

    d and d̄ lead from the iterate and from the digit to the nearest plane within the box, exactly, in the norm at hand.
    Once over the border it steps back, $x + \beta(x_{k+1} - x)$, and tries for less; a bisection between digit and
    change ends it. There is no step size to get wrong, and no scale of the logits either. The plane is the nearest of
    all nine (nine gradients a step); or that of one class after the other, the likeliest first (FAB-T: one gradient a
    step); or, with a target of your own, that of the target and the best of the others. A digit for which no class in
    particular was tried and nothing was found gets up to three runs more, as in FAB-T; the paper leaves it unfooled.

    Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020,
    https://arxiv.org/abs/1907.02044
    """

    title = "FAB"
    norms = ("linf", "l2", "l1")
    knowledge = "gradient"
    minimises = True

    steps: int = _knobs.steps(100)
    restarts: int = knob(1, "Restarts", 1, 50, help="Runs; from the second on each starts at random near the digit")
    targets: int = knob(
        0,
        "Classes in turn",
        0,
        CLASSES - 1,
        help="Aim at so many of the likeliest other classes, one by one; 0: at all",
    )
    alpha_max: float = knob(0.1, "Pull", 0.0, 1.0, step=0.05, help="How strongly, at most, it is drawn to the digit, α")
    overshoot: float = knob(1.05, "Overshoot", 1.0, 1.5, step=0.01, help="How far beyond the plane it steps, η")
    backward: float = knob(0.9, "Step back", 0.1, 1.0, step=0.05, help="Share of a change kept for the next try, β")
    early_stop: bool = knob(
        False, "Stop once fooled", help="Spend nothing more on a digit once a change within ε is found"
    )

    def run(self, task: Task) -> np.ndarray:
        n, logits = len(task.x), task.logits(task.x)
        # Read wrong before, or as the target: there is nothing to look for. NaN: nothing can be found.
        rows = np.flatnonzero((task.margin(logits) <= 0) & (task.eps > 0))
        aimed = bool((task.target >= 0).any())
        rivals = np.argsort(-logits, axis=1, kind="stable")
        rivals = rivals[rivals != task.labels[:, None]].reshape(n, CLASSES - 1)
        classes = [None] if aimed or not self.targets else list(range(self.targets))
        best = _Best(task.x.copy(), np.full(n, _smallest.FAR, np.float32))
        plan = [(which, restart) for which in classes for restart in range(self.restarts)]
        total = len(plan) * self.steps
        task.keep(task.x)
        for turn, (which, restart) in enumerate(plan):
            start = self._near(task, best.size) if restart else task.x.copy()
            self._walk(task, best, start, None if which is None else rivals[:, which], rows, turn * self.steps, total)
            rows = rows[best.size[rows] > task.eps[rows]] if self.early_stop else rows
            if task.stopped or not len(rows):
                break
        for which in range(0 if aimed or self.targets else _RESCUES):
            # A digit that swings between two borders and finds neither is led to one of them.
            lost = rows[best.size[rows] == _smallest.FAR]
            if len(lost) and not task.stopped:
                self._walk(task, best, task.x.copy(), rivals[:, which], lost, total, total)
        x = _smallest.to_the_border(task, best.x, _BISECTIONS)
        task.keep(x)
        if not task.stopped:
            task.report(total, total, x)
        return x

    def _near(self, task: Task, size: np.ndarray) -> np.ndarray:
        """A random point half as far from each image as its best change, or as its budget, if that is smaller."""
        direction = task.norm.uniform(task.stream)
        reach = np.where(np.isfinite(task.eps), task.eps, _RADIUS[task.norm.name])
        scale = np.minimum(size, reach) / 2 / task.norm.size(direction)
        return np.clip(task.x + scale[:, None, None, None] * direction, 0, 1).astype(np.float32)

    def _walk(
        self,
        task: Task,
        best: "_Best",
        x: np.ndarray,
        rival: np.ndarray | None,
        rows: np.ndarray,
        done: int,
        total: int,
    ) -> None:
        """Take the steps of one run from x, towards the borders with the class `rival` (n,), or with all classes."""
        graph = task.model.graph(("fab", task.norm.name), lambda: _build(task.model, task.norm), _SIGNATURE)
        settings = [tf.constant(each, tf.float32) for each in (self.alpha_max, self.overshoot, self.backward)]
        every = rival is None and not (task.target >= 0).any()
        other = np.full(len(x), -1, np.int32) if rival is None else rival.astype(np.int32)
        stride = 1 if task.wants_path else -(-total // _REPORTS) if task.watch else self.steps
        stride = min(stride, _LOOK) if self.early_stop else stride
        for first in range(0, self.steps, stride):
            count = min(stride, self.steps - first)

            def advance(part: np.ndarray, count: int = count) -> None:
                given = [each[part] for each in (task.x, task.labels, task.target, other, x, best.x, best.size)]
                x[part], best.x[part], best.size[part] = (
                    each.numpy() for each in graph(*given, *settings, tf.constant(count))
                )

            side_by_side(advance, rows)
            task.spend(forwards=count, gradients=count * (CLASSES - 1 if every else 1), rows=rows)
            task.keep(x)
            if self.early_stop:
                rows = rows[best.size[rows] > task.eps[rows]]
            now = done + first + count
            if not len(rows) or (now < total and not task.report(now, total, best.x)):
                break


@dataclass
class _Best:
    """The best images so far (n, 28, 28, 1), and how far from their originals they are (n,)."""

    x: np.ndarray
    size: np.ndarray


def _build(model: Classifier, norm: norms.Norm) -> Callable:
    name = norm.name

    def run(clean, labels, target, other, x, best, size, alpha_max, overshoot, backward, steps):
        net = lowering.forward(model.keras)
        every = tf.reduce_all((target < 0) & (other < 0))

        def against(logits):
            return tf.where(target >= 0, losses.best_other(logits, tf.maximum(target, 0)), labels)

        def one(x):
            return _hyperplane.border(net, x, tf.where(target >= 0, target, other), against)

        def move(start, gap, w):
            flat, normal = (tf.reshape(each, (-1, norms.PIXELS)) for each in (start, w))
            d = _hyperplane.to_plane(name, flat, normal, gap)
            return tf.reshape(d, tf.shape(start)), tf.maximum(_hyperplane.length(name, d), 1e-8)

        def body(step, x, best, size):
            gap, w = tf.cond(every, lambda: _hyperplane.nearest_border(net, name, x, labels)[1:], lambda: one(x))
            here, near = move(x, gap, w)
            there, far = move(clean, gap - tf.reduce_sum(w * (clean - x), axis=(1, 2, 3)), w)
            alpha = norms.per_image(tf.minimum(near / (near + far), alpha_max))
            moved = (x + overshoot * here) * (1.0 - alpha) + (clean + overshoot * there) * alpha
            moved = tf.where(tf.math.is_finite(moved), tf.clip_by_value(moved, 0.0, 1.0), x)
            hit = _smallest.is_hit(net(moved), labels, target)
            best, size = _smallest.keep_smaller(hit, moved, _hyperplane.length(name, moved - clean), best, size)
            return step + 1, tf.where(norms.per_image(hit), clean + backward * (moved - clean), moved), best, size

        state = (tf.constant(0), x, best, size)
        return tf.while_loop(lambda step, *_: step < steps, body, state, parallel_iterations=1)[1:]

    return run
