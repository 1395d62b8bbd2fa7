"""Nearest neighbours' labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from core import features, fit
from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.knobs import knob, only_with
from core.poisoning.base import Detector, Findings

_COMPONENTS = 50  # of the pictures: neighbours are found ten times as soon, and are no worse
_ROWS = 5000  # digits between two reports


@dataclass(frozen=True, kw_only=True)
class KNNLabels(Detector):
    r"""Ask each digit's nearest neighbours for their labels, and suspect it where most have another.

    $$s(x) = \frac{1}{k} \big\lvert \{\, j \in N_k(x) : y_j \ne y \,\} \big\rvert$$

    A wrong label stands alone among true ones, in whatever way it was chosen, and in pixels it needs no network to be
    seen. A network's features know better what is alike, but may already have been bent: a stamp that was learnt draws
    all that bear it together, under their label. In pixels many with a stamp are found, until they are so many that
    they are each other's neighbours.

    Edited nearest neighbours: Wilson 1972, https://doi.org/10.1109/TSMC.1972.4309137; on features: Peri et al., "Deep
    k-NN defense against clean-label data poisoning attacks", 2020, https://arxiv.org/abs/1909.13374
    """

    title = "Neighbours' labels"

    where: str = knob("pixels", "Look at", choices=("pixels", "features"), help="In what neighbours are near")
    neighbours: int = knob(10, "Neighbours", 1, 50, help="k: the nearest digits that are asked")
    layer: int = only_with(
        "where",
        "features",
        knob(1, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer"),
    )

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        if self.where == "pixels":
            pictures = digits.images.reshape(len(digits), -1)
            points = PCA(min(_COMPONENTS, len(digits)), random_state=seed).fit_transform(pictures)
        else:
            points = features.of(features.halves(model, self.layer)[0], digits.images)
        index = NearestNeighbors(n_neighbors=self.neighbours + 1).fit(points)
        score = np.zeros(len(digits), np.float32)
        for start in range(0, len(digits), _ROWS):
            rows = np.arange(start, min(start + _ROWS, len(digits)))
            near = index.kneighbors(points[rows], return_distance=False)
            score[rows] = disagreement(near, rows, digits.labels, self.neighbours)
            if watch is not None and watch(int(rows[-1]) + 1, len(digits), {}) is False:
                break
        return Findings(score, score > 0.5, np.full(CLASSES, np.nan, np.float32))


def disagreement(near: np.ndarray, rows: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The share of each row's `count` nearest with another label: near (m, count + 1) has the row itself somewhere, or,
    where it has more twins than that, not at all."""
    others = near != rows[:, None]
    counted = others & (np.cumsum(others, axis=1) <= count)
    return (counted & (labels[near] != labels[rows][:, None])).sum(axis=1) / count
