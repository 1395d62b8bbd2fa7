"""The momentum iterative method."""

from dataclasses import dataclass

import numpy as np

from core.attacks import _knobs
from core.attacks._climb import climb
from core.attacks.base import Attack, Task


@dataclass(frozen=True, kw_only=True)
class MIM(Attack):
    r"""Remember where the gradient pointed before, so that the climb rolls over small bumps.

    $$g_{k+1} = \mu g_k + \frac{\nabla_x L(x_k, y)}{\lVert \nabla_x L(x_k, y) \rVert_1}, \qquad
    x_{k+1} = \Pi_{x,\varepsilon}\big(x_k + \alpha\varepsilon \,\mathrm{sign}\, g_{k+1}\big)$$

    In L2 and L1 the sign gives way to that norm's steepest direction. Its changes carry over to other networks better
    than PGD's, which is what it was made for.

    Dong et al., "Boosting adversarial attacks with momentum", CVPR 2018, https://arxiv.org/abs/1710.06081
    """

    title = "MIM"
    norms = ("linf", "l2", "l1")
    knowledge = "gradient"

    steps: int = _knobs.steps(10)
    step_size: float = _knobs.step_size()
    momentum: float = _knobs.momentum(1.0)
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        return climb(task, loss=self.loss, steps=self.steps, length=self.step_size * task.eps, decay=self.momentum)
