"""Local intrinsic dimensionality."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import features, fit
from core.classifier import Classifier
from core.defenses.base import Detector, Measure
from core.digits import Digits
from core.knobs import knob

_TINY = 1e-6  # a distance below that, as a share of the farthest neighbour's, is rounding


@dataclass(frozen=True, kw_only=True)
class LID(Detector):
    r"""Ask of how many dimensions the crowd of clean digits around this one is, as the last hidden layer sees it.

    $$s(x) = -\left(\frac{1}{k} \sum_{i=1}^{k} \log \frac{r_i(x)}{r_k(x)}\right)^{-1}$$

    r are the distances to the k nearest clean digits. They grow fast at once where digits lie along few directions, and
    hardly at all for a point that was pushed off them: it has all its neighbours at one distance, and a high score. The
    paper takes neighbours from each batch; here they come from a fixed set, so that a score is the image's own.

    Ma et al., "Characterizing adversarial subspaces using local intrinsic dimensionality", ICLR 2018,
    https://arxiv.org/abs/1801.02613
    """

    title = "Local intrinsic dimensionality"

    neighbours: int = knob(20, "Neighbours", 2, 100, help="Nearest clean digits whose distances count")
    reference: int = knob(3000, "Reference", 200, 5000, step=100, help="Clean digits among which neighbours are sought")

    layer: int = knob(2, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer")

    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        hidden, _ = features.halves(model, self.layer)
        chosen = np.random.default_rng([seed, 1]).permutation(len(digits))[: self.reference]
        crowd = tf.constant(features.of(hidden, digits.images[chosen]))
        count = min(self.neighbours, len(chosen) - 1)
        return lambda x: dimensionality(hidden(x), crowd, count)


def dimensionality(points: tf.Tensor, crowd: tf.Tensor, count: int) -> tf.Tensor:
    """The local intrinsic dimensionality (n,) of points (n, d) from their `count` nearest of crowd (m, d), m > count.

    The likeliest by Levina and Bickel (2004). A member of the crowd is not its own neighbour.
    """
    _, place = tf.math.top_k(-features.squared_distances(points, crowd), k=count + 1)
    # The distances that were sorted by are differences of large numbers: those that count are taken anew.
    apart = points[:, None, :] - tf.gather(crowd, place)
    squared = tf.sort(tf.reduce_sum(apart * apart, axis=2), axis=1)
    least = tf.maximum(_TINY**2 * squared[:, -1:], 1e-30)
    itself = squared[:, :1] <= least
    squared = tf.maximum(tf.where(itself, squared[:, 1:], squared[:, :-1]), least)
    spread = tf.reduce_mean(tf.math.log(squared[:, -1:] / squared), axis=1) / 2.0
    return 1.0 / tf.maximum(spread, _TINY)
