"""What several tests share: models whose attacks have closed forms, small sets of digits, quick attacks."""

from typing import Any

import keras
import numpy as np
import pytest

from core import attacks, digits, knobs
from core.attacks import Attack
from core.classifier import Classifier
from core.result import Result
from core.sweep import EPS_MAX

#: Budgets at which attacks on an undefended model are worth telling apart: neither nothing nor everything falls.
REALISTIC = {"linf": 0.1, "l2": 1.5, "l1": 12.0, "l0": 40.0, "warp": 0.5}
#: The attacks without a gradient, with the norms that they take: who sees the decision alone, and who sees the scores.
DECISION = [("hopskipjump", "l2"), ("hopskipjump", "linf"), ("boundary", "l2")]
SCORES = [("square", "linf"), ("square", "l2"), ("square", "l1"), ("nes", "linf"), ("nes", "l2"), ("zoo_attack", "l2")]
ASKING = DECISION + SCORES
#: What a contract that needs no strength lets an attack spend at most, by knob; and one in stages, which is many.
BRIEF = {"steps": 40, "search_steps": 4, "queries": 300, "restarts": 1}
BRIEF_STAGES = {"steps": 8, "queries": 60}
#: How far a knob that costs time is moved where a test asks what moves with it, and not what its end does.
FAR = {"steps": 40, "search_steps": 6, "queries": 900, "restarts": 4}


def build(*layers: keras.Layer) -> keras.Model:
    """A Keras model of those layers, which takes digits."""
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


def small() -> keras.Model:
    """A little convolutional network."""
    return build(
        keras.layers.Conv2D(4, 3, strides=2, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(10)
    )


def untrained(dropout: float = 0.3) -> keras.Model:
    """A small convolutional network with dropout, to be trained; its weights are the same at each call."""
    keras.utils.set_random_seed(5)
    return build(
        keras.layers.Conv2D(4, 4, 2, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(10),
    )


def linear(weights: np.ndarray, bias: np.ndarray | None = None) -> Classifier:
    """A classifier whose logits are x @ weights + bias: weights (784, 10), bias (10,)."""
    model = build(keras.layers.Flatten(), keras.layers.Dense(10))
    model.set_weights(
        [weights.astype(np.float32), np.zeros(10, np.float32) if bias is None else bias.astype(np.float32)]
    )
    return Classifier(model, name="linear")


def two_class(w: np.ndarray, bias: float = 0.0) -> Classifier:
    """Logit 0 is w . x + bias, every other one is 0: the margin of class 0 over the rest, in one vector w (784,)."""
    weights = np.zeros((784, 10))
    weights[:, 0] = w
    return linear(weights, np.array([bias] + [0.0] * 9))


def scaled(model: Classifier, factor: float) -> Classifier:
    """The same classifier with all its logits multiplied."""
    copy = keras.models.clone_model(model.keras)
    weights = [weight.copy() for weight in model.keras.get_weights()]
    weights[-2] *= np.float32(factor)
    weights[-1] *= np.float32(factor)
    copy.set_weights(weights)
    return Classifier(copy, name=f"times {factor:g}")


def margin(model: Classifier, x: np.ndarray, label: int = 0) -> np.ndarray:
    """The label's logit less the best other one, for each image: (n,)."""
    logits = model.logits(x).astype(np.float64)
    return logits[:, label] - np.delete(logits, label, axis=1).max(axis=1)


def some_digits(count: int, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`count` bundled digits that walk through the classes in turn, from the start-th of each: images and labels."""
    rows = [500 * (i % 10) + start + i // 10 for i in range(count)]
    chosen = digits.bundled()[rows]
    return chosen.images, chosen.labels


def pairs() -> list[tuple[str, str]]:
    """Every attack with every norm that it takes."""
    return [(name, norm) for name in attacks.names() for norm in attacks.get(name).norms]


#: Marks of the tests that walk over the registry: every attack with every norm that it takes, or every attack once.
WITH_NORM = pytest.mark.parametrize(("name", "norm"), pairs())
BY_NAME = pytest.mark.parametrize("name", attacks.names())


def brief(cls: type[Attack]) -> Attack:
    """That attack with its own knobs, save that the dear ones are cut to what BRIEF allows."""
    allowed = dict(BRIEF_STAGES if cls.staged else BRIEF)
    if cls.minimises and cls.knowledge == "scores":
        allowed["queries"] = 4000  # who measures a slope pixel by pixel needs 1,568 for one gradient
    dear = {knob.name: min(knob.default, allowed[knob.name]) for knob in knobs.of(cls) if knob.name in allowed}
    return cls(**dear)


def attacked(
    name: str, norm: str, model: Classifier, given: tuple[np.ndarray, np.ndarray], eps: Any = None, **more: Any
) -> Result:
    """What that attack, briefly, does to digits and their labels, at a realistic budget where none is given."""
    x, y = given
    return brief(attacks.get(name))(model, x, y, eps=realistic(norm) if eps is None else eps, norm=norm, **more)


def spread(knob: knobs.Knob) -> tuple[Any, ...]:
    """Values of a knob that lie far apart: all its choices, or its lowest and its highest, if that costs no time."""
    if knob.choices:
        return tuple(knob.choices)
    if knob.kind == "bool":
        return False, True
    ends = knob.low, min(knob.high, FAR.get(knob.name, knob.high))
    return tuple(int(end) for end in ends) if knob.kind == "int" else ends


def quick(cls: type[Attack], **moved: Any) -> Attack:
    """That attack in few steps or queries, so that a test may move its other knobs to their dearest ends."""
    few = {"steps": 3, "search_steps": 2, "queries": 60, "restarts": 1}
    short = {knob.name: max(few[knob.name], int(knob.low or 0)) for knob in knobs.of(cls) if knob.name in few}
    return cls(**{**short, **moved})


def next_class(labels: np.ndarray) -> np.ndarray:
    """A target for each label that is never the label."""
    return (labels + 1) % 10


def realistic(norm: str) -> float:
    """A budget in that norm at which an undefended model partly falls."""
    return REALISTIC[norm]


def largest(norm: str) -> float:
    """The largest budget that the sweep offers in that norm."""
    return EPS_MAX[norm]


def same(one: Any, other: Any, tolerance: float = 0.0) -> bool:
    """Whether two results hold the same adversarial images, up to a tolerance."""
    return bool(np.abs(one.adversarial - other.adversarial).max() <= tolerance)
