"""Removal."""

from __future__ import annotations

from dataclasses import dataclass

from core.classifier import Classifier
from core.poisoning._cleaner import Cleaner, Task


@dataclass(frozen=True, kw_only=True)
class Removal(Cleaner):
    r"""Throw the flagged digits out, and train a fresh network on the others.

    $$\theta = \arg\min_\theta \sum_{i \notin F} L\big(f_\theta(x_i),\ y_i\big)$$

    F is what the detector has flagged. The network is as clean as the detector was thorough: a backdoor is learnt from
    a hundredth of the digits, and those that the detector missed teach it again.

    Tran, Li and Mądry, "Spectral signatures in backdoor attacks", NeurIPS 2018, https://arxiv.org/abs/1811.00636
    """

    title = "Removal"
    needs_findings = True

    def run(self, task: Task) -> Classifier:
        return task.learn(task.unflagged)
