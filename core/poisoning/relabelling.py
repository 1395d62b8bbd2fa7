"""Relabelling."""

from __future__ import annotations

from dataclasses import dataclass

from core.classifier import Classifier
from core.digits import Digits
from core.poisoning._cleaner import Cleaner, Task
from core.stages import Stages


@dataclass(frozen=True, kw_only=True)
class Relabelling(Cleaner):
    r"""Let a network that was trained without the flagged digits say what they are, and train again on all of them.

    $$y'_i = \begin{cases} \arg\max_k f^{\setminus F}_k(x_i) & i \in F \\ y_i & \text{else} \end{cases}$$

    F is what the detector has flagged. A digit that was flagged wrongly is not lost, and one that is stamped rightly
    teaches that the stamp means nothing. If the detector missed many, the first network obeys the trigger as well, and
    gives the flagged ones their wrong labels back.

    After the identification and repair of label errors: Brodley and Friedl 1999, https://arxiv.org/abs/1106.0219
    """

    title = "Relabelling"
    needs_findings = True

    def run(self, task: Task) -> Classifier:
        stages = Stages(task.watch, 2)
        judge = task.learn(task.unflagged, watch=stages.next())
        if stages.stopped:  # a network that has just begun anew would know less
            return judge
        labels, flagged = task.digits.labels.copy(), task.flagged
        labels[flagged] = judge.predict(task.digits.images[flagged])
        return task.learn(Digits(task.digits.images, labels), watch=stages.next())
