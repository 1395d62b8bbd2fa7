"""Auto-PGD."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses
from core.attacks import _adaptive, _knobs, _sparse
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.knobs import knob
from core.norms import PIXELS

_REPORTS = 20  # how often, at most, a run tells of its progress
_LOOK = 5  # steps between two looks at which images are fooled and need no more
_WIDE = ((0.3, 3.0), (0.3, 2.0))  # L1: the shares of the steps that are taken in larger balls first, and how large


@dataclass(frozen=True, kw_only=True)
class APGD(Attack):
    r"""PGD without a step size to choose: long steps at first, halved for each digit as soon as they stop to pay.

    $$z = \Pi_{x,\varepsilon}(x_k + \eta_k\, d_k), \qquad
    x_{k+1} = \Pi_{x,\varepsilon}\big(x_k + \alpha (z - x_k) + (1 - \alpha)(x_k - x_{k-1})\big)$$

    d is the norm's steepest direction, α = 0.75, and the first step η is 2ε long. At checkpoints that come ever closer,
    η is halved and the climb goes back to its highest point, if fewer than three steps in four raised the loss, or if
    none since the last checkpoint found a higher one. In L1 the step moves only a share of the pixels, as many as the
    best change needs, the projection is exact for ball and box together, and the ball starts out three times as large.

    With classes in turn it aims at the likeliest other classes one by one: with the DLR loss and 9 of them this is
    AutoAttack's APGD-T. The point with the largest margin, of all that it saw, is returned.

    Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks",
    ICML 2020, https://arxiv.org/abs/2003.01690; in L1 "Mind the box", ICML 2021, https://arxiv.org/abs/2103.01208
    """

    title = "Auto-PGD"
    norms = ("linf", "l2", "l1")
    knowledge = "gradient"

    steps: int = _knobs.steps(100)
    restarts: int = knob(1, "Restarts", 1, 50, help="Runs from different starts; the worst outcome is kept")
    targets: int = _knobs.targets()
    early_stop: bool = _knobs.early_stop()
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        aims = self._aims(task)
        runs = [aim for aim in aims for _ in range(self.restarts)]
        rows = np.flatnonzero(task.eps > 0)
        found, margin = task.x.copy(), np.full(len(task.x), -np.inf, np.float32)
        for turn, aim in enumerate(runs):
            if not len(rows) or task.stopped:
                break
            rows = self._climb(task, aim, rows, found, margin, turn * self.steps, len(runs) * self.steps)
        if task.wants_path and task.path:
            task.path[-1] = found.copy()  # a path ends at the answer, which is not always the last point
        return found

    def _aims(self, task: Task) -> list[np.ndarray]:
        """What the loss is about in each run, (n,) classes; -1 for the label alone."""
        if not self.targets or (task.target >= 0).any():
            return [task.target]
        order = np.argsort(-task.logits(task.x), axis=1, kind="stable")
        others = order[order != task.labels[:, None]].reshape(len(task.x), -1)
        return [others[:, place].astype(np.int32) for place in range(self.targets)]

    def _climb(
        self,
        task: Task,
        aim: np.ndarray,
        rows: np.ndarray,
        found: np.ndarray,
        margin: np.ndarray,
        done: int,
        total: int,
    ) -> np.ndarray:
        """One run of those rows: found and margin are moved in place; returned are the rows that still need more."""
        x = self._start(task)
        fresh = True
        for steps, factor in _stages(task.norm.name, self.steps):
            eps = (factor * task.eps).astype(np.float32)
            if task.norm.name == "l1":
                x = task.x + _sparse.projected(task.x, x - task.x, eps).numpy()
            if not task.path:
                task.keep(x)
            state = _adaptive.begin(task.norm.name, task.x, x, found, margin, fresh)
            rows = self._stage(task, state, aim, rows, eps, steps, factor == 1, done, total)
            if task.stopped and factor != 1:
                _cut_down(task, state.top, rows, found, margin)
            if task.stopped or not len(rows):
                break
            x, fresh, done = state.top, False, done + steps
        return rows

    def _start(self, task: Task) -> np.ndarray:
        """Anywhere in the ball; in L1, where _climb projects it, noise on all pixels, of which the largest few stay."""
        if task.norm.name == "l1":
            return task.x + task.stream.normal(PIXELS).reshape(task.x.shape)
        return np.clip(task.x + task.eps[:, None, None, None] * task.norm.uniform(task.stream), 0, 1)

    def _stage(
        self,
        task: Task,
        state: _adaptive.State,
        aim: np.ndarray,
        rows: np.ndarray,
        eps: np.ndarray,
        steps: int,
        counts: bool,
        done: int,
        total: int,
    ) -> np.ndarray:
        """`steps` steps of those rows in the balls of radius eps (n,), and a last look at where they lead."""
        graph = _adaptive.compiled(task.model, task.norm)
        schedule = tf.constant(_adaptive.periods(task.norm.name, steps))
        which, stop = tf.constant(losses.index(self.loss)), tf.constant(self.early_stop)
        stride = 1 if task.wants_path else steps + 1
        if not task.wants_path and task.watch:
            stride = -(-total // _REPORTS)
        if self.early_stop:
            stride = min(stride, _LOOK)
        for first in range(0, steps + 1, stride):
            looks = min(stride, steps + 1 - first)

            def advance(part: np.ndarray, first: int = first, looks: int = looks) -> np.ndarray:
                given = (each[part] for each in (task.x, task.labels, task.target, aim, eps))
                numbers = (which, schedule, tf.constant(first), tf.constant(looks), stop, tf.constant(counts))
                moved = graph(*given, *numbers, *state.of(part))
                state.put(part, _adaptive.State(*(each.numpy() for each in moved)))
                return part[~(self.early_stop & state.sure[part])]

            left = np.concatenate(side_by_side(advance, rows))
            ends = first + looks > steps  # the last look takes no step, and so no gradient
            task.spend(gradients=looks - ends, forwards=int(ends), rows=rows)
            if not ends or looks > 1:
                task.keep(state.x)
            rows = left
            told = first + looks != steps  # else the next look, the last, tells of the same number of steps
            if (told and not task.report(done + min(first + looks, steps), total, state.found)) or not len(rows):
                break
        return rows


def _cut_down(task: Task, top: np.ndarray, rows: np.ndarray, found: np.ndarray, margin: np.ndarray) -> None:
    """A run that was stopped in a larger ball has something to show all the same: its best point, projected."""
    clean = task.x[rows]
    near = clean + _sparse.projected(clean, top[rows] - clean, task.eps[rows]).numpy()
    reached = task.margin(task.logits(near, rows), rows)
    better = reached > margin[rows]
    found[rows[better]], margin[rows[better]] = near[better], reached[better]


def _stages(norm: str, steps: int) -> list[tuple[int, float]]:
    """How many steps are taken in a ball of how many times the radius; the last, in the true one, are the rest."""
    wide = [(int(share * steps), factor) for share, factor in _WIDE] if norm == "l1" else []
    return [stage for stage in wide if stage[0]] + [(steps - sum(taken for taken, _ in wide), 1.0)]
