"""The fast adaptive boundary attack."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _hyperplane, _knobs, _smallest
from core.attacks.base import Attack, Task
from core.classifier import CLASSES, IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, COUNT, NUMBER, ROW

_REPORTS = 20  # how often a run tells of its progress, about
_LOOK = 10  # steps between two looks at which images need no more
_RADIUS = {"linf": 0.3, "l2": 2.0, "l1": 20.0}  # of the restarts' ball, where neither a budget nor a change is known
_BISECTIONS = 10
_RESCUES = 3

_SIGNATURE = [IMAGES, *[CLASS] * 3, ROW, IMAGES, IMAGES, ROW, *[NUMBER] * 3, COUNT, COUNT]


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
    targets: int = _knobs.targets()
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
        order = np.argsort(-logits, axis=1, kind="stable")
        rivals = order[order != task.labels[:, None]].reshape(n, CLASSES - 1)
        aimed = bool((task.target >= 0).any())
        in_turn = 0 if aimed else self.targets
        runs = [(which, restart) for which in range(in_turn) or [None] for restart in range(self.restarts)]
        planned = len(runs)
        if not aimed and not in_turn:  # a digit that swings between two borders and crosses neither is led to one
            runs += [(which, 0) for which in range(_RESCUES)]
        best, told = [task.x.copy(), np.full(n, _smallest.FAR, np.float32)], False
        for turn, (which, restart) in enumerate(runs):
            size, eps = best[1][rows], task.eps[rows]
            left = rows[size == _smallest.FAR] if turn >= planned else rows[size > eps] if self.early_stop else rows
            if task.stopped or not len(left):
                continue
            start = self._near(task, best[1]) if restart else task.x.copy()
            self._walk(task, best, start, None if which is None else rivals[:, which], left, turn, len(runs))
            told = turn == len(runs) - 1
        if not task.stopped and not told:
            task.report(len(runs) * self.steps, len(runs) * self.steps, best[0])
        x = _smallest.to_the_border(task, best[0], _BISECTIONS)
        task.keep(x)
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
        best: list[np.ndarray],
        start: np.ndarray,
        rival: np.ndarray | None,
        rows: np.ndarray,
        turn: int,
        runs: int,
    ) -> None:
        """One run of several from `start`, towards the borders with the class `rival` (n,), or with all classes.

        best: the best images so far (n, 28, 28, 1), and how far from their originals they are (n,); moved in place.
        """
        n, whole = len(task.x), runs * self.steps
        graph = task.model.graph(("fab", task.norm.name), lambda: _build(task.model, task.norm), _SIGNATURE)
        every = rival is None and not (task.target >= 0).any()
        other = np.full(n, -1, np.int32) if rival is None else rival.astype(np.int32)
        enough = task.eps if self.early_stop else np.full(n, -1, np.float32)
        stride = 1 if task.wants_path else -(-whole // _REPORTS) if task.watch else self.steps
        _smallest.loop(
            task,
            graph,
            [task.x, task.labels, task.target, other, enough],
            [start, *best],
            [tf.constant(each, tf.float32) for each in (self.alpha_max, self.overshoot, self.backward)],
            total=self.steps,
            stride=min(stride, _LOOK) if self.early_stop else stride,
            best=1,
            shown=0,
            gradients=CLASSES - 1 if every else 1,
            forwards=1,
            rows=rows,
            before=turn * self.steps,
            whole=whole,
        )


def _build(model: Classifier, norm: norms.Norm) -> Callable:
    name = norm.name

    def run(clean, labels, target, other, enough, x, best, size, alpha_max, overshoot, backward, first, count):
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
            # Drawn back before it has ever been read as a given target, it would swing between the target's rivals.
            lost = (target >= 0) & (size == _smallest.FAR)
            alpha = norms.per_image(tf.where(lost, 0.0, tf.minimum(near / (near + far), alpha_max)))
            moved = (x + overshoot * here) * (1.0 - alpha) + (clean + overshoot * there) * alpha
            moved = tf.where(tf.math.is_finite(moved), tf.clip_by_value(moved, 0.0, 1.0), x)
            hit = _smallest.is_hit(net(moved), labels, target) & (size > enough)
            best, size = _smallest.keep_smaller(hit, moved, _hyperplane.length(name, moved - clean), best, size)
            return step + 1, tf.where(norms.per_image(hit), clean + backward * (moved - clean), moved), best, size

        state, end = (first, x, best, size), first + count
        _, x, best, size = tf.while_loop(lambda step, *_: step < end, body, state, parallel_iterations=1)
        return x, best, size, size <= enough

    return run
