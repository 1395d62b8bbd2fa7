"""Kernel density, with the network's uncertainty."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import features, fit
from core.classifier import Classifier
from core.defenses.base import Detector, Measure
from core.digits import Digits
from core.knobs import knob

_TINY = 1e-12  # added to an uncertainty before its logarithm
_FAR = 1e30  # an exponent below all that are met


@dataclass(frozen=True, kw_only=True)
class KernelDensity(Detector):
    r"""Ask how dense clean digits of the class that is read lie here, and how unsure a thinned-out network is.

    $$s(x) = z\Big(-\log \frac{1}{m} \sum_{i=1}^{m} e^{-\lVert h(x) - h(x_i) \rVert^2 / 2b^2}\Big)
    + \lambda\, z\Big(\log \sum_c \mathrm{Var}_t\, p^t_c(x)\Big)$$

    h are the features in the last hidden layer, and the x_i the clean digits of the class that the network reads. The
    p^t are the probabilities that it gives once random features are dropped: the same draws for every image, whether or
    not the network was trained with dropout. z shifts and scales each part so that clean digits have mean 0 and
    deviation 1; the paper weighs the two by a regression that has to see attacked digits first.

    Feinman, Curtin, Shintre and Gardner, "Detecting adversarial samples from artifacts", 2017,
    https://arxiv.org/abs/1703.00410
    """

    title = "Kernel density and uncertainty"

    bandwidth: float = knob(
        0.2, "Bandwidth", 0.05, 2.0, step=0.05, help="Kernels' width, relative to how far a class's digits lie apart"
    )
    weight: float = knob(2.0, "Weight of uncertainty", 0.0, 4.0, step=0.1, help="λ: 0 leaves the density alone")
    drop: float = knob(0.1, "Dropped", 0.05, 0.95, step=0.05, help="Share of the features that each draw leaves out")
    draws: int = knob(32, "Draws", 2, 100, help="How many thinned-out networks are asked")
    layer: int = knob(1, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer")

    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        hidden, logits = features.halves(model, self.layer)
        known, labels = features.of(hidden, digits.images), digits.labels
        crowd, classes = tf.constant(known), tf.constant(labels)
        width = self.bandwidth * typical_distance(features.by_class(known, labels))
        kept = np.random.default_rng([seed, 1]).random((self.draws, known.shape[1])) >= self.drop
        masks = tf.constant(kept / (1.0 - self.drop), tf.float32)

        def parts(x: tf.Tensor) -> tf.Tensor:
            """(n, 2): how thin clean digits are here, and how unsure the network; both higher for more."""
            h = hidden(x)
            read = tf.argmax(logits(h), axis=1)
            own = log_density(h, crowd, width, read[:, None] == classes[None])
            return tf.stack([-own, tf.math.log(uncertainty(h, logits, masks) + _TINY)], axis=1)

        clean = features.of(parts, digits.images)
        mean, deviation = clean.mean(axis=0), np.maximum(clean.std(axis=0), 1e-6)
        share = tf.constant(np.array([1.0, self.weight]) / deviation, tf.float32)
        return lambda x: tf.reduce_sum((parts(x) - mean) * share, axis=1)


def log_density(points: tf.Tensor, crowd: tf.Tensor, width: float, counts: tf.Tensor) -> tf.Tensor:
    """The log of a Gaussian kernel density at points (n, d), of those of crowd (m, d) that count (n, m): (n,)."""
    exponents = -features.squared_distances(points, crowd) / (2.0 * width**2)
    kernels = tf.reduce_logsumexp(tf.where(counts, exponents, -_FAR), axis=1)
    count = tf.reduce_sum(tf.cast(counts, tf.float32), axis=1)
    dimensions = int(crowd.shape[1] or 0)
    return kernels - tf.math.log(count) - float(dimensions / 2.0 * np.log(2.0 * np.pi * width**2))


def uncertainty(h: tf.Tensor, logits: features.Function, masks: tf.Tensor) -> tf.Tensor:
    """The variance (n,) of the probabilities, summed over the classes, when features h (n, d) meet masks (t, d)."""
    draws, width = masks.shape
    read = tf.nn.softmax(logits(tf.reshape(h[:, None, :] * masks[None], (-1, width))))
    return tf.reduce_sum(tf.math.reduce_variance(tf.reshape(read, (-1, draws, read.shape[1])), axis=1), axis=1)


def typical_distance(crowds: list[np.ndarray]) -> float:
    """The root of the mean squared distance between two members of one crowd, over all crowds; 1 where all are one."""
    spreads = [2.0 * crowd.astype(np.float64).var(axis=0).sum() for crowd in crowds]
    return float(np.sqrt(np.mean(spreads))) or 1.0
