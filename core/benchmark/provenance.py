"""What a figure has to be told with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from core import cards
from core.benchmark.journal import Line


def provenance() -> Line:
    """The libraries, the commit, the machine and the day."""
    return {
        "libraries": cards.libraries(),
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": datetime.now(UTC).date().isoformat(),
    }


@cache  # a run's first answer holds for all of it, whatever is edited meanwhile
def _commit() -> str:
    """The commit of these sources, with a + where they have been changed since; "unknown" outside of a checkout."""
    here = Path(__file__).parent
    try:
        told = [
            subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--", "../.."))
        ]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told[0] + ("+" if told[1] else "")
