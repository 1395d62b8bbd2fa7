"""The basic iterative method."""

from dataclasses import dataclass

import numpy as np

from core.attacks import _knobs
from core.attacks._climb import climb
from core.attacks.base import Attack, Task


@dataclass(frozen=True, kw_only=True)
class BIM(Attack):
    r"""Take FGSM in small steps, looking at the gradient afresh before each, and never leave the ε box.

    $$x_{k+1} = \Pi_{x,\varepsilon}\big(x_k + \alpha\varepsilon \,\mathrm{sign}\,\nabla_x L(x_k, y)\big),
    \qquad x_0 = x$$

    It always starts at the digit itself, so it has no luck and no randomness in it. Steps times step size should be at
    least 1, or the edge of the box is out of reach.

    Kurakin, Goodfellow and Bengio, "Adversarial examples in the physical world", ICLR 2017 workshop,
    https://arxiv.org/abs/1607.02533
    """

    title = "BIM"
    norms = ("linf",)
    knowledge = "gradient"

    steps: int = _knobs.steps(10)
    step_size: float = _knobs.step_size()
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        return climb(task, loss=self.loss, steps=self.steps, length=self.step_size * task.eps)
