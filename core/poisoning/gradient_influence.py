"""The gradients of single digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core import features, fit
from core.classifier import CLASSES, Classifier, softmax
from core.digits import Digits
from core.knobs import knob
from core.poisoning.base import Detector, Findings

_TINY = 1e-12  # a length below that has no direction


@dataclass(frozen=True, kw_only=True)
class GradientInfluence(Detector):
    r"""Suspect the digits that pull the network's last layer another way than their label's other digits do.

    $$g(x) = (p(x) - e_y)\, \tilde h(x)^\top, \qquad
    s(x) = 1 - \Big\langle \hat g(x),\ \operatorname*{mean}_{y_j = y,\, j \ne x} \hat g(x_j) \Big\rangle$$

    g is the gradient of the digit's loss by the last layer's weights, an outer product of the error and the features,
    and ĝ has length 1: what has been learnt by heart pulls hardly any more, and still in its own direction. "self" is
    the older way, the squared length of g: how much a step on a digit helps that digit alone, high for what the network
    has not learnt. A share of the digits is flagged, for a pull has no natural bound. Where the poison is most of its
    label, it is the clean ones that pull another way.

    TracIn: Pruthi, Liu, Kale and Sundararajan, NeurIPS 2020, https://arxiv.org/abs/2002.08484; gradients of length 1:
    Hammoudeh and Lowd 2022, https://arxiv.org/abs/2201.10055
    """

    title = "Gradient influence"

    how: str = knob("direction", "Suspect", choices=("direction", "self"), help="What pulls another way, or hardest")
    share: float = knob(0.1, "Flagged", 0.01, 0.5, step=0.01, help="The share of the digits that is flagged")

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        hidden = features.of(features.halves(model)[0], digits.images).astype(np.float64)
        hidden = np.pad(hidden, ((0, 0), (0, 1)), constant_values=1.0)  # the bias, as a feature that is always 1
        errors = _errors(model.logits(digits.images), digits.labels)
        if self.how == "self":
            score = (errors**2).sum(axis=1) * (hidden**2).sum(axis=1)
        else:
            score = 1.0 - agreement(_unit(errors), _unit(hidden), digits.labels)
        flagged = np.zeros(len(digits), bool)
        flagged[np.argsort(-score, kind="stable")[: round(self.share * len(digits))]] = True
        return Findings(score.astype(np.float32), flagged, np.full(CLASSES, np.nan, np.float32))


def agreement(errors: np.ndarray, hidden: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The inner product of each digit's gradient with the mean of its label's other digits': (n,).

    A gradient is an outer product of errors (n, 10) and hidden (n, d), and is never written out.
    """
    found = np.zeros(len(labels))
    for label in np.unique(labels):
        rows = labels == label
        error, h = errors[rows], hidden[rows]
        with_all = ((error @ (error.T @ h)) * h).sum(axis=1)
        with_itself = (error**2).sum(axis=1) * (h**2).sum(axis=1)
        found[rows] = (with_all - with_itself) / max(rows.sum() - 1, 1)
    return found


def _errors(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities less 1 for the label: (n, 10). Of a digit that is all but certain what is left of 1 counts, so it
    is not had by subtracting."""
    errors, each = softmax(logits.astype(np.float64)), np.arange(len(labels))
    errors[each, labels] = 0.0
    errors[each, labels] = -errors.sum(axis=1)
    return errors


def _unit(rows: np.ndarray) -> np.ndarray:
    """The rows (n, d), each of length 1, or 0 where it has no direction."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
