"""The table that comes with the package: every shipped model under the attacks that people ask for.

    python -m core.benchmark.shipped            # measures it anew, in some hours; goes on where it was interrupted

It is of bundled digits, at which anybody can look again on the Attack page.
"""

from __future__ import annotations

import gzip
import json
import sys
from functools import cache
from pathlib import Path

from core import commands, digits, zoo
from core.benchmark.grid import EPSILONS, Grid, in_turns
from core.benchmark.journal import Journal, Line
from core.benchmark.robustness import Clock, run

ATTACKS = ("noise", "fgsm", "fgm", "mim", "pgd", "apgd", "square:queries=1000")
DIGITS = 500
_FILE = Path(__file__).parent / "shipped.jsonl.gz"


@cache
def grid() -> Grid:
    """What the table asks: all models, all of its attacks, both norms."""
    return Grid(zoo.names(), ATTACKS, EPSILONS, digits.bundled()[in_turns()[:DIGITS]])


@cache
def lines() -> tuple[Line, ...]:
    """What was measured, for `rows`; those of models that have been trained anew since are of no use to anybody."""
    with gzip.open(_FILE, "rt", encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


def main() -> int:
    """Measure what is not there yet; returns the exit status."""

    def work() -> None:
        path = _FILE.with_suffix("")
        if _FILE.exists() and not path.exists():
            path.write_bytes(gzip.decompress(_FILE.read_bytes()))
        with Journal(path) as book:
            run(grid(), book, watch=Clock().tell)
            wanted = {chunk.key for chunk in grid().chunks}
            kept = [line for line in book.lines if line["key"] in wanted]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        _FILE.write_bytes(gzip.compress(text.encode(), mtime=0))
        path.unlink()

    return commands.status(work)


if __name__ == "__main__":
    sys.exit(main())
