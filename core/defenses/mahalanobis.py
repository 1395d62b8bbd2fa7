"""The Mahalanobis distance in a feature layer."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy.linalg import solve_triangular
from sklearn.covariance import ShrunkCovariance

from core import features, fit
from core.classifier import Classifier
from core.defenses.base import Detector, Measure
from core.digits import Digits
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Mahalanobis(Detector):
    r"""Take each class for a cloud in the last hidden layer, and ask how far from the digit's cloud its features lie.

    $$s(x) = \sqrt{(h(x) - \mu_c)^\top\, \Sigma^{-1}\, (h(x) - \mu_c)}$$

    h are the features, μ the classes' means, and Σ the covariance about them, one for all classes: a step is long where
    clean digits hardly differ. c is the class that the network reads, or the one whose cloud is nearest, as in the
    paper.

    Lee, Lee, Lee and Shin, "A simple unified framework for detecting out-of-distribution samples and adversarial
    attacks", NeurIPS 2018, https://arxiv.org/abs/1807.03888
    """

    title = "Mahalanobis distance"

    cloud: str = knob("read", "Cloud", choices=("read", "nearest"), help="Of the class that is read, or of the nearest")
    shrinkage: float = knob(
        0.001, "Shrinkage", 0.0001, 1.0, step=0.001, help="How far the covariance is drawn towards a round one"
    )

    layer: int = knob(2, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer")

    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        hidden, logits = features.halves(model, self.layer)
        means, white = clouds(features.of(hidden, digits.images), digits.labels, self.shrinkage)
        means, white = tf.constant(means @ white, tf.float32), tf.constant(white, tf.float32)

        def measure(x: tf.Tensor) -> tf.Tensor:
            h = hidden(x)
            apart = tf.matmul(h, white)[:, None, :] - means[None]
            # The root has no slope at 0, where no image but the cloud's own middle lies.
            distance = tf.sqrt(tf.reduce_sum(apart * apart, axis=2) + 1e-12)
            if self.cloud == "nearest":
                return tf.reduce_min(distance, axis=1)
            return tf.gather(distance, tf.argmax(logits(h), axis=1), batch_dims=1)

        return measure


def clouds(points: np.ndarray, labels: np.ndarray, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
    """The classes' means (10, d), and the matrix W (d, d) for which ||x W|| is the Mahalanobis length of x; float64."""
    apart = features.by_class(points.astype(np.float64), labels)
    means = np.stack([each.mean(axis=0) for each in apart])
    about = np.concatenate([each - mean for each, mean in zip(apart, means, strict=True)])
    found = ShrunkCovariance(shrinkage=shrinkage, assume_centered=True, store_precision=False).fit(about).covariance_
    if not found.any():  # all digits of a class are one: no distance can be told
        return means, found
    root = np.linalg.cholesky(found)
    return means, solve_triangular(root, np.eye(len(root)), lower=True).T
