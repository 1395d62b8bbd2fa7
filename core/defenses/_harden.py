"""What all trainings that harden have in common: how a copy is trained, watched, judged on the way, and given back."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import keras
import tensorflow as tf

from core import copies, fit, lowering
from core.attacks import _inputs
from core.classifier import Classifier
from core.defenses.base import Defense
from core.digits import Digits
from core.errors import InputError
from core.objectives import Moment, Objective, attacked, away_from

_JUDGED = 500  # digits, at most, that a training which can collapse is judged on and does not learn from
_ABOUT = 0.02  # accuracies this near are alike, on so few digits
_FALLEN = 0.2  # a fall of the attacked accuracy by that much is a collapse


@dataclass(frozen=True, kw_only=True)
class Training(Defense):
    """A training that hardens: an objective (see core/objectives.py), with the plan that suits it on a few digits.

    Class attributes: `recipe`, the plan of a short training; `fresh`: it always begins with fresh weights; `checked`:
    PGD at `eps` judges the network after each epoch on digits that are kept apart, the best weights are kept, and a
    collapse ends the training.
    """

    kind = "training"
    recipe: ClassVar[fit.Plan] = fit.Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)
    fresh: ClassVar[bool] = False
    checked: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        """Batch (n, 28, 28, 1), classes int (n,) -> each digit's loss (n,) and the logits (n, 10) it was scored by."""

    def plan(self, epochs: int | None = None, seed: int = 0) -> fit.Plan:
        """The plan of a short training; epochs: None for as many as the defense suggests."""
        return replace(self.recipe, epochs=self.recipe.epochs if epochs is None else epochs, seed=seed)

    def first(self, shape: tuple[int, ...]) -> float:
        """The standard deviation of a kernel's fresh weights."""
        return copies.he(shape)

    def prepared(
        self, network: keras.Model, digits: Digits, plan: fit.Plan, watch: fit.Watch | None
    ) -> tuple[Objective, fit.Watch | None]:
        """What is minimised, and who is told of it: a training that learns from other networks makes them first."""
        return self, watch

    def harden(
        self,
        model: Classifier,
        digits: Digits,
        *,
        seed: int = 0,
        watch: fit.Watch | None = None,
        epochs: int | None = None,
        anew: bool = False,
        test: Digits | None = None,
        test_eps: float | None = None,
    ) -> Classifier:
        """A hardened copy of the model, trained on these digits; the model itself is not changed.

        `watch` is told of progress as in core.fit, and where it returns False the training ends with what it has
        learnt; epochs: how often the digits are seen, None for as many as the defense suggests; anew: forget the
        model's weights first; test: digits to judge the network by after each epoch, so that `watch` is also told of
        its accuracy on them, "clean" and "attacked" (PGD, 20 steps, L∞, within test_eps). Raises InputError for what it
        cannot use, and fit.Diverged where the loss is no number.
        """
        model, seed = _inputs.model(model), _inputs.seed(seed)
        network = copies.of(model.keras, self.first if anew or self.fresh else None, seed)
        self.train(network, digits, self.plan(epochs, seed), watch=watch, test=test, test_eps=test_eps)
        return Classifier(network, name=f"{model.name}_{self.name}", title=f"{model.title}, {self.title}")

    def train(
        self,
        network: keras.Model,
        digits: Digits,
        plan: fit.Plan,
        *,
        watch: fit.Watch | None = None,
        checkpoint: Path | None = None,
        test: Digits | None = None,
        test_eps: float | None = None,
    ) -> fit.Fitted:
        """Train the network in place, by that plan."""
        if self.checked and test is None:
            apart = min(_JUDGED, len(digits) // 10)
            if not apart:
                raise InputError(
                    f"There are {len(digits)} digits to train on. {self.title} keeps a tenth of them apart to judge "
                    "by, so at least 10 are needed."
                )
            digits, test = digits[:-apart], digits[-apart:]
        objective, told = self.prepared(network, digits, plan, watch)
        if test is None:
            return fit.fit(network, digits, plan, objective=objective, watch=told, checkpoint=checkpoint)
        judge = _Judge(network, test, getattr(self, "eps", 0.1) if test_eps is None else test_eps)
        epoch, left = len(digits) // min(plan.batch, len(digits)), False

        def look(done: int, total: int, metrics: dict[str, float]) -> bool:
            nonlocal left
            said = metrics
            if done % epoch == 0:
                judge.look()
                said = metrics | judge.seen  # between two epochs it would be the last one's
            left = told is not None and told(done, total, said) is False
            return not left and not (self.checked and judge.fallen)

        fitted = fit.fit(network, digits, plan, objective=objective, watch=look, checkpoint=checkpoint)
        if self.checked and judge.fallen:
            judge.restore()
        # A training that collapsed was ended, and is as finished as it will be; only its watcher can have stopped it.
        return replace(fitted, stopped=left)


class _Judge:
    """Looks how a training stands, on digits that it does not learn from, and keeps the last good weights."""

    def __init__(self, network: keras.Model, digits: Digits, eps: float):
        self.network, self.seen, self.best = network, dict[str, float](), -1.0
        self.weights = network.get_weights()
        x, y = tf.constant(digits.images), tf.constant(digits.labels)
        seed = tf.constant([0, 0])

        def share(logits: tf.Tensor) -> tf.Tensor:
            return tf.reduce_mean(tf.cast(tf.argmax(logits, -1, y.dtype) == y, tf.float32))

        def right() -> tuple[tf.Tensor, tf.Tensor]:
            forward = lowering.forward(network)
            worse = attacked(forward, x, away_from(y), eps=tf.constant(eps), steps=20, step_size=0.1, seed=seed)
            return share(forward(x)), share(forward(worse))

        self._right = tf.function(right, autograph=False)

    def look(self) -> None:
        clean, withstood = (float(each) for each in self._right())
        self.seen = {"clean": clean, "attacked": withstood}
        # The latest weights are kept as long as they are about the best: they have learnt for longest.
        if withstood >= self.best - _ABOUT:
            self.weights = self.network.get_weights()
        self.best = max(self.best, withstood)

    @property
    def fallen(self) -> bool:
        """Whether it has collapsed since its best."""
        return bool(self.seen) and self.seen["attacked"] < self.best - _FALLEN

    def restore(self) -> None:
        self.network.set_weights(self.weights)
