"""A batch cut into parts that run side by side, one a core.

Most operations of an attack are too small to be shared out within themselves: whole parts beside each other keep the
cores busy.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

T = TypeVar("T")

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
    parts = np.array_split(rows, count)
    if count == 1 or getattr(_here, "alone", False):
        return [work(part) for part in parts]
    return list(_WORKERS.map(work, parts))
