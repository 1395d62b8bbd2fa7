"""Spectral signatures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from core import features, fit
from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.knobs import knob
from core.poisoning import _sides
from core.poisoning.base import Detector, Findings

_MORE = 1.5  # times what is expected is flagged, as in the paper
_LEAST = 4  # digits of a label before it has a direction


@dataclass(frozen=True, kw_only=True)
class SpectralSignatures(Detector):
    r"""Find the one direction in which a label's digits differ most, and suspect those that lie farthest along it.

    $$s(x) = g_y\, \big(v_y \cdot W (h(x) - \mu_y)\big)^2$$

    v is the first right singular vector of a label's features, of which the mean is taken off: a group that differs
    from the rest in one way bends it to itself. Flagged are the digits of highest score, 1.5 times as many as are
    `expected`: of a clean set just as many, so this finds poison rather than tells whether there is any.

    Three things are not as in the paper, which expects a few poisoned digits in each label, and looks at one label at a
    time. W whitens by what all labels' digits differ in, so that their scores can be compared. Along v a label's digits
    are cut in two, and only one group counts, the smaller, or the one whose pictures look like another label's; μ is
    the other group's mean: of two equal halves both lie equally far from the mean of all. And g, by how much the two
    groups differ more than the digits within them, counts for a label that falls apart against one that has outliers.

    Tran, Li and Madry, "Spectral signatures in backdoor attacks", NeurIPS 2018, https://arxiv.org/abs/1811.00636;
    whitened first, as in Hayase, Kong, Somani and Oh, "SPECTRE", ICML 2021, https://arxiv.org/abs/2104.11315
    """

    title = "Spectral signatures"

    layer: int = knob(1, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer")
    components: int = knob(20, "Components", 1, 50, help="Directions of most variance in which digits are compared")
    expected: float = knob(0.1, "Expected share", 0.01, 0.5, step=0.01, help="Of the digits that are poisoned")

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        hidden = features.of(features.halves(model, self.layer)[0], digits.images).astype(np.float64)
        score, classes = np.zeros(len(digits), np.float32), np.full(CLASSES, np.nan, np.float32)
        labelled = [np.flatnonzero(digits.labels == label) for label in range(CLASSES)]
        for rows in labelled:
            if len(rows):
                hidden[rows] -= hidden[rows].mean(axis=0)
        count = min(self.components, *hidden.shape)
        white = PCA(count, whiten=True, random_state=seed).fit_transform(hidden)
        for label, rows in enumerate(labelled):
            if len(rows) >= _LEAST:
                values = white[rows] @ direction(white[rows])
                side = _sides.suspects(digits, rows, _sides.upper(values), seed)
                if side.any():  # there is none where all are alike
                    classes[label] = gap(values, side)
                    score[rows] = np.where(side, classes[label] * (values - values[~side].mean()) ** 2, 0.0)
            if watch is not None and watch(label + 1, CLASSES, {}) is False:
                break
        flagged = np.zeros(len(digits), bool)
        flagged[np.argsort(-score, kind="stable")[: round(_MORE * self.expected * len(digits))]] = True
        return Findings(score, flagged & (score > 0), classes)


def gap(values: np.ndarray, side: np.ndarray) -> float:
    """The variance of numbers (n,) between one group, side (n,) bool, and the others, over that within the two."""
    within = np.where(side, values - values[side].mean(), values - values[~side].mean())
    return float(values.var() / max((within**2).mean(), 1e-12)) - 1.0


def direction(points: np.ndarray) -> np.ndarray:
    """The first right singular vector (d,) of points (n, d)."""
    return np.linalg.svd(points, full_matrices=False)[2][0]
