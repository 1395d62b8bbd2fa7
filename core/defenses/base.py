"""The four kinds of defense: trainings that harden, transforms of the input, detectors, and certificates.

Each is a frozen dataclass of knobs in a file of its own in this folder; dropping the file in is all it takes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from core import fit, knobs, norms
from core.attacks import _inputs
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError, shown
from core.objectives import Moment


@dataclass(frozen=True, kw_only=True)
class Defense(ABC):
    """What every defense has: a `kind`, a `title`, and knobs whose values are checked when it is made."""

    name: ClassVar[str]
    kind: ClassVar[str]
    title: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = cls.__module__.rpartition(".")[2]

    def __post_init__(self) -> None:
        knobs.check(self)


@dataclass(frozen=True, kw_only=True)
class Training(Defense):
    """A training that hardens: an objective (see core/objectives.py) with the plan that suits it.

    Class attributes: `recipe`, the plan of a short training on a few thousand digits; `anew`: it needs a network with
    fresh weights, where others start from those that the network has.
    """

    kind = "training"
    recipe: ClassVar[fit.Plan] = fit.Plan(epochs=10, batch=128, rate=1e-3, decay="cosine", warmup=0.1)
    anew: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        """Batch (n, 28, 28, 1), classes int (n,) -> each digit's loss (n,) and the logits (n, 10) it was scored by."""

    def plan(self, epochs: int | None = None, seed: int = 0) -> fit.Plan:
        """The plan of a short training; epochs: None for as many as the defense suggests."""
        return replace(self.recipe, epochs=self.recipe.epochs if epochs is None else epochs, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Transform(Defense):
    """A transform of the input: what the network reads is not the image but a cleaned one.

    Class attributes: `gradient`: what an attacker who knows the transform differentiates: "exact", or
    "straight-through" where the transform has no useful gradient of its own and counts as the identity, or "averaged"
    over its draws where it is random.
    """

    kind = "transform"
    gradient: ClassVar[str]

    @abstractmethod
    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        """Images (n, 28, 28, 1) in [0, 1] -> the same, as TensorFlow operations with that gradient.

        Whatever is random comes from `draw`, once for all images: no image's outcome depends on its batch mates.
        """

    def transform(self, x: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """Images (n, 28, 28, 1) in [0, 1] -> what the network reads in their stead: the same shape and range."""
        x, seed = _inputs.images(x), _inputs.seed(seed)
        return self.apply(tf.constant(x), np.random.default_rng([seed, 0])).numpy()


@dataclass(frozen=True)
class Watchman:
    """A detector that has learnt what clean digits look like to one model.

    model: the classifier it watches over; measure: a batch (n, 28, 28, 1) -> how suspicious each is (n,), in
    TensorFlow operations with a gradient, for an attacker who knows the detector; clean: (k,) scores of clean digits
    that it has not learnt from, on which thresholds are set.
    """

    detector: Detector
    model: Classifier
    measure: Callable[[tf.Tensor], tf.Tensor]
    clean: np.ndarray

    def threshold(self, false_alarms: float = 0.05) -> float:
        """The score above which at most that share, in (0, 1), of the clean digits lies."""
        if not 0 < false_alarms < 1:
            raise InputError(
                f"The share of false alarms is {shown(false_alarms)}; a number between 0 and 1, without them, was "
                "expected."
            )
        return float(np.quantile(self.clean, 1.0 - false_alarms, method="higher"))


@dataclass(frozen=True, kw_only=True)
class Detector(Defense):
    """A detector: it leaves the prediction as it is, and says how suspicious an image looks."""

    kind = "detector"

    @abstractmethod
    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0) -> Callable[[tf.Tensor], tf.Tensor]:
        """What `Watchman.measure` is, learnt from these clean digits."""


@dataclass(frozen=True, kw_only=True)
class Certificate(Defense):
    """A certificate: a proof that no image within a radius is read otherwise, or no answer. Never an estimate.

    Class attributes: `norm`, the one that radii are measured in; where there are several, it is a knob.
    """

    kind = "certificate"
    norm: ClassVar[str]

    @abstractmethod
    def proven(self, model: Classifier, x: np.ndarray, y: np.ndarray, eps: np.ndarray, seed: int) -> np.ndarray:
        """What `certify` returns, of what it has checked: y and eps (n,)."""

    @abstractmethod
    def reach(self, model: Classifier, x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The class (n,) that each image is read as; the radius (n,) within which that is proven, below 0 for none."""

    def certify(
        self, model: Classifier, x: np.ndarray, y: np.ndarray, eps: float | np.ndarray, *, seed: int = 0
    ) -> np.ndarray:
        """(n,) bool: whether every image in [0, 1] within eps of x (n, 28, 28, 1) is proven to be read as y (n,).

        eps: one number, or one for each image. No image's outcome depends on its batch mates; only where a certificate
        draws at random does it depend on the seed.
        """
        model, x, budget = self._given(model, x, eps)
        return self.proven(model, x, _inputs.labels(y, len(x)), budget, _inputs.seed(seed))

    def radius(self, model: Classifier, x: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """(n,) float64: up to which radius each image is proven to be read as it is now; 0 where nothing is proven."""
        return np.maximum(self.reach(_inputs.model(model), _inputs.images(x), _inputs.seed(seed))[1], 0.0)

    def curve(
        self, model: Classifier, x: np.ndarray, y: np.ndarray, grid: Sequence[float] | np.ndarray, *, seed: int = 0
    ) -> np.ndarray:
        """(k,) float64: the share of the digits that are proven to be read as y, at each eps of grid (k,)."""
        model, x = _inputs.model(model), _inputs.images(x)
        y, radii = _inputs.labels(y, len(x)), self._budget(grid, np.size(grid))
        read, reach = self.reach(model, x, _inputs.seed(seed))
        return ((read == y) & (reach >= radii[:, None])).mean(axis=1)

    def _given(
        self, model: Classifier, x: np.ndarray, eps: float | np.ndarray
    ) -> tuple[Classifier, np.ndarray, np.ndarray]:
        """The three, checked: eps (n,) float64."""
        model, x = _inputs.model(model), _inputs.images(x)
        return model, x, self._budget(eps, len(x))

    def _budget(self, eps: Any, count: int) -> np.ndarray:
        if eps is None:
            raise InputError("eps is missing; one number, or one for each image, was expected.")
        found = _inputs.budget(eps, count, norms.get(self.norm), optional=False)
        assert found is not None
        return found
