"""The digit, the budget and the networks that the Learn page speaks of, and what its figures are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from core import attacks, digits
from core.classifier import Classifier
from core.digits import Digits
from core.result import Result
from pages.components import cache, packing, session
from pages.components.jobs import Job
from pages.components.session import View

EPS, NORM = session.snap(0.15, "linf"), "linf"  # one budget, which the whole page speaks of
PLAIN, MASKED, PROVEN = "plain_cnn", "distilled_cnn", "certified_cnn"
COUNT = 200  # digits that are counted
_TINY = 1e-30  # below which a probability is not followed: its logarithm has an end


def view() -> View:
    """The digit of the page, its network, its attack and its budget."""
    return replace(session.first(), eps=EPS)


def counted() -> Digits:
    """The digits that are counted: evenly from the bundled ones, as many of each class."""
    every = digits.bundled()
    return every[np.linspace(0, len(every), COUNT, endpoint=False).astype(int)]


def answering(model: Classifier) -> Classifier:
    """The same network as seen by who takes the gradient of its answer: its probabilities, whose slope may round to 0.

    Their logarithms stand in for its logits, so it reads the same.
    """
    entry = keras.Input((28, 28, 1))
    shares = keras.ops.softmax(model.keras(entry))
    return Classifier(keras.Model(entry, keras.ops.log(keras.ops.maximum(shares, _TINY))), name=f"{model.name}_answer")


def swept() -> dict[str, Any]:
    """The digit at every ε, from the cache that the Attack page begins with."""
    return cache.swept(cache.question(view()))


def attacked(name: str) -> Result:
    """The digit under the attack of that name."""
    now = view()
    return attacks.get(name)()(cache.model(PLAIN), now.x[None], np.array([now.y]), eps=EPS, norm=NORM)


def unseen() -> Job:
    """A part of this job that reports to nobody; the page's own job is the one that is looked at."""
    return Job(lambda job: None, "", patience=600.0)


def right(model: Classifier, some: Digits) -> int:
    return int((model.predict(some.images) == some.labels).sum())


def standing(told: Result) -> int:
    """How many are read right before and after."""
    return int((~told.already_wrong & ~told.success).sum())


def plain(x: np.ndarray) -> dict[str, Any]:
    return {"grey": packing.grey(x)}


def change(told: Result) -> dict[str, Any]:
    return {"change": packing.quantised(told.change)[0]}


def read(shares: np.ndarray, label: int) -> dict[str, Any]:
    """What a card says of the ten probabilities."""
    return {"chip": int(shares.argmax()), "label": label, "sure": float(shares.max())}


def bar(word: str, value: int, tone: str = "") -> dict[str, Any]:
    return {"word": word, "value": value, "most": COUNT, "text": f"{value} of {COUNT}", "tone": tone}
