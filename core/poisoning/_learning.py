"""How the victim trains: a network with fresh weights, on whatever set he was given."""

from __future__ import annotations

from dataclasses import replace

from core import copies, fit
from core.attacks import _inputs
from core.classifier import Classifier
from core.digits import Digits
from core.objectives import CrossEntropy, Objective

#: A short training. On the bundled digits it takes seconds, and 20 epochs see 100,000 digits.
PLAN = fit.Plan(epochs=20, batch=64, rate=2e-3, decay="cosine", warmup=0.1)

_SEEN = 100_000  # digits that a training sees by default: 20 times those of a small set, but twice those of all MNIST


def epochs_for(count: int) -> int:
    """How often a set of that many digits is seen by default."""
    return max(min(_SEEN // max(count, 1), PLAN.epochs), 3)


def learn(
    model: Classifier,
    digits: Digits,
    *,
    epochs: int | None = None,
    seed: int = 0,
    fresh: bool = True,
    objective: Objective | None = None,
    watch: fit.Watch | None = None,
    title: str = "",
) -> Classifier:
    """A network built as `model` is, trained on these digits; the model itself is not changed.

    fresh: begin with weights drawn by the seed, else go on from the model's; epochs: how often the digits are seen,
    None for as many as suit their number; objective: cross-entropy, if not given; watch(done, total, metrics) may
    return False to end the training with what is learnt.
    """
    model, seed = _inputs.model(model), _inputs.seed(seed) % 2**31
    network = copies.of(model.keras, copies.he if fresh else None, seed)
    fit.fit(network, digits, plan(digits, epochs, seed), objective=objective or CrossEntropy(), watch=watch)
    return Classifier(network, name=f"{model.name}_learnt", title=title or model.title)


def plan(digits: Digits, epochs: int | None, seed: int) -> fit.Plan:
    """The plan of that training."""
    return replace(PLAN, epochs=epochs or epochs_for(len(digits)), seed=seed)
