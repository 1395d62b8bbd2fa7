"""Networks that visitors have trained here or brought: each is its visitor's alone, and there are only so many."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError

if TYPE_CHECKING:  # it would bring TensorFlow in before the first page stands
    from core.classifier import Classifier

PREFIX = "own-"
_EACH, _MOST = 4, 24  # networks of one visitor, and of all: with its compiled graphs one takes tens of megabytes
_KEY = "own_models"

_lock = threading.Lock()
_all: OrderedDict[str, Classifier] = OrderedDict()
_code: dict[str, str] = {}  # by name, how Python loads it


def add(model: Classifier, code: str = "") -> str:
    """Keep this visitor's network and return its name, which nobody else can guess; the oldest gives way.

    code: the expression that loads it, with `load` of core.classifier; without one, from the file that `save` gives.
    """
    name = PREFIX + secrets.token_hex(6)
    mine = [*_mine(), name]
    with _lock:
        _all[name], _code[name] = model, code or _from_file(model)
        gone = [each for each in mine[:-_EACH] if each in _all]
        more = [each for each in _all if each not in gone]
        for each in [*gone, *more[: max(len(more) - _MOST, 0)]]:
            del _all[each], _code[each]
    st.session_state[_KEY] = mine[-_EACH:]
    return name


def get(name: str) -> Classifier:
    """The network of that name; InputError where it is there no longer."""
    with _lock:
        if name not in _all:
            raise InputError(
                "Your own network is no longer kept: only the latest are. Choose another one, train it again, or "
                "bring its file again."
            )
        _all.move_to_end(name)
        return _all[name]


def code(name: str) -> str:
    """The expression that loads the network of that name; "" for one that is there no longer."""
    with _lock:
        return _code.get(name, "")


def save(name: str, key: str, label: str = "Save it") -> None:
    """A button by which visitors take a network away that was trained here; nothing for those that they have brought,
    and where it is there no longer."""
    with _lock:
        model, loaded = _all.get(name), _code.get(name)
    if model is not None and loaded == _from_file(model):
        st.download_button(
            label,
            partial(_written, model),
            file_name=_file(model),
            key=key,
            on_click="ignore",  # the page need not run for it
            icon=":material/download:",
            help="A Keras file: bring it along again later, or attack it from Python.",
        )


def _written(model: Classifier) -> bytes:
    from core import model_files

    return model_files.written(model.keras)


def _from_file(model: Classifier) -> str:
    """The expression that loads what was saved."""
    return f"load({_file(model)!r})"


def _file(model: Classifier) -> str:
    """What a network's file is called; two that bear the same title are two files."""
    return f"epsilon-lab-{re.sub('[^a-z0-9]+', '-', model.title.lower()).strip('-')}-{model.version[:4]}.keras"


def titles() -> dict[str, str]:
    """This visitor's own networks: their titles by name, the newest first."""
    with _lock:
        return {name: _all[name].title for name in reversed(_mine()) if name in _all}


def _mine() -> list[str]:
    return st.session_state.get(_KEY, [])
