"""A small memory for what long work has found: bounded, shared by all visitors, the least used forgotten first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Kept:
    """The last `most` answers that were asked for, by question. Whoever puts one in changes it no more."""

    def __init__(self, most: int):
        self._most = most
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable) -> Any:
        """The answer, or None where it is not known, or no longer."""
        with self._lock:
            if question in self._answers:
                self._answers.move_to_end(question)
            return self._answers.get(question)

    def put(self, question: Hashable, answer: Any) -> None:
        """Keep an answer."""
        with self._lock:
            self._answers[question] = answer
            self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
