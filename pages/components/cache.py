"""The pages' only caches over core: models that all visitors read, and the sweeps that several may ask for."""

import threading

import numpy as np
import streamlit as st

from core import attacks, sweep, zoo
from core.attacks import Attack
from core.classifier import Classifier
from core.errors import InputError

_HEAVY = threading.BoundedSemaphore(2)  # attacks at one time, whoever asks: more would only slow each other down


@st.cache_resource(show_spinner=False)
def model(name: str) -> Classifier:
    """A model of the zoo, shared by all visitors and never changed; raises zoo.ModelUnavailable anew at every call."""
    return zoo.load(name)


@st.cache_resource(ttl=60, show_spinner=False)
def titles() -> dict[str, str]:
    """The models' names for the visitor, by name; a file's name where its card cannot be read: only it falls out."""
    told = {}
    for name in zoo.names():
        try:
            told[name] = str(zoo.card(name)["title"])
        except InputError:
            told[name] = name
    return told


def _attack(name: str, knobs: tuple) -> Attack:
    return attacks.get(name)(**dict(knobs))


def _image(pixels: bytes) -> np.ndarray:
    return np.frombuffer(pixels, np.float32).reshape(28, 28, 1)


@st.cache_data(max_entries=256, show_spinner=False)
def swept(
    model_name: str,
    version: str,
    attack: str,
    knobs: tuple,
    pixels: bytes,
    label: int,
    norm: str,
    target: int | None,
    seed: int,
    epsilons: tuple[float, ...] | None = None,
) -> dict:
    """A digit's sweep as the scrubber wants it (see scrubber.pack); over the norm's own grid unless epsilons are given.

    pixels: 784 float32 as bytes, so that the key holds every bit of the digit; version: the model's.
    """
    from pages.components import scrubber

    # An ε off the grid goes with its own 0: through the very graph that swept the grid, which is already compiled.
    lone = epsilons is not None and epsilons[0] > 0
    grid = None if epsilons is None else np.array([0.0, *epsilons] if lone else epsilons)
    with _HEAVY:
        done = sweep.sweep(
            model(model_name),
            _image(pixels),
            label,
            _attack(attack, knobs),
            norm=norm,
            epsilons=grid,
            target=target,
            seed=seed,
        )
    return scrubber.pack(done, skip=int(lone))


@st.cache_data(max_entries=64, show_spinner=False)
def filmed(
    model_name: str,
    version: str,
    attack: str,
    knobs: tuple,
    pixels: bytes,
    label: int,
    norm: str,
    target: int | None,
    seed: int,
    eps: float,
) -> dict:
    """The iterates of the attack at one eps, as the scrubber plays them (see scrubber.pack_film)."""
    from pages.components import scrubber

    classifier = model(model_name)
    with _HEAVY:
        done = sweep.sweep(
            classifier,
            _image(pixels),
            label,
            _attack(attack, knobs),
            norm=norm,
            epsilons=np.array([0.0, eps]),
            target=target,
            seed=seed,
            path=True,
        )
        assert done.result.path is not None  # it was asked for
        shares = classifier.probabilities(done.result.path[:, 1])
    return scrubber.pack_film(done, shares)


@st.cache_data(max_entries=512, show_spinner=False)
def reading(model_name: str, version: str, pixels: bytes) -> np.ndarray:
    """The probabilities (10,) that a model gives a digit."""
    return model(model_name).probabilities(_image(pixels)[None])[0]
