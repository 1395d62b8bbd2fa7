"""Training that forgets what it finds hardest."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from core.classifier import Classifier
from core.knobs import knob
from core.objectives import Moment, cross_entropy, grown
from core.poisoning._cleaner import Cleaner, Task


@dataclass(frozen=True, kw_only=True)
class TrimmedLoss(Cleaner):
    r"""Train anew, and in every step leave out the share of the batch that has the highest loss.

    $$\min_\theta \sum_{i \in S} L(x_i, y_i), \qquad S = \text{those } (1 - \alpha)\, n \text{ of lowest loss}$$

    A wrong label among many true ones is a surprise, and is left out before it is learnt by heart. A stamp is no
    surprise for long: it is learnt sooner than any digit, so against backdoors this does little. The share grows from 0
    while the network does not yet know what is surprising.

    Shen and Sanghavi, "Learning with bad training data via iterative trimmed loss minimization", ICML 2019,
    https://arxiv.org/abs/1810.11874
    """

    title = "Trimmed loss"

    share: float = knob(0.3, "Left out", 0.0, 0.9, step=0.05, help="α: the share of each batch; best what is poisoned")
    ramp: float = knob(0.3, "Growing for", 0.0, 1.0, step=0.05, help="Share of the training before α is reached")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        logits = model(x, training=True)
        losses = cross_entropy(logits, y)
        return kept(losses, 1.0 - grown(self.share, self.ramp, moment)), logits

    def run(self, task: Task) -> Classifier:
        return task.learn(task.digits, objective=self)


def kept(losses: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """The losses (n,) with all but that share of the lowest at 0, and those scaled so that the mean is theirs."""
    count = tf.size(losses)
    few = tf.clip_by_value(tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32), 1, count)
    # A rank for each, so that of equal losses exactly so many are kept.
    rank = tf.argsort(tf.argsort(losses))
    return tf.where(rank < few, losses * tf.cast(count / few, tf.float32), 0.0)
