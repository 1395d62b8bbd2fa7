"""The checks on what an attack is called with. Each returns the value in the form that the engine works with."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from core import norms
from core.classifier import CLASSES, IMAGE, Classifier
from core.errors import InputError, shown


def model(value: Any) -> Classifier:
    """The classifier, or InputError."""
    if not isinstance(value, Classifier):
        raise InputError(
            f"The model is of type {type(value).__name__}; a core.classifier.Classifier was expected. "
            "Wrap a Keras model in Classifier(model), or load one with core.zoo.load."
        )
    return value


def _array(value: Any, name: str) -> np.ndarray:
    """value as an array, or InputError for lists whose rows differ in length."""
    try:
        return np.asarray(value)
    except ValueError as fault:
        raise InputError(f"{name} is no array ({fault}); rows of equal length were expected.") from fault


def images(value: Any) -> np.ndarray:
    """(n, 28, 28, 1) float32 in [0, 1], n at least 1."""
    x = _array(value, "x")
    if x.dtype.kind != "f":
        raise InputError(f"x has the type {x.dtype}; floats in [0, 1] were expected. Divide grey levels by 255.")
    if x.shape[1:] != IMAGE or x.ndim != 4:
        raise InputError(f"x has the shape {x.shape}; (n, 28, 28, 1) was expected.")
    if not len(x):
        raise InputError("x holds no image; at least one was expected.")
    if not np.isfinite(x).all():
        raise InputError("x holds NaN or infinite pixels; numbers in [0, 1] were expected.")
    if x.min() < 0 or x.max() > 1:
        raise InputError(f"x runs from {x.min():g} to {x.max():g}; pixels in [0, 1] were expected.")
    return np.array(x, dtype=np.float32, order="C")  # a copy: a result is no window onto the caller's array


def _classes(value: Any, count: int, name: str) -> np.ndarray:
    classes = _array(value, name)
    if classes.dtype.kind not in "iu":
        raise InputError(f"{name} has the type {classes.dtype}; integers from 0 to {CLASSES - 1} were expected.")
    if classes.shape != (count,):
        raise InputError(f"{name} has the shape {classes.shape}; ({count},) was expected, one class an image.")
    if classes.min() < 0 or classes.max() >= CLASSES:
        raise InputError(
            f"{name} runs from {classes.min()} to {classes.max()}; classes from 0 to {CLASSES - 1} were expected."
        )
    return classes.astype(np.int64)


def labels(value: Any, count: int) -> np.ndarray:
    """(n,) int64 in 0..9."""
    return _classes(value, count, "y")


def target(attack: Any, value: Any, true: np.ndarray) -> np.ndarray | None:
    """(n,) int64 in 0..9, nowhere the label; or None. One number stands for all images."""
    if value is None:
        return None
    if not attack.targetable:
        raise InputError(f"{attack.title} has no targeted form. Leave target out.")
    if np.ndim(value) == 0:
        value = np.full(len(true), value)
    classes = _classes(value, len(true), "target")
    same = np.flatnonzero(classes == true)
    if len(same):
        raise InputError(
            f"target equals the label {true[same[0]]} of image {same[0]}; a target is a class other than the true one."
        )
    return classes


def norm(attack: Any, value: str | None) -> norms.Norm:
    """The norm of that name if the attack has it; the attack's first for None."""
    chosen = norms.get(attack.norms[0] if value is None else value)
    if chosen.name not in attack.norms:
        raise InputError(f"{attack.title} is not defined in the norm {value!r}; it has {', '.join(attack.norms)}.")
    return chosen


def budget(value: Any, count: int, within: norms.Norm, *, optional: bool) -> np.ndarray | None:
    """(n,) float64 from 0 to the norm's diameter; None only if optional."""
    if value is None:
        if optional:
            return None
        raise InputError("eps is missing; this attack needs a budget, one number or one for each image.")
    eps = _array(value, "eps")
    if eps.dtype.kind not in "fiu":
        raise InputError(f"eps has the type {eps.dtype}; a number, or one for each image, was expected.")
    if eps.shape not in ((), (count,)):
        raise InputError(f"eps has the shape {eps.shape}; one number, or ({count},), was expected.")
    eps = np.broadcast_to(eps.astype(np.float64), (count,))
    wrong = ~((eps >= 0) & (eps <= within.diameter))  # NaN is in no range
    if wrong.any():
        raise InputError(
            f"eps is {eps[wrong][0]:g}; in the norm {within.name} a number from 0 to {within.diameter:g} was expected."
        )
    return eps.copy()


def seed(value: Any) -> int:
    """Any integer."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"seed is {shown(value)}; a whole number was expected.")
    return int(value)


def watch(value: Any) -> Callable | None:
    """A function of (done, total, x_so_far), or None."""
    if value is not None and not callable(value):
        raise InputError(f"watch is {shown(value)}; a function of (done, total, x_so_far) was expected, or None.")
    return value
