"""Networks that visitors have trained here: each is its visitor's alone, and there are only so many of them."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
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


def add(model: Classifier) -> str:
    """Keep this visitor's network and return its name, which nobody else can guess; the oldest gives way."""
    name = PREFIX + secrets.token_hex(6)
    mine = [*_mine(), name]
    with _lock:
        _all[name] = model
        for gone in mine[:-_EACH]:
            _all.pop(gone, None)
        while len(_all) > _MOST:
            _all.popitem(last=False)
    st.session_state[_KEY] = mine[-_EACH:]
    return name


def get(name: str) -> Classifier:
    """The network of that name; InputError where it is there no longer."""
    with _lock:
        if name not in _all:
            raise InputError(
                "The network that was trained here is no longer kept: only the latest are. Choose another one, or "
                "train it again on the Defend page."
            )
        _all.move_to_end(name)
        return _all[name]


def titles() -> dict[str, str]:
    """This visitor's own networks: their titles by name, the newest first."""
    with _lock:
        return {name: _all[name].title for name in reversed(_mine()) if name in _all}


def _mine() -> list[str]:
    return st.session_state.get(_KEY, [])
