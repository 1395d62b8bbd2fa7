"""The fast gradient method."""

from dataclasses import dataclass

import numpy as np

from core.attacks import _knobs
from core.attacks._climb import climb, plain_step
from core.attacks.base import Attack, Task
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class FGM(Attack):
    r"""Take one step of length ε straight along the gradient: pixels that matter more change more.

    $$x' = x + \varepsilon \,\frac{\nabla_x L(x, y)}{\lVert \nabla_x L(x, y) \rVert_2}$$

    The L2 sister of FGSM. With plain scaling the gradient is not normalised, $x' = x + \varepsilon \nabla_x L(x, y)$: a
    network that is sure of itself has a gradient of almost nothing, and hides behind it. Where that gradient is longer
    than 1, the step is cut to length ε.

    Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015,
    https://arxiv.org/abs/1412.6572; in this form Miyato, Dai and Goodfellow, ICLR 2017, https://arxiv.org/abs/1605.07725
    """

    title = "FGM"
    norms = ("l2",)
    knowledge = "gradient"

    scaling: str = knob(
        "normalised", "Gradient", choices=("normalised", "plain"), help="Normalised in L2, or as long as it comes"
    )
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        if self.scaling == "plain":
            return plain_step(task, loss=self.loss)
        return climb(task, loss=self.loss, steps=1, length=task.eps)
