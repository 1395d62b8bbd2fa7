"""Keeping, for each image, the worst of several tries."""

import numpy as np

from core.attacks.base import Task


class Worst:
    """The candidate with the largest margin seen so far, image by image: one forward row an image and try."""

    def __init__(self, task: Task):
        self._task = task
        self.x = task.x.copy()
        self._margin = np.full(len(task.x), -np.inf, np.float32)

    def offer(self, candidates: np.ndarray, rows: np.ndarray | None = None) -> None:
        """Score candidates (n, 28, 28, 1), or those of `rows` alone, and keep each that is worse for the model."""
        task = self._task
        rows = np.arange(len(task.x)) if rows is None else rows
        margin = task.margin(task.logits(candidates[rows], rows), rows)
        better = margin > self._margin[rows]
        self.x[rows[better]] = candidates[rows[better]]
        self._margin[rows[better]] = margin[better]

    @property
    def unbroken(self) -> np.ndarray:
        """The rows of the images that no candidate has fooled yet."""
        return np.flatnonzero(self._margin <= 0)
