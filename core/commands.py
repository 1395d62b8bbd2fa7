"""What the package's commands have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable

from core.errors import InputError


def status(work: Callable[[], int | None]) -> int:
    """A command's exit status: what `work` returns, or 0; 2 for input that it cannot use, which is then said."""
    try:
        return work() or 0
    except InputError as refusal:
        print(refusal, file=sys.stderr)
        return 2
