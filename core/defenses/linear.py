"""The exact certificate of a linear network."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import bounds, norms
from core.classifier import CLASSES, IMAGE, Classifier
from core.defenses.base import Certificate
from core.knobs import knob
from core.parts import Affine, Unbounded, parts
from core.result import TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Linear(Certificate):
    r"""Measure how far the border of a linear network lies: the margin, divided by how fast a change can take it down.

    $$r = \min_{k \ne y} \frac{f_y(x) - f_k(x)}{\lVert w_y - w_k \rVert_*}$$

    The dual norm in the denominator is L1 for changes in L∞, L2 for L2, and L∞ for L1. For a network of linear layers
    alone the radius is exact, up to rounding: no image nearer is read otherwise, and farther away there is one. That
    one may lie outside of [0, 1], though, which this certificate does not look at: of the images within [0, 1] the
    radius is proven as well, and might be larger.

    Hein and Andriushchenko 2017, https://arxiv.org/abs/1705.08475, prove it for linear networks, and go on to others.
    """

    title = "Linear, exact"

    norm: str = knob("linf", "Norm", choices=("linf", "l2", "l1"), help="How a change of the image is measured")

    def proven(self, model: Classifier, x: np.ndarray, y: np.ndarray, eps: np.ndarray, seed: int) -> np.ndarray:
        return self._distance(model, x, y) >= eps

    def reach(self, model: Classifier, x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        read = model.predict(x)
        return read, np.minimum(self._distance(model, x, read), norms.get(self.norm).diameter)

    def _distance(self, model: Classifier, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far (n,) the border of class y (n,) is proven to lie; below 0 for an image beyond it."""
        weights, offset, sums, bulk, share = _matrix(model)
        flat = x.reshape(len(x), -1).astype(np.float64)
        logits, rounded = flat @ weights + offset, share * (flat @ sums + bulk)
        own = np.arange(len(x)), y
        # Both logits round, the more the larger the pixels are: what that takes off the margin grows with the change.
        gap = logits[own][:, None] - logits - (rounded[own][:, None] + rounded)
        speed = np.empty((CLASSES, CLASSES))  # how fast a change can take down the margin of one class over another
        grown = share * self._dual(sums)
        for k in range(CLASSES):
            speed[k] = self._dual(weights[:, [k]] - weights) + grown[k] + grown
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = np.where(gap > 0, gap / speed[y], -1.0) - TOLERANCE
        reached[own] = np.inf
        return reached.min(axis=1)

    def _dual(self, columns: np.ndarray) -> np.ndarray:
        """The dual norm of each column of (784, k): (k,)."""
        return np.linalg.norm(columns, ord={"linf": 1, "l2": 2, "l1": np.inf}[self.norm], axis=0)


def _matrix(model: Classifier) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """The network as one matrix (784, 10) and offset (10,); the same of absolute values; what share of them rounds."""
    pixels = tf.reshape(tf.eye(norms.PIXELS), (-1, *IMAGE))
    weights, sums = pixels, pixels
    offset, bulk = tf.zeros((1, *IMAGE)), tf.zeros((1, *IMAGE))
    share = 0.0
    for layer in bounds.chain(model.keras):
        for part in parts(layer, offset):
            if not isinstance(part, Affine):
                raise Unbounded(
                    f"The layer {layer.name!r} is not linear, and this certificate is exact because all layers are. "
                    "Choose a network of linear layers alone, or the certificate by CROWN."
                )
            weights, offset = part.linear(weights), part.linear(offset)
            sums, bulk = part.spread(sums), part.spread(bulk)
            if part.offset is not None and part.bulk is not None:
                offset, bulk = tf.nn.bias_add(offset, part.offset), tf.nn.bias_add(bulk, part.bulk)
            share += bounds.rounding(part.terms)
    weights, offset, sums, bulk = (np.asarray(each, np.float64) for each in (weights, offset, sums, bulk))
    return weights, offset[0], sums, bulk[0], share
