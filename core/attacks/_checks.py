"""What makes an evaluation doubtful: the warnings that AutoAttack gives, each as a sentence for the result's notes.

A network can look robust because an attack does not suit it. These are the signs that can be told without knowing how
it was built; Croce and Hein's own code has them too, from Carlini et al., "On evaluating adversarial robustness", 2019,
https://arxiv.org/abs/1902.06705
"""

import numpy as np
import tensorflow as tf

from core import losses
from core.attacks._gradient import gradient_of
from core.attacks.base import Task

_ROUNDING = 1e-5  # of outputs that are a softmax's
_UNLIKE = 1e-4  # distance, at length 1, between two answers of a network that does not change its mind
_FLAT = 0.05  # share of digits without a gradient that is worth a word
_GAIN = 0.002  # share of digits that Square Attack alone may win
_SAMPLE = 250  # digits whose gradient is looked at


def look_like_probabilities(logits: np.ndarray) -> bool:
    """Whether outputs (n, 10) are what a softmax gives: never negative, and 1 in sum."""
    return bool(
        (logits > -_ROUNDING).all() and (logits < 1 + _ROUNDING).all() and (abs(logits.sum(1) - 1) < _ROUNDING).all()
    )


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two answers (n, 10) to the same images are not the same, beyond rounding."""
    one, other = (each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-10) for each in (one, other))
    return bool((one.argmax(1) != other.argmax(1)).any() or np.linalg.norm(one - other, axis=1).max() > _UNLIKE)


def without_gradient(task: Task, rows: np.ndarray) -> np.ndarray:
    """Which of those rows have a DLR loss with no gradient at all, at a random point of the ball: (k,) bool."""

    noise = task.eps[rows, None, None, None] * task.norm.uniform(task.stream)[rows]
    x = np.clip(task.x[rows] + noise, 0, 1)
    task.spend(gradients=1, rows=rows)
    slope, _ = gradient_of(task.model)(x, tf.constant(losses.index("dlr")), task.labels[rows], task.target[rows])
    return ~slope.numpy().any(axis=(1, 2, 3))


def before(task: Task, one: np.ndarray, other: np.ndarray, rows: np.ndarray) -> list[str]:
    """What can be said before the attack, from two answers (n, 10) to the digits, of which `rows` will be attacked."""
    said = []
    if look_like_probabilities(one):
        said.append(
            "The outputs look like probabilities: they are never negative and sum to 1. Gradients through a softmax "
            "vanish; attack the logits."
        )
    if differ(one, other):
        said.append(
            "The network answers the same image differently each time. Against randomness an attack has to average "
            "over it; this one does not, and its verdict is too kind."
        )
    rows = rows[:_SAMPLE]
    flat = int(without_gradient(task, rows).sum()) if len(rows) else 0
    if flat > _FLAT * len(rows):
        said.append(
            f"{flat} of {len(rows)} digits have no gradient at all. Attacks that follow it see nothing there; trust "
            "those that ask for scores alone, or attack through a smooth stand-in."
        )
    return said


def square_alone(won: int, digits: int) -> list[str]:
    """What it means that Square Attack, which sees no gradient, won so many of the digits that gradients did not."""
    if won <= _GAIN * digits:
        return []
    return [
        f"Square Attack, which sees no gradient, fooled {won} of {digits} digits that the attacks along the gradient "
        "could not. The gradient is probably hidden, and the network weaker than it looks."
    ]
