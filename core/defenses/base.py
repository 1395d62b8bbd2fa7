"""The four kinds of defense: trainings that harden, transforms of the input, detectors, and certificates.

Each is a frozen dataclass of knobs in a file of its own in this folder; dropping the file in is all it takes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from core import fit, norms
from core.attacks import _inputs
from core.classifier import IMAGES, Classifier
from core.defenses import _front
from core.digits import Digits, bundled
from core.errors import InputError, shown
from core.registry import Idea


@dataclass(frozen=True, kw_only=True)
class Defense(Idea):
    """What every defense has beside its title and its knobs: a `kind`."""

    kind: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class Transform(Defense):
    """A transform of the input: what the network reads is not the image but a cleaned one.

    Class attributes: `gradient`: what an attacker who knows the transform differentiates: "exact", or
    "straight-through" where the transform has no useful gradient of its own and counts as the identity, or "smooth"
    where a smooth function stands for it, or "averaged" over its draws where it is random; `draws`: over how many of
    these a protected network averages, unless it is told; 1 where nothing is random.
    """

    kind = "transform"
    gradient: ClassVar[str]
    draws: ClassVar[int] = 1

    @abstractmethod
    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor:
        """Images (n, 28, 28, 1) in [0, 1] -> the same, as TensorFlow operations with that gradient.

        Whatever is random comes from `draw`, once for all images: no image's outcome depends on its batch mates. The
        operations must serve in a graph that is built once and run by several threads.
        """

    def transform(self, x: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """Images (n, 28, 28, 1) in [0, 1] -> what the network reads in their stead: the same shape and range.

        Of a random transform it is the first of the draws that `protect` makes with that seed.
        """
        x, seed = _inputs.images(x), _inputs.seed(seed)
        return self.apply(tf.constant(x), _front.generator(seed, 0)).numpy()

    def protect(self, model: Classifier, *, draws: int | None = None, seed: int = 0) -> Classifier:
        """The model behind this transform, as one network that every attack runs on; see core/defenses/_front.py."""
        return _front.protect(self, model, draws=draws, seed=seed)


#: What a detector has learnt: images (n, 28, 28, 1) -> how suspicious each is (n,), with a gradient.
Measure = Callable[[tf.Tensor], tf.Tensor]

_HELD = 0.3  # of the clean digits: the share that a detector does not learn from, for its thresholds
_FEWEST = 100  # clean digits that a detector can be fitted on: below, 5 % of those held out are one digit and a half


@dataclass(frozen=True, eq=False)
class Watchman:
    """A detector that has learnt what clean digits look like to one model.

    model: the classifier it watches over; measure: a batch (n, 28, 28, 1) -> how suspicious each is (n,), in
    TensorFlow operations with a gradient, for an attacker who knows the detector; clean: (k,) scores of clean digits
    that it has not learnt from, on which thresholds are set.
    """

    detector: Detector
    model: Classifier
    measure: Measure
    clean: np.ndarray

    @cached_property
    def _own(self) -> Classifier:
        # The same network with graphs of its own: those compiled for this watchman go when it goes, not with the model.
        return Classifier(self.model.keras, name=self.model.name, title=self.model.title)

    def graph(self, key: Any, build: Callable[[], Callable], signature: Sequence[tf.TypeSpec]) -> Any:
        """The compiled graph of that key for this watchman: traced on the first call, then only looked up."""
        return self._own.graph(key, build, signature)

    def score(self, x: np.ndarray) -> np.ndarray:
        """How suspicious each image of x (n, 28, 28, 1) in [0, 1] is: (n,) float32, higher for more."""
        x = _inputs.images(x)
        graph = self.graph("score", lambda: self.measure, [IMAGES])
        return np.concatenate([graph(x[at : at + _ROWS]).numpy() for at in range(0, len(x), _ROWS)])

    def threshold(self, false_alarms: float = 0.05) -> float:
        """The score above which at most that share, in (0, 1), of the clean digits lies."""
        if not 0 < false_alarms < 1:
            raise InputError(
                f"The share of false alarms is {shown(false_alarms)}; a number between 0 and 1, without them, was "
                "expected."
            )
        return float(np.quantile(self.clean, 1.0 - false_alarms, method="higher"))

    def flags(self, x: np.ndarray, threshold: float | None = None) -> np.ndarray:
        """Which images (n, 28, 28, 1) it raises the alarm at: (n,) bool; by default at 5 % of false alarms."""
        return self.score(x) > (self.threshold() if threshold is None else threshold)


_ROWS = 128  # images of one call: several detectors make many copies of each


@dataclass(frozen=True, kw_only=True)
class Detector(Defense):
    """A detector: it leaves the prediction as it is, and says how suspicious an image looks."""

    kind = "detector"

    @abstractmethod
    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        """What `Watchman.measure` is, learnt from these clean digits; whatever is random is drawn here, by the seed.

        No image's score may depend on its batch mates. `watch` is told of a training, where there is one.
        """

    def fit(
        self, model: Classifier, digits: Digits | None = None, *, seed: int = 0, watch: fit.Watch | None = None
    ) -> Watchman:
        """Learn from seven in ten of the clean digits, the bundled ones by default, and keep the others for thresholds.

        watch(done, total, metrics) is told of a training, where the detector has one; where it returns False, the
        detector is left with what it has learnt by then.
        """
        model, seed = _inputs.model(model), _inputs.seed(seed) % 2**31
        digits = bundled() if digits is None else digits
        if len(digits) < _FEWEST:
            raise InputError(f"There are {len(digits)} digits to fit a detector on; at least {_FEWEST} were expected.")
        order = np.random.default_rng([seed, 0]).permutation(len(digits))
        held, learnt = np.split(order, [round(_HELD * len(digits))])
        measure = self.learn(model, digits[learnt], seed=seed, watch=watch)
        watchman = Watchman(self, model, measure, np.empty(0))
        return replace(watchman, clean=watchman.score(digits[held].images))

    def score(self, model: Classifier, x: np.ndarray) -> np.ndarray:
        """How suspicious images x (n, 28, 28, 1) are to the detector fitted on the bundled digits: (n,) float32."""
        key = (_inputs.model(model).version, type(self), self)
        watchman = _fitted.pop(key, None) or self.fit(model)
        _fitted[key] = watchman  # the last used stands last
        for oldest in list(_fitted)[:-_KEPT]:
            _fitted.pop(oldest, None)
        return watchman.score(x)


_KEPT = 8  # watchmen that `Detector.score` remembers
_fitted: dict[Any, Watchman] = {}


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
