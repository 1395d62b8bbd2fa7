"""What the package's commands have in common."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

from core.errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def status(work: Callable[[], int | None]) -> int:
    """A command's exit status: what `work` returns, or 0; 2 for input that it cannot use, 1 for a full disk.

    The last two are said.
    """
    try:
        return work() or 0
    except InputError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except OSError as fault:
        if fault.errno not in _FULL:
            raise
        print(
            f"There is no room left on the disk ({fault}). What was written before stays: make room, and give the same "
            "command again.",
            file=sys.stderr,
        )
        return 1
