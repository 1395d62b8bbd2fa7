"""The one training loop: batches, learning-rate schedule, progress, checkpoints, cancel.

What is minimised is an objective (see core/objectives.py), a function that is compiled into the training step.

Everything random comes from the plan's seed and from the number of the step, so that a training that was cut off and
goes on from its checkpoint ends with the same weights, bit for bit, as one that was not (on the same machine and
threads).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.digits import Digits, fingerprint
from core.errors import InputError
from core.objectives import CrossEntropy, Moment, Objective, Shaping

#: `watch(done, total, metrics)`: called at intervals with the number of steps done; False stops the training.
Watch = Callable[[int, int, dict[str, float]], bool | None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a training runs: Adam or SGD, in epochs of freshly shuffled full batches.

    The learning rate rises linearly from 0 to `rate` over the share `warmup` of the training, then falls to 0 as
    `decay` says: "cosine", "linear", or not at all ("constant"). `average` > 0 keeps an exponential average of the
    weights with that decay at each step, which the model gets in the end: it is worth about a tenth of a point on
    MNIST, for nothing. `clip` > 0 shortens every step's gradient by all the weights to that L2 norm.
    """

    epochs: int = 10
    batch: int = 128
    rate: float = 1e-3
    warmup: float = 0.0
    decay: str = "constant"
    optimiser: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    average: float = 0.0
    clip: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._need("epochs", self.epochs >= 1, "at least 1")
        self._need("batch", self.batch >= 1, "at least 1")
        self._need("rate", math.isfinite(self.rate) and self.rate > 0, "a number above 0")
        self._need("warmup", 0 <= self.warmup <= 1, "between 0 and 1")
        self._need("decay", self.decay in ("constant", "cosine", "linear"), "constant, cosine or linear")
        self._need("optimiser", self.optimiser in ("adam", "sgd"), "adam or sgd")
        self._need("momentum", 0 <= self.momentum < 1, "at least 0 and below 1")
        self._need("weight_decay", 0 <= self.weight_decay < 1, "at least 0 and below 1")
        self._need("average", 0 <= self.average < 1, "at least 0 and below 1")
        self._need("clip", math.isfinite(self.clip) and self.clip >= 0, "0, for no clipping, or a number above")
        self._need("seed", 0 <= self.seed < 2**31, "between 0 and 2147483647")

    def _need(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise InputError(f"The training plan's {name} is {getattr(self, name)!r}; it must be {wanted}.")

    def rate_at(self, share: float) -> float:
        """The learning rate when this share of the training, in [0, 1), is done."""
        if share < self.warmup:
            return self.rate * share / self.warmup
        left = (1 - share) / (1 - self.warmup) if self.warmup < 1 else 0.0
        return self.rate * {"constant": 1.0, "linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * left)}[self.decay]


class Diverged(InputError):
    """A training whose loss is no number any more; what the network has learnt is lost."""


@dataclass(frozen=True)
class Fitted:
    """How a training went: steps `done` of `total`, whether it was `stopped` before its end, and each epoch's
    metrics."""

    done: int
    total: int
    stopped: bool
    history: tuple[dict[str, float], ...]


def fit(
    model: keras.Model,
    digits: Digits,
    plan: Plan,
    *,
    objective: Objective | None = None,
    watch: Watch | None = None,
    every: int = 50,
    checkpoint: Path | str | None = None,
) -> Fitted:
    """Train `model`, which returns logits, in place.

    `watch` is called every so many steps and at each epoch's end, with the epoch, its loss and accuracy so far, and
    the learning rate; where it returns False the training stops and the model keeps what it has learnt. With a
    `checkpoint` the state is saved to that file at each epoch's end and on a stop, and a training whose file exists
    goes on from there. Raises InputError where the file is damaged or belongs to another training, and Diverged where
    the loss is no number.
    """
    if len(digits) == 0:
        raise InputError("There are no digits to train on.")
    training = _Training(model, digits, plan, objective or CrossEntropy())
    path = Path(checkpoint) if checkpoint else None
    if path and path.exists():
        training.restore(path)
    stopped = False
    while not stopped and training.done < training.total:
        epoch_over = training.step()
        if watch and (epoch_over or training.done % every == 0):
            stopped = watch(training.done, training.total, training.metrics()) is False
        if epoch_over:
            training.close_epoch()
        if path and (epoch_over or stopped):
            training.save(path)
    training.settle()
    return Fitted(training.done, training.total, stopped, tuple(training.history))


@dataclass(eq=False)
class _Training:
    """A training under way: what `fit` steps through, saves and restores."""

    model: keras.Model
    digits: Digits
    plan: Plan
    objective: Objective
    done: int = 0
    sums: list[float] = field(
        default_factory=lambda: [0.0, 0.0, 0.0]
    )  # of loss, of right answers, of digits, this epoch
    history: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.batch = min(self.plan.batch, len(self.digits))
        # The shuffle's last, broken batch is left out: all steps have one shape, and the next shuffle brings it back.
        self.per_epoch = len(self.digits) // self.batch
        self.total = self.per_epoch * self.plan.epochs
        self.optimizer = _optimizer(self.plan)
        self.optimizer.build(self.model.trainable_variables)
        self._batches = self._shuffled()
        self._step = tf.function(self._compiled_step, autograph=False)

    def _compiled_step(
        self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor, moment: Moment
    ) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self.model.trainable_variables
        if isinstance(self.objective, Shaping):
            losses, logits, gradients = self.objective.gradients(self.model, x, y, moment)
        else:
            with tf.GradientTape() as tape:
                losses, logits = self.objective(self.model, x, y, moment)
                mean = tf.reduce_mean(losses)
            gradients = tape.gradient(mean, variables)
        if self.plan.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, self.plan.clip)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(gradients, variables)
        if logits is None:
            return tf.reduce_sum(losses), tf.constant(math.nan)
        right = tf.reduce_sum(tf.cast(tf.argmax(logits, -1, y.dtype) == y, tf.float32))
        return tf.reduce_sum(losses), right

    def _shuffled(self) -> Iterator[np.ndarray]:
        """The rows of each batch from step `done` on. The shuffle depends on seed and epoch alone: resuming needs no
        state."""
        for epoch in range(self.done // self.per_epoch, self.plan.epochs):
            order = np.random.default_rng([self.plan.seed, epoch]).permutation(len(self.digits))
            for start in range(self.done % self.per_epoch, self.per_epoch):
                yield order[start * self.batch : (start + 1) * self.batch]

    def step(self) -> bool:
        """One step; True if it was its epoch's last."""
        rows = next(self._batches)
        share = self.done / self.total
        moment = Moment(tf.constant(share, tf.float32), tf.constant([self.plan.seed, self.done], tf.int32))
        loss, right = self._step(
            tf.constant(self.digits.images[rows]),
            tf.constant(self.digits.labels[rows]),
            tf.constant(self.plan.rate_at(share), tf.float32),
            moment,
        )
        if not math.isfinite(float(loss)):
            raise Diverged(
                f"The training has diverged: after {self.done:,} of {self.total:,} steps the loss is no number any "
                "more. A lower learning rate, a smaller ε or a weaker knob keeps it calm."
            )
        self.sums = [
            old + new for old, new in zip(self.sums, (float(loss), float(right), float(len(rows))), strict=True)
        ]
        self.done += 1
        return self.done % self.per_epoch == 0

    def metrics(self) -> dict[str, float]:
        """The epoch (from 1), the mean loss and accuracy over it so far, and the learning rate of the last step."""
        loss, right, count = self.sums
        return {
            "epoch": (self.done - 1) // self.per_epoch + 1,
            "loss": loss / max(count, 1.0),
            "accuracy": right / max(count, 1.0),
            "rate": self.plan.rate_at((self.done - 1) / self.total),
        }

    def close_epoch(self) -> None:
        self.history.append(self.metrics())
        self.sums = [0.0, 0.0, 0.0]

    def settle(self) -> None:
        """Give the model its averaged weights, if the plan keeps an average."""
        if self.plan.average and self.done:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)

    # ------------------------------------------------------------------------------------------------------ checkpoints

    def _variables(self) -> list[Any]:
        # A model's variables include the state of its dropout layers' random generators.
        return [*self.model.variables, *self.optimizer.variables]

    def _identity(self) -> str:
        """What a checkpoint must agree on to belong to this training."""
        network = [(type(layer).__name__, _nameless(layer.get_config())) for layer in self.model.layers]
        parts = (self.plan, self.objective, network, fingerprint(self.digits))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the whole state, or leave the file that was there: never half of it."""
        state = {"identity": self._identity(), "done": self.done, "sums": self.sums, "history": self.history}
        packed = io.BytesIO()
        arrays = {f"v{i}": np.asarray(variable) for i, variable in enumerate(self._variables())}
        arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
        np.savez(packed, **arrays)  # pyright: ignore[reportArgumentType]
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part-{os.getpid()}")
        try:
            with open(part, "wb") as file:
                file.write(packed.getvalue())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)  # half a file on a full disk takes room and is of no use

    def restore(self, path: Path) -> None:
        """Take up the state of a checkpoint."""
        anew = "Delete it to begin that training anew."
        variables = self._variables()
        try:
            with np.load(path, allow_pickle=False) as file:
                state = json.loads(file["state"].tobytes())
                arrays = [file[f"v{i}"] for i in range(len(file.files) - 1)]
        except (
            Exception
        ) as fault:  # a damaged file shows itself as any of six exceptions of zipfile, zlib, json and NumPy
            raise InputError(f"The checkpoint {path} is damaged ({fault}). {anew}") from fault
        shapes = [tuple(variable.shape) for variable in variables]
        if state["identity"] != self._identity() or [array.shape for array in arrays] != shapes:
            raise InputError(
                f"The checkpoint {path} belongs to another training (model, plan, objective or digits differ). {anew}"
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        self.done, self.sums, self.history = state["done"], state["sums"], state["history"]


def _nameless(config: Any) -> Any:
    """A layer's configuration without names: Keras numbers those by what else the process has built."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, list | tuple) else config


def _optimizer(plan: Plan) -> keras.Optimizer:
    """A fresh optimiser; its learning rate is set at each step."""
    common: dict[str, Any] = {"learning_rate": 0.0, "weight_decay": plan.weight_decay or None}
    if plan.average:
        common |= {"use_ema": True, "ema_momentum": plan.average}
    if plan.optimiser == "sgd":
        return keras.optimizers.SGD(momentum=plan.momentum, nesterov=plan.momentum > 0, **common)
    return keras.optimizers.Adam(**common)


def describe(plan: Plan, objective: Objective) -> dict[str, Any]:
    """Every hyper-parameter of a training, for a model's card."""
    # An objective is a dataclass in this project, so its fields are the whole of it.
    return {"plan": asdict(plan), "objective": {"name": type(objective).__name__, **asdict(objective)}}  # type: ignore[call-overload]
