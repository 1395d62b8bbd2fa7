"""Digits that surprise a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from sklearn.model_selection import KFold

from core import fit
from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.knobs import knob, only_with
from core.poisoning._learning import learn
from core.poisoning.base import Detector, Findings
from core.stages import Stages


@dataclass(frozen=True, kw_only=True)
class LossFilter(Detector):
    r"""Train networks on parts of the set, and suspect the digits whose labels surprise those that do not know them.

    $$s(x) = -\log p_y(x)$$

    What a network learns first is what most digits have in common; a wrong label costs it a high loss, until it has
    learnt it by heart and nothing is to be seen any more. So the loss is taken of networks that have not seen the
    digit: the set is cut in `folds`, and each is judged by a network trained on the others. The losses of the network
    itself cost nothing, and will do after a short training on many digits. A digit is flagged where its label has less
    than the probability `least`. A stamp is no surprise to who has seen others: backdoors are not found.

    Brodley and Friedl, "Identifying mislabeled training data", 1999, https://arxiv.org/abs/1106.0219; what is learnt
    when: Arpit et al., "A closer look at memorization in deep networks", 2017, https://arxiv.org/abs/1706.05394
    """

    title = "Loss filter"

    judge: str = knob("others", "Judged by", choices=("others", "itself"), help="Networks trained on the other folds")
    folds: int = only_with("judge", "others", knob(3, "Folds", 2, 10, help="And trainings"))
    least: float = knob(0.1, "Probability", 0.01, 0.9, step=0.01, help="Below which a label is flagged")

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        score = losses(model, digits)
        if self.judge == "others":
            stages = Stages(watch, self.folds)
            folds = KFold(self.folds, shuffle=True, random_state=seed).split(digits.labels)
            for place, (known, new) in enumerate(folds):
                judge = learn(model, digits[known], seed=seed + place, watch=stages.next())
                if stages.stopped:  # the folds that are left keep the losses of the network itself
                    break
                score[new] = losses(judge, digits[new])
        return Findings(score, score > -np.log(self.least), np.full(CLASSES, np.nan, np.float32))


def losses(model: Classifier, digits: Digits) -> np.ndarray:
    """The cross-entropy of each digit's label, in nats: (n,) float32."""
    logits = model.logits(digits.images).astype(np.float64)
    return (logsumexp(logits, axis=1) - logits[np.arange(len(digits)), digits.labels]).astype(np.float32)
