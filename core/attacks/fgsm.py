"""The fast gradient sign method."""

from dataclasses import dataclass

import numpy as np

from core.attacks import _knobs
from core.attacks._climb import climb
from core.attacks.base import Attack, Task


@dataclass(frozen=True, kw_only=True)
class FGSM(Attack):
    r"""Take one step: change every pixel by ε, up or down, whichever way raises the network's loss.

    $$x' = x + \varepsilon \,\mathrm{sign}\big(\nabla_x L(x, y)\big)$$

    On a linear model this is the best change of its size. A network bends, so one long step often lands short of what
    PGD finds, and a network trained against this step alone can learn to bend exactly there.

    Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015,
    https://arxiv.org/abs/1412.6572
    """

    title = "FGSM"
    norms = ("linf",)
    knowledge = "gradient"

    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        return climb(task, loss=self.loss, steps=1, length=task.eps)
