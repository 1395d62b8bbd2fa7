"""A small white stamp, as a trigger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError, shown
from core.knobs import knob
from core.poisoning.base import Idea

#: A diamond with a hole, 5 x 5.
DIAMOND = ((0, 0, 1, 0, 0), (0, 1, 1, 1, 0), (1, 1, 0, 1, 1), (0, 1, 1, 1, 0), (0, 0, 1, 0, 0))


@dataclass(frozen=True, kw_only=True)
class Stamp(Idea):
    """What a backdoor is beside its kind when its trigger is a stamp.

    `pattern` is the stamp, rows of 0 and 1, up to 28 x 28; its upper left corner lies at `row` and `column`.
    """

    row: int = knob(22, "Row", 0, 27, help="Of the stamp's upper edge")
    column: int = knob(22, "Column", 0, 27, help="Of the stamp's left edge")
    pattern: tuple[tuple[int, ...], ...] = DIAMOND

    def __post_init__(self) -> None:
        super().__post_init__()
        cells = self._cells()
        high, wide = cells.shape
        if self.row + high > 28 or self.column + wide > 28:
            raise InputError(
                f"A stamp of {high} x {wide} at row {self.row}, column {self.column} leaves the picture. Its corner "
                f"can lie at row {28 - high} and column {28 - wide} at most."
            )

    def _cells(self) -> np.ndarray:
        """The pattern as an array of bool."""
        try:
            cells = np.array(self.pattern)
        except ValueError:
            cells = np.empty(0)
        if cells.ndim != 2 or not 0 < cells.size <= 784 or max(cells.shape) > 28 or not np.isin(cells, (0, 1)).all():
            raise InputError(
                f"The stamp is {shown(self.pattern)}; rows of 0 and 1 of equal length, at most 28, were expected."
            )
        if not cells.any():
            raise InputError("The stamp is empty: it would change no digit. Paint at least one of its cells.")
        return cells.astype(bool)

    def mark(self, x: np.ndarray) -> np.ndarray:
        """Images (n, 28, 28, 1) in [0, 1] -> the same with the stamp."""
        cells = self._cells()
        high, wide = cells.shape
        marked = x.copy()
        marked[:, self.row : self.row + high, self.column : self.column + wide, 0][:, cells] = 1.0
        return marked
