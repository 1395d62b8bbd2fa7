"""The zoo's recipes: how each shipped model is built and trained. `python -m core.training NAME` follows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
from keras import layers

from core.errors import InputError
from core.fit import Plan
from core.objectives import Adversarial, CrossEntropy, Objective, Shifted


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model of the zoo is made.

    `build` returns a fresh network that ends in logits; its dropout layers serve the training only and are left out
    of the saved model. `title` and `summary` are what a visitor reads; `order` is the place in the picker.
    """

    title: str
    summary: str
    order: int
    build: Callable[[], keras.Model]
    plan: Plan
    objective: Objective = field(default_factory=CrossEntropy)


def _network(*hidden: keras.layers.Layer) -> keras.Model:
    """Image -> these layers -> ten logits."""
    return keras.Sequential([keras.Input((28, 28, 1), name="image"), *hidden, layers.Dense(10, name="logits")])


def _mlp() -> keras.Model:
    return _network(layers.Flatten(name="pixels"), layers.Dense(64, activation="relu", name="hidden"))


def _cnn(first: int, second: int, hidden: int, dropped: tuple[float, float] = (0.0, 0.0)) -> keras.Model:
    """Two strided convolutions and a hidden layer: little arithmetic for its accuracy, which is what attacks wait for.

    Dropout of zero leaves no layer behind.
    """
    stack = [
        layers.Conv2D(first, 4, 2, padding="same", activation="relu", name="strokes"),
        layers.Conv2D(second, 4, 2, padding="same", activation="relu", name="shapes"),
        layers.Flatten(name="features"),
        layers.Dropout(dropped[0], name="drop_features"),
        layers.Dense(hidden, activation="relu", name="hidden"),
        layers.Dropout(dropped[1], name="drop_hidden"),
    ]
    return _network(*(layer for layer in stack if getattr(layer, "rate", 1.0) > 0))


RECIPES: dict[str, Recipe] = {
    "plain_mlp": Recipe(
        title="Plain MLP",
        summary="The smallest network: one hidden layer of 64 neurons, trained on clean digits only.",
        order=1,
        build=_mlp,
        plan=Plan(epochs=10, batch=128, rate=2e-3, decay="cosine", seed=0),
    ),
    "plain_cnn": Recipe(
        title="Plain CNN",
        summary=(
            "A small convolutional network, trained on clean digits that were shifted by up to a pixel: "
            "accurate, and defenceless."
        ),
        order=0,
        build=lambda: _cnn(16, 32, 128, (0.2, 0.4)),
        plan=Plan(epochs=30, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.999, seed=0),
        objective=Shifted(pixels=1),
    ),
    "hardened_cnn": Recipe(
        title="Hardened CNN",
        summary=(
            "A convolutional network that met attacked digits in every step of its training: "
            "each pixel changed by up to 0.3."
        ),
        order=2,
        build=lambda: _cnn(32, 64, 128),
        plan=Plan(epochs=26, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.998, seed=0),
        objective=Adversarial(eps=0.3, steps=8, step_size=0.3, ramp=0.2),
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of that name; InputError for a name that has none, listing those that do."""
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}. The recipes are: {', '.join(RECIPES)}.")
    return RECIPES[name]
