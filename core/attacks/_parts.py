"""A batch cut into parts that run side by side, one a core.

Most operations of an attack are too small to be shared out within themselves: whole parts beside each other keep the
cores busy.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Item = TypeVar("Item")

_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_WORKERS = ThreadPoolExecutor(max_workers=_CORES, thread_name_prefix="attack")
_PART = 250, 24  # images of one part, at most and at least; 125 to 500 differed by less than the machine's noise
_here = threading.local()


@contextmanager
def one_core() -> Iterator[None]:
    """Whatever this thread attacks inside runs its parts one after the other: long work that leaves room for others."""
    before, _here.alone = getattr(_here, "alone", False), True
    try:
        yield
    finally:
        _here.alone = before


def side_by_side(work: Callable[[np.ndarray], T], rows: np.ndarray) -> list[T]:
    """work(part) for each part of rows (k,), in order: as many equal parts as cores, more if large, fewer if small."""
    largest, smallest = _PART
    count = max(-(-len(rows) // largest), min(_CORES, len(rows) // smallest), 1)
    return abreast(work, np.array_split(rows, count))


def abreast(work: Callable[[Item], T], items: Sequence[Item]) -> list[T]:
    """work(item) for each item, in order: as many at a time as there are cores."""
    if len(items) == 1 or getattr(_here, "alone", False):
        return [work(item) for item in items]
    return list(_WORKERS.map(work, items))
