"""Keeping, for each image, the worst of several tries."""

import numpy as np
import tensorflow as tf

from core import losses
from core.attacks.base import Task


class Worst:
    """The candidate with the largest margin seen so far, image by image: one forward row an image and try."""

    def __init__(self, task: Task):
        self._task = task
        self.x = task.x.copy()
        self._margin = np.full(len(task.x), -np.inf, np.float32)

    def offer(self, candidates: np.ndarray) -> np.ndarray:
        """Score candidates (n, 28, 28, 1), keep each that is worse for the model than the last, and return the kept."""
        task = self._task
        logits = tf.constant(task.model.logits(candidates))
        task.spend(forwards=1)
        margin = losses.margin(logits, tf.constant(task.labels), tf.constant(task.target)).numpy()
        better = margin > self._margin
        self.x[better], self._margin[better] = candidates[better], margin[better]
        return self.x
