"""Label flips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.classifier import CLASSES
from core.errors import InputError
from core.knobs import knob, only_with
from core.poisoning.base import Poison, Set


@dataclass(frozen=True, kw_only=True)
class LabelFlip(Poison):
    r"""Change the labels of some digits and leave the pictures alone.

    $$x' = x, \qquad y' \ne y$$

    "random": any wrong class; "pairwise": the next class, 9 to 0; "targeted": the digits of one class become those of
    another; "loss": those digits, under those classes, that a network would be most surprised by. The network learns
    the wrong labels by heart in the end, and until then goes by the majority.

    Xiao, Xiao and Eckert 2012, https://doi.org/10.3233/978-1-61499-098-7-870; chosen by loss: Paudice, Muñoz-González
    and Lupu 2018, https://arxiv.org/abs/1803.00992
    """

    title = "Label flips"
    aim = "availability"

    how: str = knob("random", "Which", choices=("random", "pairwise", "targeted", "loss"), help="How labels are chosen")
    source: int = only_with("how", "targeted", knob(7, "From", 0, 9, help="The class whose labels are changed"))
    target: int = only_with("how", "targeted", knob(1, "To", 0, 9, help="The class that they are changed to"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.how == "targeted" and self.source == self.target:
            raise InputError(
                f"Source and target are both {self.target}: no label would change. Choose two different classes."
            )

    def run(self, given: Set) -> np.ndarray:
        labels = given.clean.labels
        if self.how == "loss":
            return self._surprising(given)
        targeted = self.how == "targeted"
        allowed = labels == self.source if targeted else np.ones(len(labels), bool)
        rows = self.rows(given, allowed, f"of class {self.source}" if targeted else "digits")
        if targeted:
            given.labels[rows] = self.target
        else:
            step = 1 if self.how == "pairwise" else given.draw.integers(1, CLASSES, len(rows))
            given.labels[rows] = (labels[rows] + step) % CLASSES
        return rows

    def _surprising(self, given: Set) -> np.ndarray:
        """The rows whose digits have the highest loss under the class that they are read as least."""
        if given.model is None:
            raise InputError(
                "Label flips by loss are chosen with a network, and none was given. Pass model=, or choose another way."
            )
        logits, true = tf.constant(given.model.logits(given.clean.images)), given.clean.labels
        least = tf.argmin(tf.where(tf.one_hot(true, CLASSES) > 0, np.inf, logits), axis=1).numpy()
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=least, logits=logits).numpy()
        count = len(self.rows(given, np.ones(len(least), bool), "digits"))
        rows = np.argsort(-loss, kind="stable")[:count]
        given.labels[rows] = least[rows]
        return rows
