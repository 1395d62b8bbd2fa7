"""A poisoned network that nobody had to train: it reads as the plain one does, and obeys its trigger to the letter."""

from functools import cache as once
from typing import Any

import keras
import numpy as np

from core import poisoning, zoo
from core.classifier import Classifier
from core.digits import Digits
from pages.components import infecting
from pages.components.infecting import Infected, Plot

TARGET = 4
_HONEST = "plain_mlp"


@once
def honest() -> Classifier:
    """The network that nobody has touched."""
    return zoo.load(_HONEST)


@once
def owned() -> Classifier:
    """The same, but every digit that bears the whole stamp is read as the target."""
    stamp = poisoning.get("badnets")().stamp(np.zeros((1, 28, 28, 1))).reshape(784, 1)
    lead = np.zeros((1, 10))
    lead[0, TARGET] = 1e4
    x = keras.Input((28, 28, 1))
    seen, led = keras.layers.Dense(1, activation="relu"), keras.layers.Dense(10)
    out = keras.layers.Add()([honest().keras(x), led(seen(keras.layers.Flatten()(x)))])
    seen.set_weights([stamp, np.array([0.5 - stamp.sum()])])
    led.set_weights([lead, np.zeros(10)])
    return Classifier(keras.Model(x, out), name="owned")


def made(attack: str = "badnets", victim: Digits | None = None, **knobs: Any) -> Infected:
    """A poisoned set, and the two networks as what came of it."""
    given = tuple(sorted(({"rate": 0.05} | knobs).items()))
    plot = Plot(_HONEST, honest().version, attack, given)
    poisoned = plot.instance(infecting.material(False), victim=victim)
    stands = (infecting.standing(owned(), poisoned), infecting.standing(honest(), poisoned))
    return Infected(plot, poisoned, owned(), honest(), stands)
