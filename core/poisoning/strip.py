"""STRIP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import tensorflow as tf
from scipy import stats

from core import fit, lowering
from core.attacks import _inputs
from core.classifier import CLASSES, IMAGES, Classifier
from core.defenses.base import Watchman
from core.digits import Digits
from core.errors import InputError
from core.knobs import knob
from core.poisoning.base import Detector, Findings

_ROWS = 128  # digits in one call
_LEAST = 50  # digits at least that a threshold is set on
_TAILS: Any = stats.t(4)


@dataclass(frozen=True, kw_only=True)
class Strip(Detector):
    r"""Lay other digits over a digit: what is read then changes with them, unless a trigger shows through.

    $$H(x) = -\frac{1}{n} \sum_{j=1}^{n} \sum_{k} p_k\big(\max(x, o_j)\big) \ln p_k\big(\max(x, o_j)\big)$$

    p are the network's ten probabilities. A stamped digit is read the same with certainty whatever lies over it, so its
    entropy H is low. Each o is several digits in one picture: two at a time miss a fraction of the stamped digits that
    one at a time does. All digits meet the same n pictures.

    `watch_over` judges digits as they come, with a threshold set on clean ones for a chosen share of false alarms.
    `find` looks through a training set, whose clean part nobody knows: it lays the set's own digits over each, and
    flags those whose entropy is lower than that of all but the chosen share, if most digits are clean and their
    entropies follow Student's t with four degrees of freedom, which has about the tails that they have on MNIST.

    It needs a trigger that overlays leave whole, and that leads all classes to one.

    Gao et al., "STRIP: a defence against trojan attacks on deep neural networks", ACSAC 2019,
    https://arxiv.org/abs/1902.06531
    """

    title = "STRIP"

    overlays: int = knob(50, "Overlays", 1, 100, help="n: in how many pictures each digit is looked at")
    together: int = knob(2, "Digits at a time", 1, 4, help="That lie over it in one picture")
    false_alarms: float = knob(
        0.01, "False alarms", 0.001, 0.5, step=0.001, help="Share of the clean digits of a training set to be flagged"
    )

    def entropy(self, model: Classifier, x: np.ndarray, overlays: Digits, seed: int = 0) -> np.ndarray:
        """The entropy of each image of x (n, 28, 28, 1) under pictures made of these digits: (n,) float32, in nats."""
        model, x = _inputs.model(model), _inputs.images(x)
        parts = self._entropies(model, x, self._pictures(overlays, _inputs.seed(seed)))
        return np.concatenate(list(parts))

    def watch_over(self, model: Classifier, clean: Digits, *, seed: int = 0) -> Watchman:
        """Who judges digits as they come: he scores by the entropy's negative, and alarms at a chosen share of clean
        digits (see core.defenses.base.Watchman).

        clean: digits known to be clean, a fifth of which are laid over what he judges; the others set his thresholds.
        """
        model, seed = _inputs.model(model), _inputs.seed(seed) % 2**31
        order = np.random.default_rng([seed, 1]).permutation(len(clean))
        above, held = np.split(order, [len(clean) // 5])
        if len(held) < _LEAST:
            raise InputError(
                f"There are {len(clean)} clean digits; at least {_LEAST * 5 // 4} were expected, of which four fifths "
                "set the threshold."
            )
        pictures = tf.constant(self._pictures(clean[above], seed))
        net = lowering.forward(model.keras)
        return Watchman(
            detector=cast(Any, self),  # it has the same knobs and titles; `fit` and `score` are not asked of it
            model=model,
            measure=lambda x: -entropies(net, x, pictures),
            clean=-self.entropy(model, clean.images[held], clean[above], seed),
        )

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Findings:
        found = np.full(len(digits), np.inf, np.float32)
        done = 0
        for part in self._entropies(model, digits.images, self._pictures(digits, seed)):
            found[done : done + len(part)] = part
            done += len(part)
            if watch is not None and watch(done, len(digits), {"entropy": float(part.mean())}) is False:
                break
        # Most digits being clean, the median is theirs, and so is all that lies above it.
        middle, upper = np.quantile(found[:done], (0.5, 0.75))
        flagged = found < middle + _TAILS.ppf(self.false_alarms) / _TAILS.ppf(0.75) * (upper - middle)
        found[done:] = found[:done].max()  # nobody has looked at these
        count = np.maximum(np.bincount(digits.labels, minlength=CLASSES), 1)
        share = np.bincount(digits.labels, flagged, minlength=CLASSES) / count
        return Findings(-found, flagged, share.astype(np.float32))

    def _pictures(self, digits: Digits, seed: int) -> np.ndarray:
        """The pictures to lay over: (overlays, 28, 28, 1), each of `together` digits, drawn by the seed."""
        if not len(digits):
            raise InputError("There is no digit to lay over others; at least one was expected.")
        rows = np.random.default_rng([seed % 2**31, 2]).integers(0, len(digits), (self.overlays, self.together))
        return digits.images[rows].max(axis=1)

    def _entropies(self, model: Classifier, x: np.ndarray, pictures: np.ndarray):
        """The entropies of x, part by part."""
        graph = model.graph("strip", lambda: _build(model), [IMAGES, IMAGES])
        for at in range(0, len(x), _ROWS):
            yield graph(x[at : at + _ROWS], pictures).numpy()


def _build(model: Classifier) -> Callable:
    net = lowering.forward(model.keras)
    return lambda x, pictures: entropies(net, x, pictures)


def entropies(net: lowering.Forward, x: tf.Tensor, pictures: tf.Tensor) -> tf.Tensor:
    """The mean entropy of what the network reads in each image of x (n, 28, 28, 1) under the pictures: (n,)."""

    def one(image: tf.Tensor) -> tf.Tensor:
        logs = tf.nn.log_softmax(net(tf.maximum(image[None], pictures)))
        return -tf.reduce_mean(tf.reduce_sum(tf.exp(logs) * logs, axis=1))

    # One image at a time: its pictures are batch enough, and all together would not fit the cache.
    return tf.map_fn(one, x)
