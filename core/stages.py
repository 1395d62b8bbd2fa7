"""Several pieces of work in a row that one person watches as one."""

from __future__ import annotations

from core.fit import Watch


class Stages:
    """Who watches work of `of` stages that take about equally long, and whether he has ended it."""

    def __init__(self, watch: Watch | None, of: int):
        self._watch, self._of, self._place = watch, of, -1
        self.stopped = False

    def next(self) -> Watch:
        """The watch of the next stage: what it is told, he hears as the next part of the whole."""
        self._place += 1
        place = self._place

        def told(done: int, total: int, metrics: dict[str, float]) -> bool:
            if self._watch is not None and not self.stopped:
                self.stopped = self._watch(place * total + done, self._of * total, metrics) is False
            return not self.stopped

        return told
