"""The shipped models, classifiers and one autoencoder. A model is two files in this folder: its weights, NAME.keras,
and its card, NAME.json.

Both are written by `python -m core.training NAME`; dropping them in is all it takes for a model to be found.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import keras

from core import model_files
from core.classifier import Classifier
from core.classifier import load as _load
from core.errors import InputError

FIRST = "plain_cnn"
AUTOENCODER = "autoencoder"  # no classifier: it has a card, and `autoencoder` loads it


class ModelUnavailable(InputError):
    """A shipped model whose files are missing or damaged; the other models still work."""


def folder() -> Path:
    """Where the models lie."""
    return Path(__file__).parent


def names() -> tuple[str, ...]:
    """Every classifier that has a card: plain_cnn first, then by the card's "order", then by name."""
    found = [path.stem for path in folder().glob("*.json") if path.stem != AUTOENCODER]
    return tuple(sorted(found, key=lambda name: (name != FIRST, _order(name), name)))


def card(name: str) -> dict[str, Any]:
    """The model's card: title and summary for the visitor, provenance, and the measured figures.

    Raises ModelUnavailable where the card cannot be read, and InputError for a name that no model has.
    """
    path = folder() / f"{name}.json" if name == AUTOENCODER else _path(name, ".json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError) as fault:
        raise ModelUnavailable(f"The card of the model {name} cannot be read ({fault}). {_restore(name)}") from fault
    return {"name": name, "title": name.replace("_", " ").capitalize(), "summary": "", **content}


def load(name: str) -> Classifier:
    """A fresh classifier with the shipped weights.

    Raises ModelUnavailable where the weights are missing or damaged, and InputError for a name that no model has.
    """
    path = _path(name, ".keras")
    _need(path, name)
    return read(path, name)


def read(path: Path, name: str) -> Classifier:
    """The classifier in that file of weights, under that name; ModelUnavailable where it cannot be used."""
    try:
        title = str(card(name)["title"])
    except InputError:
        title = None
    try:
        return _load(path, name=name, title=title)
    except (InputError, OSError) as fault:
        raise _unusable(name, fault) from fault


def autoencoder() -> keras.Model:
    """The shipped autoencoder: images (n, 28, 28, 1) -> images. One for all, which nobody may train or change.

    Raises ModelUnavailable where it is missing or damaged.
    """
    return _autoencoder(folder() / f"{AUTOENCODER}.keras")


@cache
def _autoencoder(path: Path) -> keras.Model:
    _need(path, AUTOENCODER)
    try:
        network = model_files.read(path)
    except (InputError, OSError) as fault:
        raise _unusable(AUTOENCODER, fault) from fault
    network.trainable = False
    return network


def _path(name: str, suffix: str) -> Path:
    """The model's file; only names of the folder are ever made into a path."""
    known = names()
    if name not in known:
        raise InputError(f"There is no model {name!r}. The models are: {', '.join(known) or 'none'}.")
    return folder() / f"{name}{suffix}"


def _need(path: Path, name: str) -> None:
    if not path.is_file():
        raise ModelUnavailable(
            f"The weights of the model {name} are missing: there is no file {path.name} in core/zoo. {_restore(name)}"
        )


def _unusable(name: str, fault: Exception) -> ModelUnavailable:
    return ModelUnavailable(f"The weights of the model {name} cannot be used. {fault} {_restore(name)}")


def _order(name: str) -> float:
    try:
        return float(json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))["order"])
    except (OSError, ValueError, KeyError, TypeError):
        return float("inf")


def _restore(name: str) -> str:
    return (
        f"Restore it from the repository (git checkout -- core/zoo) or make it anew: python -m core.training {name}. "
        "The other models still work."
    )
