"""Projected gradient descent."""

from dataclasses import dataclass

import numpy as np

from core.attacks import _knobs
from core.attacks._climb import climb
from core.attacks._worst import Worst
from core.attacks.base import Attack, Task
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class PGD(Attack):
    r"""Start anywhere in the ε ball and climb the loss in small steps, projecting back into the ball after each.

    $$x_{k+1} = \Pi_{x,\varepsilon}\big(x_k + \alpha\varepsilon \, d_k\big), \qquad
    d_k = \arg\max_{\lVert d \rVert \le 1} \langle d, \nabla_x L(x_k, y) \rangle$$

    In L∞ the direction d is the gradient's sign, in L2 the gradient at length 1, in L1 the few pixels of largest
    gradient that still have room. Each restart begins elsewhere; for every digit the worst outcome for the network is
    kept. The yardstick of the field; a network that only hides its gradient still holds against it, so its verdict is
    a bound.

    Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018,
    https://arxiv.org/abs/1706.06083
    """

    title = "PGD"
    norms = ("linf", "l2", "l1")
    knowledge = "gradient"

    steps: int = _knobs.steps(40)
    step_size: float = _knobs.step_size()
    restarts: int = knob(1, "Restarts", 1, 50, help="Runs from different starts; the worst outcome is kept")
    random_start: bool = knob(True, "Random start", help="Start the first run in the ball, not at the digit itself")
    early_stop: bool = _knobs.early_stop()
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        worst = Worst(task)
        rows = None
        for restart in range(self.restarts):
            reached = climb(
                task,
                loss=self.loss,
                steps=self.steps,
                length=self.step_size * task.eps,
                start=self._start(task, restart),
                stop=self.early_stop,
                rows=rows,
                done=restart * self.steps,
                total=self.restarts * self.steps,
            )
            if self.restarts == 1:
                return reached  # the judge will look at it: there is nothing to choose from
            worst.offer(reached, rows)
            if self.early_stop:
                rows = worst.unbroken
            if task.stopped or (rows is not None and not len(rows)):
                break
        return worst.x

    def _start(self, task: Task, restart: int) -> np.ndarray:
        # A second run from the digit itself would repeat the first: only that one may start there.
        if restart == 0 and not self.random_start:
            return task.x
        return np.clip(task.x + task.eps[:, None, None, None] * task.norm.uniform(task.stream), 0, 1)
