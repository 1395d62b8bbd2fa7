"""A transferred attack."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from core import attacks, zoo
from core.attacks import _knobs
from core.attacks.base import Attack, Task
from core.classifier import Classifier
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Transfer(Attack):
    r"""Fool a network of one's own that learned the same task, and trust that the attacked one falls for the same.

    $$x' = \arg\max_{\lVert x' - x \rVert \le \varepsilon} L_{\text{own}}(x', y), \qquad
    \text{then show } x' \text{ to the attacked network}$$

    The attacked network is not asked once: no gradient, no score, no label. So the counts, which are of what the
    attacked network was asked, stay at 0; the gradients are taken of the own one, the source, by MIM or PGD. Networks
    that learn the same digits learn borders that lie alike, so a change at a large ε often carries over. If the
    attacked network is itself chosen as the source, this is a white-box attack, its gradients are counted, and a note
    says so.

    Papernot, McDaniel and Goodfellow, "Transferability in machine learning: from phenomena to black-box attacks using
    adversarial samples", 2016, https://arxiv.org/abs/1605.07277; Dong et al., "Boosting adversarial attacks with
    momentum", CVPR 2018, https://arxiv.org/abs/1710.06081
    """

    title = "Transfer"
    norms = ("linf", "l2", "l1")
    knowledge = "nothing"

    source: str = knob(
        "plain_mlp", "Source", choices=zoo.names(), help="The attacker's own network; best not the attacked one itself"
    )
    method: str = knob("mim", "Method", choices=("mim", "pgd"), help="The attack on the attacker's own network")
    steps: int = _knobs.steps(20)
    step_size: float = _knobs.step_size()

    def run(self, task: Task) -> np.ndarray:
        source = _source(self.source)
        target = task.target.astype(np.int64)
        result = attacks.get(self.method)(steps=self.steps, step_size=self.step_size)(
            source,
            task.x,
            task.labels.astype(np.int64),
            eps=task.eps.astype(np.float64),
            norm=task.norm.name,
            target=None if target[0] < 0 else target,
            seed=task.seed,
            watch=task.watch,
            path=task.wants_path,
        )
        if source.version == task.model.version:
            task.spend(forwards=result.forwards - result.gradients, gradients=result.gradients)
            task.note("The source is the attacked network itself: this was a white-box attack.")
        for iterate in () if result.path is None else result.path:
            task.keep(iterate)
        return result.adversarial


@cache
def _source(name: str) -> Classifier:
    """That model of the zoo, loaded once: nobody changes it, so all runs share it and its compiled graphs."""
    return zoo.load(name)
