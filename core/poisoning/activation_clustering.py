"""Activation clustering."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA, FastICA
from sklearn.exceptions import ConvergenceWarning

from core import features, fit
from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.knobs import knob
from core.poisoning import _sides
from core.poisoning.base import Detector, Findings

_STARTS = 10  # components in which splits are first sought: fewer than those in which the best one is judged
_FEW = 10  # digits for each component at least, so that no split is found by chance
_FLAT = 1e-5  # of the widest direction: what is flatter is rounding
_STEPS = 20  # of a search, at most; it mostly ends after five


@dataclass(frozen=True, kw_only=True)
class ActivationClustering(Detector):
    r"""See how a hidden layer sees each label's digits: poisoned ones are read as the label for another reason, and lie
    apart.

    $$w \leftarrow \frac{\mu_1 - \mu_0}{\lVert \mu_1 - \mu_0 \rVert}, \qquad
    D = \frac{\sqrt 2\, \lvert w \cdot (\mu_1 - \mu_0) \rvert}{\sqrt{\sigma_1^2 + \sigma_0^2}}$$

    Each label's features are whitened, so that every direction is equally wide. Two groups are cut along a direction w
    where 2-means cuts, w turns to the line between their means, and so on until both agree. Of many starts the split
    is kept whose groups lie farthest apart: D, in deviations. From `gap` on one of them is flagged: the smaller, or the
    one whose pictures look like another label's. On MNIST, clean labels stay below 6, a 1 that leans or stands being
    the widest split, and stamped ones lie above 9; where a label has only 400 digits, below 6.7 and above 7.9.

    The paper runs 2-means in ten components at once. That finds half a label, but of a tenth of one it cuts the wrong
    way: noise in nine directions outweighs a gap in one. It judges splits by their silhouette, which hardly tells the
    widest clean split from poison.

    Chen et al., "Detecting backdoor attacks on deep neural networks by activation clustering", 2018,
    https://arxiv.org/abs/1811.03728; the search is that of Ding and Li, "Adaptive dimension reduction using
    discriminant analysis and K-means clustering", ICML 2007, https://doi.org/10.1145/1273496.1273562; D is Ashman's.
    """

    title = "Activation clustering"

    layer: int = knob(1, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer")
    components: int = knob(20, "Components", 2, 50, help="Directions of most variance in which groups are sought")
    gap: float = knob(
        7.0, "Gap", 1.0, 30.0, step=0.5, help="D: deviations between two groups, from which on one is flagged"
    )
    smallest: int = knob(10, "Smallest group", 2, 1000, help="Digits that a group has at least")

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        hidden = features.of(features.halves(model, self.layer)[0], digits.images).astype(np.float64)
        score, flagged = np.zeros(len(digits), np.float32), np.zeros(len(digits), bool)
        classes, points = np.full(CLASSES, np.nan, np.float32), np.zeros((len(digits), 2), np.float32)
        for label in range(CLASSES):
            rows = np.flatnonzero(digits.labels == label)
            if len(rows) >= 2 * self.smallest:
                spread = reduced(hidden[rows], min(self.components, max(len(rows) // _FEW, 2)), seed)
                points[rows, : min(spread.shape[1], 2)] = spread[:, :2]
                classes[label] = 0.0
                if spread.shape[1]:
                    split = best_split(spread, self.smallest, seed)
                    side = _sides.suspects(digits, rows, split.group, seed)
                    classes[label] = split.gap
                    score[rows] = split.gap * _place(split, side)
                    flagged[rows] = side & (split.gap >= self.gap)
            if watch is not None and watch(label + 1, CLASSES, {"flagged": float(flagged.sum())}) is False:
                break
        return Findings(score, flagged, classes, points)


class Split(NamedTuple):
    """Two groups of points: where each point lies on the line that tells them apart (n,), which are in the one group
    (n,) bool, and how many deviations the groups lie apart."""

    values: np.ndarray
    group: np.ndarray
    gap: float


def reduced(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Points (n, d) -> their first `count` principal components, or as many as there are: (n, k)."""
    if not np.ptp(points, axis=0).any():
        return np.empty((len(points), 0))
    spread = PCA(min(count, *points.shape), random_state=seed).fit_transform(points)
    wide = spread.std(axis=0)
    return spread[:, wide > _FLAT * wide[0]]


def best_split(spread: np.ndarray, smallest: int, seed: int) -> Split:
    """The widest split of principal components (n, k) into two groups, each of at least so many.

    Every search starts in few components, where little happens by chance; the best one goes on in all of them.
    """
    white = spread / spread.std(axis=0)
    few = white[:, :_STARTS]
    ways = [_search(few, start) for start in _starts(few, seed)]
    widest = max(ways, key=lambda way: _cut(few @ way, smallest).gap)
    whole = _search(white, np.pad(widest, (0, white.shape[1] - few.shape[1])))
    return _cut(white @ whole, smallest)


def _starts(white: np.ndarray, seed: int) -> np.ndarray:
    """Directions (m, k) of length 1 to start from: the principal components, and the independent ones, of which few
    digits make a start that no large group drowns."""
    axes = np.eye(white.shape[1])
    if len(axes) < 2:
        return axes
    with warnings.catch_warnings():  # a start need not have converged
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixing = FastICA(whiten=False, random_state=seed, tol=1e-3).fit(white).components_  # pyright: ignore
    return np.concatenate([axes, mixing / np.linalg.norm(mixing, axis=1, keepdims=True)])


def _search(white: np.ndarray, way: np.ndarray) -> np.ndarray:
    """From a direction (k,) to one that is the line between the means of the two groups that it cuts."""
    for _ in range(_STEPS):
        group = _sides.upper(white @ way)
        line = white[group].mean(axis=0) - white[~group].mean(axis=0)
        turned = line / np.linalg.norm(line)
        if abs(turned @ way) > 1.0 - 1e-8:
            break
        way = turned
    return way


def _cut(values: np.ndarray, smallest: int) -> Split:
    """Two groups along a line, with a gap of 0 where one of them is too small."""
    group = _sides.upper(values)
    if min(group.sum(), (~group).sum()) < smallest:
        return Split(values, group, 0.0)
    one, other = values[group], values[~group]
    width = max(float(np.hypot(one.std(), other.std())), _FLAT)
    return Split(values, group, float(np.sqrt(2.0) * (one.mean() - other.mean()) / width))


def _place(split: Split, side: np.ndarray) -> np.ndarray:
    """How far each point lies on the way from the other group's mean, 0, to the suspicious one's, 1: (n,)."""
    here, there = split.values[side].mean(), split.values[~side].mean()
    return np.clip((split.values - there) / (here - there), 0.0, 1.0)
