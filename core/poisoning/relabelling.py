"""Relabelling."""

from __future__ import annotations

from dataclasses import dataclass

from core import fit
from core.classifier import Classifier
from core.digits import Digits
from core.poisoning._kept import unflagged
from core.poisoning._learning import learn
from core.poisoning.base import Cleaner, Findings


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

    def run(
        self,
        model: Classifier,
        digits: Digits,
        findings: Findings | None,
        trusted: Digits | None,
        *,
        epochs: int | None,
        seed: int,
        watch: fit.Watch | None,
    ) -> Classifier:
        kept = unflagged(digits, findings)
        judge = learn(model, kept, epochs=epochs, seed=seed, watch=fit.stage(watch, 0, 2))
        labels = digits.labels.copy()
        assert findings is not None  # `clean` has asked for them
        labels[findings.flagged] = judge.predict(digits.images[findings.flagged])
        told = Digits(digits.images, labels)
        return learn(model, told, epochs=epochs, seed=seed, watch=fit.stage(watch, 1, 2))
