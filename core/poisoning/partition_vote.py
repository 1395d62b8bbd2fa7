"""A vote of networks, each trained on its own part of the digits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from core import copies
from core.attacks import _inputs
from core.classifier import CLASSES, IMAGE, Classifier
from core.defenses._ops import approximated
from core.digits import Digits
from core.errors import InputError
from core.knobs import knob
from core.poisoning._cleaner import Cleaner, Task
from core.poisoning._learning import PLAN, learn
from core.stages import Stages

_STEPS = 400  # of each member's training, by default: its part is small and is seen often
_NOBODY = 1e-3  # is added to all votes: nobody's have no logarithm


class Votes(NamedTuple):
    """counts: (n, 10) int64, how many members read each digit as which class; certified: (n,) int64, how many digits
    of the training set may be others without the answer being another."""

    counts: np.ndarray
    certified: np.ndarray


@dataclass(frozen=True, kw_only=True)
class PartitionVote(Cleaner):
    r"""Deal the digits out into parts, train a network on each, and let the networks vote.

    $$r = \left\lfloor \frac{n_a - \max_{b \ne a} \big(n_b + [b < a]\big)}{2} \right\rfloor$$

    A digit lies in one part alone, that which a hash of its picture says, so it can turn one vote at most. Where class
    a has its n votes, ahead of all b, no r digits that anybody puts in or takes out change the answer: a proof. A digit
    whose label is changed counts once; one whose picture is changed counts twice, as one out and another in. The price
    is that each network sees few digits.

    Deep partition aggregation: Levine and Feizi, ICLR 2021, https://arxiv.org/abs/2006.14768
    """

    title = "Partition vote"

    parts: int = knob(20, "Networks", 2, 2000, help="And parts of the digits: more can prove more, and read worse")

    def run(self, task: Task) -> Classifier:
        members, stages = [], Stages(task.watch, self.parts)
        for place, part in enumerate(dealt(task.digits, self.parts)):
            # What a member becomes must hang on its part alone: the seed is its place's, and an empty part has a voice.
            if len(part):
                often = task.epochs or math.ceil(_STEPS / max(len(part) // PLAN.batch, 1))
                seed, told = task.seed + place, stages.next()
                members.append(learn(task.model, part, epochs=often, seed=seed, watch=told).keras)
            else:
                members.append(copies.of(task.model.keras, copies.he, task.seed + place))
            if stages.stopped:
                break  # fewer members vote, and what they prove holds all the same
        network = keras.Sequential([keras.Input(IMAGE, name="image"), _Vote(members, name="vote")])
        return Classifier(network, name=f"{task.model.name}_vote", title=f"{task.model.title}, voting")

    def votes(self, model: Classifier, x: np.ndarray) -> Votes:
        """How a network that `clean` has made votes on images x (n, 28, 28, 1), and what that proves of each."""
        if not isinstance(_inputs.model(model).keras.layers[-1], _Vote):
            raise InputError(f"The network {model.name!r} is no vote. Pass one that {self.title} has made.")
        counts = np.round(np.exp(model.logits(x)) - _NOBODY).astype(np.int64)
        return Votes(counts, certified(counts))


def dealt(digits: Digits, parts: int) -> list[Digits]:
    """The digits in parts by a hash of their pictures; each part is in an order that its digits alone decide."""
    keys = [hashlib.sha256(image.tobytes()).digest() for image in np.ascontiguousarray(digits.images)]
    whose = np.array([int.from_bytes(key[:8], "big") % parts for key in keys], np.int64)
    order = np.array(sorted(range(len(keys)), key=lambda row: (keys[row], digits.labels[row])), np.int64)
    return [digits[order[whose[order] == part]] for part in range(parts)]


def certified(counts: np.ndarray) -> np.ndarray:
    """Votes (n, 10) -> how many of them may be turned, at least, before another class wins: (n,) int64.

    Of classes with equally many votes the lower one wins.
    """
    winner = counts.argmax(axis=1)[:, None]
    classes = np.arange(CLASSES)
    rivals = np.where(classes == winner, -1, counts + (classes < winner))
    return (np.take_along_axis(counts, winner, axis=1)[:, 0] - rivals.max(axis=1)) // 2


class _Vote(keras.layers.Layer):
    """Images (n, 28, 28, 1) -> the logarithms of the votes (n, 10), so that a softmax shows each class's share.

    Votes have no gradient; the one that an attacker is given is that of the members' mean logits.
    """

    def __init__(self, members: Sequence[keras.Model], **more: Any):
        super().__init__(**more)
        self.members = list(members)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        count = len(self.members)

        def counted(logits: tf.Tensor) -> tf.Tensor:
            read = tf.one_hot(tf.argmax(logits, axis=2), CLASSES)
            return tf.math.log(tf.reduce_sum(read, axis=0) + _NOBODY)

        def back(logits: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            return tf.repeat(upstream[None] / count, count, axis=0)  # pyright: ignore

        return approximated(counted, back, tf.stack([member(x, training=False) for member in self.members]))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (None, CLASSES)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "members": [each.get_config() for each in self.members]}
