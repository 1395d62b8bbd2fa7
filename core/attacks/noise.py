"""Random noise."""

from dataclasses import dataclass

import numpy as np

from core.attacks._worst import Worst
from core.attacks.base import Attack, Task
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Noise(Attack):
    r"""Change the digit at random, knowing nothing of the network: the control that every other attack has to beat.

    $$x' = x + \varepsilon u, \qquad u \text{ uniform in the unit ball of the norm}$$

    With several draws, the one that the network takes worst is kept. In many dimensions almost all of a ball lies near
    its surface, so in L2 and L1 the noise uses up nearly the whole budget, spread thin over all pixels.

    For how little random noise does, see Fawzi, Moosavi-Dezfooli and Frossard, "Robustness of classifiers: from
    adversarial to random noise", NeurIPS 2016, https://arxiv.org/abs/1608.08967
    """

    title = "Random noise"
    norms = ("linf", "l2", "l1")
    knowledge = "nothing"

    draws: int = knob(1, "Draws", 1, 100, help="Independent draws; the one that fools best is kept")

    def run(self, task: Task) -> np.ndarray:
        worst = Worst(task)
        task.keep(task.x)
        for draw in range(self.draws):
            noisy = task.x + task.eps[:, None, None, None] * task.norm.uniform(task.stream)
            noisy = np.clip(noisy, 0, 1).astype(np.float32)
            if self.draws == 1:
                worst.x = noisy
            else:
                worst.offer(noisy)
            task.keep(noisy)
            if not task.report(draw + 1, self.draws, worst.x):
                break
        return worst.x
