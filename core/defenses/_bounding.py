"""What the certificates by bounds of the logits share: a digit is proven where its lowest margin lies above 0."""

import math
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
        def build() -> Callable:
            def least(x: tf.Tensor, y: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
                own = tf.one_hot(y, CLASSES, on_value=np.inf, off_value=0.0)
                return tf.reduce_min(self.lowest(model.keras, x, y, eps) + own, axis=1)

            return least

        given = x, y.astype(np.int32), _outward(eps)
        return self._run(model, ("least", self), build, [IMAGES, CLASS, ROW], *given) > 0

    def reach(self, model: Classifier, x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        read, most = model.predict(x), norms.get(self.norm).diameter
        low, high = np.full(len(x), -1.0), np.full(len(x), most)
        low[self.proven(model, x, read, np.zeros(len(x)), seed)] = 0.0
        open_ = np.flatnonzero(low == 0)
        for _ in range(math.ceil(math.log2(most / PRECISION[self.norm]))):
            if not len(open_):
                break
            middle = (low[open_] + high[open_]) / 2
            held = self.proven(model, x[open_], read[open_], middle, seed)
            low[open_[held]], high[open_[~held]] = middle[held], middle[~held]
        return read, low

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
