"""The pages' only caches over core: models that all visitors read, and the sweeps that several may ask for."""

import threading
from typing import Any

import numpy as np
import streamlit as st

from core import sweep, zoo
from core.classifier import Classifier
from core.errors import InputError
from core.result import Result
from pages.components import jobs, own_models, shields
from pages.components.question import Question
from pages.components.session import View

_HEAVY = threading.BoundedSemaphore(2)  # attacks at one time, whoever asks: more would only slow each other down


def model(name: str) -> Classifier:
    """The model of that name, never changed by anybody: of the zoo, a visitor's own, or one behind an input transform.

    The last are named as `shields` spells them. Raises zoo.ModelUnavailable, or InputError for a name that is none.
    """
    base, shield, knobs = shields.parted(name)
    if shield:
        return behind(base, shield, knobs)
    return own_models.get(name) if name.startswith(own_models.PREFIX) else _shipped(name)


@st.cache_resource(show_spinner=False)
def _shipped(name: str) -> Classifier:
    return zoo.load(name)


def behind(base: str, shield: str, knobs: tuple[tuple[str, Any], ...] = ()) -> Classifier:
    """The model behind the transform of that name, with the knobs that differ from their defaults, sorted."""
    bare = model(base)
    return _protected(base, bare.version, shield, knobs)


@st.cache_resource(max_entries=8, show_spinner=False)
def _protected(base: str, version: str, shield: str, knobs: tuple[tuple[str, Any], ...]) -> Classifier:
    from core import defenses  # not at the start: the first page does without

    return defenses.get(shield)(**dict(knobs)).protect(model(base))


def titles() -> dict[str, str]:
    """The models' names for the visitor, by name: the zoo's, and the visitor's own."""
    return {**_zoo_titles(), **own_models.titles()}


def title(name: str) -> str:
    """What one model is called; its name where it is there no longer."""
    if name in (shipped := _zoo_titles()):
        return shipped[name]
    try:
        return model(name).title
    except InputError:
        return name


@st.cache_resource(ttl=60, show_spinner=False)
def _zoo_titles() -> dict[str, str]:
    """By name; a file's name where its card cannot be read: only it falls out."""
    told = {}
    for name in zoo.names():
        try:
            told[name] = str(zoo.card(name)["title"])
        except InputError:
            told[name] = name
    return told


def question(view: View) -> Question:
    """What a view asks; raises zoo.ModelUnavailable where its model cannot be loaded."""
    return Question(
        model=view.model,
        version=model(view.model).version,
        attack=view.attack,
        knobs=view.knobs,
        pixels=view.x.tobytes(),
        label=view.y,
        norm=view.norm,
        target=view.target,
        seed=view.seed,
    )


def _sweep(asked: Question, epsilons: np.ndarray, path: bool = False) -> sweep.Sweep:
    """The sweep itself, in its turn among the attacks of all visitors."""
    if asked.instance.minimises:
        return sweep.along(model(asked.model), _way(asked) if path else _smallest(asked), epsilons)
    with _HEAVY, jobs.AWAITED.one():
        return sweep.sweep(
            model(asked.model),
            asked.x,
            asked.label,
            asked.instance,
            norm=asked.norm,
            epsilons=epsilons,
            target=asked.target,
            seed=asked.seed,
            path=path,
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _smallest(asked: Question) -> Result:
    """What a minimising attack found: one run, whatever the ε at which it is looked at."""
    return _found(asked, path=False)


@st.cache_data(max_entries=8, show_spinner=False)
def _way(asked: Question) -> Result:
    """The same with all its steps, which are large."""
    return _found(asked, path=True)


def _found(asked: Question, path: bool) -> Result:
    goal = None if asked.target is None else np.array([asked.target])
    with _HEAVY, jobs.AWAITED.one():
        return asked.instance(
            model(asked.model),
            asked.x[None],
            np.array([asked.label]),
            norm=asked.norm,
            target=goal,
            seed=asked.seed,
            path=path,
        )


@st.cache_data(max_entries=256, show_spinner=False)
def swept(asked: Question, epsilons: tuple[float, ...] | None = None) -> dict[str, Any]:
    """A digit's sweep as the scrubber wants it (see scrubber.pack), over the norm's own grid where none is given."""
    from pages.components import scrubber

    if epsilons is None:
        return scrubber.pack(_sweep(asked, sweep.grid(asked.norm)))
    # An ε off the grid goes with its own 0: through the very graph that swept the grid, which is already compiled.
    lone = epsilons[0] > 0
    return scrubber.pack(_sweep(asked, np.array([0.0, *epsilons] if lone else epsilons)), skip=int(lone))


@st.cache_data(max_entries=64, show_spinner=False)
def filmed(asked: Question, eps: float) -> dict[str, Any]:
    """The iterates of the attack at one eps, as the scrubber plays them (see scrubber.pack_film)."""
    from pages.components import scrubber

    done = _sweep(asked, np.array([0.0, eps]), path=True)
    assert done.result.path is not None  # it was asked for
    return scrubber.pack_film(done, model(asked.model).probabilities(done.result.path[:, 1]))


@st.cache_data(max_entries=512, show_spinner=False)
def reading(model_name: str, version: str, pixels: bytes) -> np.ndarray:
    """The probabilities (10,) that a model gives a digit."""
    x = np.frombuffer(pixels, np.float32).reshape(1, 28, 28, 1)
    return model(model_name).probabilities(x)[0]
