"""The zoo's recipes: how each shipped model is built and trained. `python -m core.training NAME` follows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers

from core.defenses.augmentation import Augmentation
from core.defenses.distillation import Distillation
from core.defenses.fgsm_rs import FGSMRS
from core.defenses.gradient_clipping import GradientClipping
from core.defenses.interval_training import IntervalTraining
from core.defenses.pgd_training import PGDTraining
from core.defenses.smoothing_training import SmoothingTraining
from core.defenses.trades import Trades
from core.errors import InputError
from core.fit import Plan
from core.measuring import Judged
from core.objectives import CrossEntropy, Denoising, Objective, Shifted


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model of the zoo is made.

    `build` returns a fresh network that ends in logits; its dropout layers serve the training only and are left out
    of the saved model. `title` and `summary` are what a visitor reads; `order` is the place in the picker. `kind` is
    "classifier", or "autoencoder" for a network that ends in images.
    """

    title: str
    summary: str
    order: int
    build: Callable[[], keras.Model]
    plan: Plan
    objective: Objective = field(default_factory=CrossEntropy)
    judged: Judged = field(default_factory=Judged)
    kind: str = "classifier"


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


def _autoencoder() -> keras.Model:
    """Image -> 7 x 7 x 8 numbers, half as many as it has pixels -> image."""
    stack = [
        layers.Conv2D(16, 4, 2, padding="same", activation="relu", name="strokes"),
        layers.Conv2D(32, 4, 2, padding="same", activation="relu", name="shapes"),
        layers.Conv2D(8, 3, padding="same", name="code"),
        layers.Conv2D(32, 3, padding="same", activation="relu", name="drawn_shapes"),
        layers.UpSampling2D(name="to_14"),
        layers.Conv2D(16, 3, padding="same", activation="relu", name="drawn_strokes"),
        layers.UpSampling2D(name="to_28"),
        layers.Conv2D(1, 3, padding="same", name="picture"),  # behind a sigmoid it learns black and no more
    ]
    return keras.Sequential([keras.Input((28, 28, 1), name="image"), *stack])


def _narrow(shape: tuple[int, ...]) -> Any:
    """What draws a kernel's first weights so that intervals keep their width."""
    return keras.initializers.RandomNormal(stddev=IntervalTraining().first(shape))


def _normalised(hidden: int, first: Callable[[tuple[int, ...]], Any]) -> keras.Model:
    """Three convolutions and a hidden layer with batch normalisation, each ReLU alone: intervals go through them so.

    The layers carry no bias: the normalisation has one. first: a kernel's shape -> what draws its first weights.
    """
    stack, inputs = [], 1
    for filters, size, stride, padding in ((32, 5, 2, "same"), (64, 3, 1, "valid"), (64, 4, 2, "valid")):
        drawn = first((size, size, inputs, filters))
        stack.append(layers.Conv2D(filters, size, stride, padding, use_bias=False, kernel_initializer=drawn))
        stack += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
        inputs = filters
    stack += [layers.Flatten(), layers.Dense(hidden, use_bias=False, kernel_initializer=first((1600, hidden)))]
    stack += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    return _network(*stack)


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
        objective=PGDTraining(eps=0.3, steps=8, step_size=0.3, ramp=0.2),
    ),
    "trades_cnn": Recipe(
        title="TRADES CNN",
        summary="Learnt that no digit may be read much otherwise once each pixel is changed by up to 0.3.",
        order=3,
        build=lambda: _cnn(32, 64, 128),
        plan=Plan(epochs=40, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.998, seed=0),
        objective=Trades(eps=0.3, beta=6.0, steps=10, step_size=0.25, ramp=0.2),
        judged=Judged(autoattack=True),
    ),
    "fast_cnn": Recipe(
        title="Fast CNN",
        summary="Trained on digits attacked in a single step: cheap, and weaker than its PGD score lets on.",
        order=4,
        build=lambda: _cnn(16, 32, 100),
        plan=Plan(
            epochs=20, batch=128, rate=2e-3, warmup=0.2, decay="cosine", weight_decay=5e-3, average=0.998, seed=0
        ),
        objective=FGSMRS(eps=0.3, step_size=1.25, ramp=0.2),
        judged=Judged(autoattack=True),
    ),
    "certified_cnn": Recipe(
        title="Certified CNN",
        summary="Trained on what any change of each pixel by up to 0.34 could do: much of what it reads can be proven.",
        order=5,
        build=lambda: _normalised(480, _narrow),
        plan=Plan(epochs=80, batch=256, rate=2e-3, warmup=0.02, decay="cosine", clip=10.0, seed=0),
        objective=IntervalTraining(eps=0.34, still=0.02, ramp=0.4),
        judged=Judged(autoattack=True, certified=(0.1, 0.2, 0.3, 0.4)),
    ),
    "l2_cnn": Recipe(
        title="L2 CNN",
        summary="Met attacked digits in every step of its training, each changed by up to 2 in L2.",
        order=6,
        build=lambda: _cnn(32, 64, 128),
        plan=Plan(epochs=30, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.998, seed=0),
        objective=PGDTraining(eps=2.0, steps=10, step_size=0.25, ramp=0.2, norm="l2"),
        judged=Judged(norm="l2", eps=2.0, autoattack=True),
    ),
    "smoothed_cnn": Recipe(
        title="Smoothed CNN",
        summary="Trained under heavy noise, for a vote among noisy copies that can be proven.",
        order=7,
        build=lambda: _normalised(128, lambda _: "glorot_uniform"),
        plan=Plan(epochs=90, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.998, seed=0),
        objective=SmoothingTraining(sigma=0.6, copies=2, consistency=5.0, entropy=0.5),
        judged=Judged(norm="l2", eps=1.5, sigma=0.5),
    ),
    "augmented_cnn": Recipe(
        title="Augmented CNN",
        summary="Trained on shifted, turned and noisy digits: steadier on odd handwriting, defenceless all the same.",
        order=8,
        build=lambda: _cnn(16, 32, 128, (0.2, 0.4)),
        plan=Plan(epochs=30, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.999, seed=0),
        objective=Augmentation(pixels=2, degrees=10.0, sigma=0.1),
        judged=Judged(naive="noise"),
    ),
    "clipped_cnn": Recipe(
        title="Clipped CNN",
        summary="Trained with its weights' gradients cut short: calm to train, and no harder to attack.",
        order=9,
        build=lambda: _cnn(16, 32, 128, (0.2, 0.4)),
        plan=Plan(epochs=30, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.999, clip=0.1, seed=0),
        objective=GradientClipping(length=0.1),
        judged=Judged(naive="noise"),
    ),
    "distilled_cnn": Recipe(
        title="Distilled CNN",
        summary="Trained on a teacher's soft answers, so that its softmax saturates: it hides its gradient, no more.",
        order=10,
        build=lambda: _cnn(16, 32, 128, (0.2, 0.4)),
        plan=Plan(epochs=25, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.999, seed=0),
        objective=Distillation(temperature=20.0),
        judged=Judged(naive="saturated"),
    ),
    "autoencoder": Recipe(
        kind="autoencoder",
        title="Denoising autoencoder",
        summary="Rebuilds a digit from a noisy picture of it; it stands before a network, as a defense.",
        order=0,
        build=_autoencoder,
        plan=Plan(epochs=8, batch=128, rate=3e-3, warmup=0.1, decay="cosine", average=0.998, seed=0),
        objective=Denoising(noise=0.5),
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of that name; InputError for a name that has none, listing those that do."""
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}. The recipes are: {', '.join(RECIPES)}.")
    return RECIPES[name]
