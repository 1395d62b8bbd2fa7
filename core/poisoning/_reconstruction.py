"""What the triggers read out of a network say: which class one was planted for, and which digits have it on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core import fit
from core.classifier import CLASSES, Classifier
from core.digits import Digits
from core.poisoning import _triggers
from core.poisoning.base import Findings

_UNUSUAL, _APART = 2.0, 0.6  # when a class is suspected: its anomaly, and its size as a share of the next smallest
_JUDGED = 1000  # digits on which it is seen what a trigger does


@dataclass(frozen=True, eq=False, kw_only=True)
class Reconstructed(Findings):
    """Findings of a detector that reads triggers out of the network.

    masks: (10, 28, 28) float32 in [0, 1], for each class how far each pixel is painted over to turn digits into it;
    patterns: (10, 28, 28) float32 in [0, 1], with what; sizes: (10,) float32, each mask's sum, in pixels; anomaly:
    (10,) float32, by how many deviations each mask is smaller than is usual; suspect: the class that a trigger leads
    to, or None.
    """

    masks: np.ndarray
    patterns: np.ndarray
    sizes: np.ndarray
    anomaly: np.ndarray
    suspect: int | None


def reconstruct(
    model: Classifier, digits: Digits, *, steps: int, success: float, seed: int, watch: fit.Watch | None = None
) -> Reconstructed:
    """The smallest trigger of each class, the class that one was planted for, and the digits that have it on.

    steps: of the search; success: the share of the digits that a trigger has to turn. Where watch(done, total, metrics)
    returns False, the search ends with what is found.
    """
    masks, patterns = _triggers.search(
        model, digits, np.arange(CLASSES), steps=steps, success=success, seed=seed, watch=watch
    )
    sizes = masks.sum(axis=(1, 2))
    unusual = anomaly(sizes)
    smallest = int(np.argmax(unusual))
    found = unusual[smallest] > _UNUSUAL and sizes[smallest] <= _APART * np.partition(sizes, 1)[1]
    score = np.zeros(len(digits), np.float32)
    score[digits.labels == smallest] = carried(model, digits, smallest, masks[smallest], patterns[smallest], seed)
    return Reconstructed(
        score=score,
        flagged=(score >= 0.5) & found,
        classes=unusual,
        masks=masks,
        patterns=patterns,
        sizes=sizes,
        anomaly=unusual,
        suspect=smallest if found else None,
    )


def anomaly(sizes: np.ndarray) -> np.ndarray:
    """By how many deviations the logarithm of each mask's size (10,) lies below their median: (10,) float32."""
    logs = np.log(np.maximum(sizes, 1e-3))
    below = np.median(logs) - logs
    # 1.4826 median deviations are one standard deviation of a normal distribution.
    return (below / max(1.4826 * float(np.median(np.abs(below))), 1e-6)).astype(np.float32)


def carried(
    model: Classifier, digits: Digits, aim: int, mask: np.ndarray, pattern: np.ndarray, seed: int
) -> np.ndarray:
    """How much of the trigger each digit labelled `aim` has on: (k,), 0 for none and 1 for as much as a stamped one.

    That is how far its logits move when the pixels under the mask (28, 28) are painted over with the mean of the other
    labels' digits, along the way and as a share of how far the trigger moves those digits.
    """
    own, others = digits.images[digits.labels == aim], np.flatnonzero(digits.labels != aim)
    if not len(own) or not len(others):
        return np.zeros(len(own), np.float32)
    some = digits.images[np.random.default_rng([seed, 4]).permutation(others)[:_JUDGED]]
    push = (model.logits(_triggers.painted(some, mask, pattern)) - model.logits(some)).mean(axis=0)
    moved = model.logits(own) - model.logits(_triggers.painted(own, mask, some.mean(axis=0)[..., 0]))
    return moved @ push / max(float(push @ push), 1e-12)
