"""What the certificates by bounds of the logits share: a digit is proven where its lowest margin lies above 0."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import norms
from core.attacks._parts import abreast
from core.bounds import Box
from core.classifier import CLASSES, IMAGES, Classifier
from core.defenses._crossing import crossing
from core.defenses.base import Certificate
from core.result import TOLERANCE
from core.specs import CLASS, ROW

#: Of a radius, by norm: the radius is proven, and one that is larger by this is not.
PRECISION = {"linf": 5e-4, "l2": 5e-3, "l1": 5e-2}


@dataclass(frozen=True, kw_only=True)
class Bounding(Certificate):
    """A certificate by bounds.

    They are asked about eps + 1e-6, because so much beyond its budget is still granted to an attack, and they cover
    rounding: what is proven holds for the logits as they are computed.
    """

    @abstractmethod
    def lowest(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """By how much at least (n, 10) the logit of y (n,) exceeds each other's within eps (n,), in TensorFlow."""

    @abstractmethod
    def box(self, model: keras.Model, x: tf.Tensor, eps: tf.Tensor) -> Box:
        """The logits' box (n, 10) within eps (n,), in TensorFlow."""

    @abstractmethod
    def rows(self, model: Classifier) -> int:
        """How many images go into one call; InputError for a model that cannot be bounded."""

    def bounds(self, model: Classifier, x: np.ndarray, eps: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest logits, each (n, 10) float32, of all images within eps of x (n, 28, 28, 1)."""
        model, x, budget = self._given(model, x, eps)

        def build() -> Callable:
            def ends(x: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
                box = self.box(model.keras, x, eps)
                return tf.stack([box.low, box.high], axis=1)

            return ends

        found = self._run(model, ("box", self), build, [IMAGES, ROW], x, _outward(budget))
        return found[:, 0], found[:, 1]

    def proven(self, model: Classifier, x: np.ndarray, y: np.ndarray, eps: np.ndarray, seed: int) -> np.ndarray:
        return self._least(model, x, y, eps) > 0

    def reach(self, model: Classifier, x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        logits = model.logits(x)
        read, (second, first) = logits.argmax(axis=1), np.sort(logits, axis=1).T[-2:]

        def curve(rows: np.ndarray, eps: np.ndarray) -> np.ndarray:
            return self._least(model, x[rows], read[rows], eps)

        found = crossing(curve, first - second, norms.get(self.norm).diameter, PRECISION[self.norm])
        if len(none := np.flatnonzero(found == 0)):
            found[none[curve(none, found[none]) <= 0]] = -1.0
        return read, found

    def _least(self, model: Classifier, x: np.ndarray, y: np.ndarray, eps: np.ndarray) -> np.ndarray:
        """By how much at least (n,) the logit of y (n,) exceeds every other within eps (n,)."""

        def build() -> Callable:
            def least(x: tf.Tensor, y: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
                own = tf.one_hot(y, CLASSES, on_value=np.inf, off_value=0.0)
                return tf.reduce_min(self.lowest(model.keras, x, y, eps) + own, axis=1)

            return least

        return self._run(model, ("least", self), build, [IMAGES, CLASS, ROW], x, y.astype(np.int32), _outward(eps))

    def _run(
        self, model: Classifier, key: Any, build: Callable, signature: list[tf.TensorSpec], *given: np.ndarray
    ) -> np.ndarray:
        """The compiled graph's answer for all images, from parts of them side by side."""
        rows, count = self.rows(model), len(given[0])
        graph = model.graph(key, build, signature)
        parts = [slice(at, at + rows) for at in range(0, count, rows)]
        return np.concatenate(abreast(lambda part: graph(*(each[part] for each in given)).numpy(), parts))


def _outward(eps: np.ndarray) -> np.ndarray:
    """The budgets (n,), as float32, with what the judge of an attack grants beyond them."""
    return np.nextafter((eps + TOLERANCE).astype(np.float32), np.float32(np.inf))
