"""Fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

from core.classifier import Classifier
from core.poisoning._cleaner import Cleaner, Task


@dataclass(frozen=True, kw_only=True)
class FineTuning(Cleaner):
    r"""Train the poisoned network on, on a few digits that are known to be clean, and hope that it forgets.

    $$\theta_{k+1} = \theta_k - \alpha_k \nabla_\theta \sum_{i \in B_k} L\big(f_{\theta_k}(x_i),\ y_i\big), \qquad
    \theta_0 = \theta_{\text{poisoned}}$$

    Nothing in clean digits speaks against the trigger: where it is, they have no ink. So the weights that read it stay
    as they are, and most of the backdoor with them, while a thousand digits can spoil what tens of thousands have
    taught.

    As the baseline of Liu, Dolan-Gavitt and Garg, "Fine-pruning", RAID 2018, https://arxiv.org/abs/1805.12185
    """

    title = "Fine-tuning"
    needs_trusted = True

    def run(self, task: Task) -> Classifier:
        return task.learn(task.trusted, onwards=task.model)
