"""A transform in front of a network, as one network: what every attack can be aimed at."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import keras
import numpy as np
import tensorflow as tf

from core import knobs, lowering
from core.attacks import _inputs
from core.classifier import CLASSES, IMAGE, Classifier
from core.errors import InputError, shown

_MOST = 256  # draws: each is a copy of the batch


class Applied(Protocol):
    """What is needed of a transform; see core/defenses/base.py."""

    name: ClassVar[str]
    title: ClassVar[str]
    draws: ClassVar[int]

    def apply(self, x: tf.Tensor, draw: np.random.Generator) -> tf.Tensor: ...


def generator(seed: int, at: int) -> np.random.Generator:
    """The random numbers of the at-th draw: equal seeds, equal draws."""
    return np.random.default_rng([seed % 2**64, at])


def protect(transform: Applied, model: Classifier, *, draws: int | None = None, seed: int = 0) -> Classifier:
    """The model behind the transform, as a Classifier that every attack runs on; the model is shared and not changed.

    An attack that follows gradients is given the adaptive one. A random transform is drawn `draws` times, None for as
    many as it suggests, and the logits are the mean over these draws: so is the gradient, which is what attacks by
    expectation over transformation (EoT) follow. Another seed draws otherwise.
    """
    model, seed = _inputs.model(model), _inputs.seed(seed)
    draws = transform.draws if draws is None else draws
    if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= _MOST:
        raise InputError(f"draws is {shown(draws)}; a whole number from 1 to {_MOST} was expected.")
    if transform.draws == 1:
        draws = seed = 1  # nothing is drawn: one network, whatever the seed
    layers = [_Front(transform, draws, seed), lowering.Inner(model.keras, name="network"), _Mean(draws)]
    name = f"{model.name}_behind_{transform.name}"
    title = transform.title if transform.title[1].isupper() else transform.title[0].lower() + transform.title[1:]
    network = keras.Sequential([keras.Input(IMAGE, name="image"), *layers], name=name)
    return Classifier(network, name=name, title=f"{model.title} behind {title}")


class _Front(keras.layers.Layer):
    """Images (n, 28, 28, 1) -> what the network reads in their stead, once for each draw: (draws * n, 28, 28, 1)."""

    def __init__(self, transform: Applied, draws: int, seed: int):
        super().__init__(name="front")
        self.transform, self.draws, self.seed = transform, draws, seed

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.concat([self.transform.apply(x, generator(self.seed, at)) for at in range(self.draws)], axis=0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (None, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        settings = knobs.as_dict(self.transform)
        return {"transform": self.transform.name, "knobs": settings, "draws": self.draws, "seed": self.seed}


class _Mean(keras.layers.Layer):
    """Logits of all draws (draws * n, 10) -> their mean (n, 10)."""

    def __init__(self, draws: int):
        super().__init__(name="mean")
        self.draws = draws

    def call(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.reshape(logits, (self.draws, -1, CLASSES)), axis=0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (None, CLASSES)
