"""How the victim trains: a network with fresh weights, on whatever set he was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core import copies, fit
from core.attacks import _inputs
from core.classifier import Classifier
from core.digits import Digits
from core.objectives import CrossEntropy, Objective

#: A short training: seconds on the bundled digits.
PLAN = fit.Plan(epochs=10, batch=64, rate=2e-3, decay="cosine", warmup=0.1)

_LOOKS = 40  # moments of a training, about, at which somebody looks at it
_SEEN = 40_000  # digits that a training sees by default: ten times those of a small set, thrice all of MNIST


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
    judge: Callable[[Classifier], dict[str, float]] | None = None,
    title: str = "",
) -> Classifier:
    """A network built as `model` is, trained on these digits; the model itself is not changed.

    fresh: begin with weights drawn by the seed, else go on from the model's; epochs: how often the digits are seen,
    None for as many as suit their number; objective: cross-entropy, if not given; watch(done, total, metrics) may
    return False to end the training with what is learnt; judge: looks at the network at some forty moments, the last
    among them, and what it says is among the metrics that `watch` is told.
    """
    model, seed = _inputs.model(model), _inputs.seed(seed) % 2**31
    network = copies.of(model.keras, copies.he if fresh else None, seed)
    plan = replace(PLAN, epochs=epochs or epochs_for(len(digits)), seed=seed)
    steps = len(digits) // min(plan.batch, max(len(digits), 1)) * plan.epochs
    growing = Classifier(network, name=model.name)

    def look(done: int, total: int, metrics: dict[str, float]) -> bool:
        said = judge(growing) if judge else {}
        return watch is None or watch(done, total, metrics | said) is not False

    fit.fit(
        network,
        digits,
        plan,
        objective=objective or CrossEntropy(),
        watch=look,
        every=max(1, steps // _LOOKS),
    )
    return Classifier(network, name=f"{model.name}_learnt", title=title or model.title)
