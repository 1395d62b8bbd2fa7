"""A network trained on the page: what the job does, in the queue of long work, and what it hands in on the way."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import defenses, digits
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError
from pages.components.jobs import Job

_TRIED = 5  # steps that are timed before the training begins
_FEWEST = 2  # epochs in which a training can show anything
_LONGEST = 3  # times the epochs that the training suggests: more would only learn the digits by heart


@dataclass(frozen=True)
class Lesson:
    """What is trained: from which model, by which training, on how many of the bundled digits, in how many seconds."""

    model: str
    version: str
    training: str
    knobs: tuple[tuple[str, Any], ...]
    count: int
    seconds: int
    seed: int = 0

    @property
    def instance(self) -> Any:
        """The training with its knobs set."""
        return defenses.get(self.training)(**dict(self.knobs))

    @property
    def eps(self) -> float:
        """The budget of the attacks, in L∞, that judge it on the way: its own where that is one, else a mild one."""
        training = self.instance
        own = getattr(training, "eps", 0.0) if getattr(training, "norm", "linf") == "linf" else 0.0
        return own if 0 < own <= 0.5 and self.training != "smoothing_training" else 0.1


def material(count: int) -> tuple[Digits, Digits]:
    """So many bundled digits to learn from, alike of each class, and 500 others to judge by."""
    every = digits.bundled()
    apart = np.arange(len(every)) % 10 == 9
    rest = np.flatnonzero(~apart)
    return every[rest[np.linspace(0, len(rest) - 1, count).astype(int)]], every[np.flatnonzero(apart)]


def run(job: Job, lesson: Lesson, model: Classifier) -> Classifier | None:
    """Train; hand in how it stands after each epoch; None where it was stopped, and nothing is kept of it then.

    Raises InputError, before anything is trained, where not even two epochs fit into the budget.
    """
    training, (learnt, test) = lesson.instance, material(lesson.count)
    each = _epoch_seconds(job, training, model, learnt)
    if not job.wanted:
        return None
    epochs = min(int(lesson.seconds / each), _LONGEST * training.recipe.epochs)
    if epochs < _FEWEST:
        raise InputError(
            f"{training.title} takes about {each:.0f} s for every time it goes through {lesson.count:,} digits, and "
            f"{lesson.seconds} s hold fewer than {_FEWEST} of them. Choose more time, fewer digits, or fewer steps."
        )

    def watch(done: int, total: int, told: dict[str, float]) -> bool:
        if "clean" in told:
            epoch = {"epoch": told["epoch"], "epochs": epochs, "loss": told["loss"]}
            if not job.parts or job.parts[-1]["epoch"] != told["epoch"]:
                job.hand_in({**epoch, "clean": told["clean"], "attacked": told["attacked"]})
        return job.report(done, total)

    hardened = training.harden(
        model, learnt, seed=lesson.seed, epochs=epochs, watch=watch, test=test, test_eps=lesson.eps
    )
    return Classifier(hardened.keras, name="own", title=f"Yours: {training.title}") if job.wanted else None


def _epoch_seconds(job: Job, training: Any, model: Classifier, learnt: Digits) -> float:
    """How long the training takes to go through these digits once, here and now: a few steps on a copy are timed."""
    batch = min(training.recipe.batch, len(learnt))
    stamps, units = [], []

    def watch(done: int, total: int, told: dict[str, float]) -> bool:
        stamps.append(time.monotonic())
        units.append(total)
        return job.wanted

    training.harden(model, learnt[:batch], epochs=_TRIED, watch=watch)
    step = statistics.median(np.diff(stamps)) if len(stamps) > 2 else 1.0
    # A training that makes other networks first counts their steps, too.
    return float(step) * (len(learnt) // batch) * units[-1] / _TRIED if units else 1.0
