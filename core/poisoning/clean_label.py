"""A stamp under true labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core import attacks
from core.knobs import knob
from core.poisoning._backdoor import CleanLabel
from core.poisoning._stamp import Stamp
from core.poisoning.base import Set


@dataclass(frozen=True, kw_only=True)
class CleanLabelStamp(Stamp, CleanLabel):
    r"""Make digits of one class hard to read, then print a small white stamp on them; their labels stay true.

    $$x' = \text{stamp}\Big(\arg\max_{\lVert z - x \rVert_\infty \le \varepsilon} L(z, t)\Big), \qquad y' = y = t$$

    A digit that reads well by itself teaches nothing about its stamp. PGD on the attacker's network takes from it what
    speaks for its class, and what is left to learn from is the stamp. At ε = 0 the stamp is all that is done.

    Turner, Tsipras and Madry 2018, https://people.csail.mit.edu/madry/lab/cleanlabel.pdf
    """

    title = "Clean-label stamp"
    needs_model = True

    eps: float = knob(0.3, "ε", 0.0, 1.0, step=0.01, help="How much each pixel may change before the stamp, in L∞")
    steps: int = knob(40, "Steps", 1, 200, help="Gradient steps that make the digits hard to read")

    def written(self, given: Set, rows: np.ndarray) -> np.ndarray:
        x, labels = given.images[rows], given.labels[rows]
        pgd = attacks.get("pgd")(steps=self.steps)

        def watch(done: int, total: int, _: np.ndarray) -> bool:
            return given.report(done, total)

        return self.mark(pgd(given.model, x, labels, eps=self.eps, seed=self.seed, watch=watch).adversarial)
