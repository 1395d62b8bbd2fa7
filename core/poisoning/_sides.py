"""Two groups of one label's digits: where they part, and which of them is the poison."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from core.digits import Digits

_OWN, _OTHERS = 200, 3000  # digits at most whose neighbours are sought, and among whom
_MORE = 0.35  # strangers that the larger group must have above the smaller one, as a share, to be the suspect


def upper(values: np.ndarray) -> np.ndarray:
    """The upper of two groups of numbers (n,), cut where 2-means is best: bool (n,).

    A histogram's threshold lies within a bin, and parts what is all but equal there.
    """
    centred = values - values.mean()
    ordered, below = np.sort(centred), np.arange(1, len(values))
    between = np.cumsum(ordered)[:-1] ** 2 / (below * below[::-1])
    return centred > ordered[np.argmax(between)]


def suspects(digits: Digits, rows: np.ndarray, group: np.ndarray, seed: int) -> np.ndarray:
    """The suspicious one of two groups: (k,) bool.

    rows: (k,) int, all digits of one label; group: (k,) bool, which cuts them in two.

    The smaller group is suspected, unless the pictures tell: one trigger leads nine classes to one, and then it is the
    larger. Digits under a wrong label look like those of another. So what tells the two groups apart, the difference of
    their mean pictures, is taken out of all pictures, and then the group is suspected that has more strangers: digits
    whose nearest neighbour is not in their own group but among the digits of other labels.
    """
    smaller = group if 2 * group.sum() <= len(group) else ~group
    if smaller.sum() < 2:
        return smaller
    draw = np.random.default_rng([seed, 2])
    pictures = digits.images.reshape(len(digits), -1)
    others = np.delete(np.arange(len(digits)), rows)
    others = pictures[draw.permutation(others)[:_OTHERS]]
    if not len(others):  # there is one label alone
        return smaller
    sides = [pictures[draw.permutation(rows[side])[:_OWN]] for side in (smaller, ~smaller)]
    apart = sides[0].mean(axis=0) - sides[1].mean(axis=0)
    apart /= np.linalg.norm(apart) or 1.0
    few, many = (_strangers(_without(side, apart), _without(others, apart)) for side in sides)
    return ~smaller if many - few > _MORE else smaller


def _without(pictures: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The pictures (n, d) without their part along that direction (d,) of length 1."""
    return pictures - np.outer(pictures @ direction, direction)


def _strangers(side: np.ndarray, others: np.ndarray) -> float:
    """The share of one side's pictures (n, d) that lie nearer to one of the others (m, d) than to their own side's."""
    own = NearestNeighbors(n_neighbors=1).fit(side).kneighbors()[0][:, 0]  # a picture is not its own neighbour
    return float((NearestNeighbors(n_neighbors=1).fit(others).kneighbors(side)[0][:, 0] < own).mean())
