"""Chunks on a Dask cluster: many machines, one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from core.benchmark.chunks import Outcome, measured
from core.benchmark.grid import Chunk
from core.errors import InputError

_AHEAD = 2  # chunks for each worker that are sent before they are due, so that none of them waits
_TRIES = 3  # of a chunk whose worker died


def measured_on(address: str, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, Outcome]]:
    """Each chunk with its outcome, as they come. A chunk whose worker dies is given to another.

    Every worker needs this package, at the same commit. Raises InputError where Dask is not installed or the scheduler
    does not answer.
    """
    client = _client(address)
    with client:
        from distributed import KilledWorker, as_completed

        waiting = iter(chunks)
        whose: dict[Any, Chunk] = {}

        def send(count: int) -> list[Any]:
            sent = []
            for chunk in islice(waiting, count):
                future = client.submit(measured, chunk, key=f"chunk-{chunk.key}", retries=_TRIES)
                whose[future.key] = chunk
                sent.append(future)
            return sent

        workers = max(len(client.scheduler_info()["workers"]), 1)
        under_way = as_completed(send(_AHEAD * workers))
        for future in under_way:
            chunk = whose.pop(future.key)
            try:
                outcome = future.result()
            except KilledWorker as died:
                raise InputError(
                    f"The cluster's workers died again and again of the digits from {chunk.first:,} of {chunk.model} "
                    f"under {chunk.attack}, of too little memory perhaps. Look into their logs, or choose a smaller "
                    "--chunk. What was measured by then is kept."
                ) from died
            yield chunk, outcome
            future.release()
            for more in send(1):
                under_way.add(more)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as missing:
        raise InputError(
            "--cluster needs Dask, which is not installed. Install it: pip install -r requirements-cluster.txt."
        ) from missing
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as fault:
        raise InputError(
            f"No Dask scheduler answers at {address} ({fault}). Start one, dask scheduler, and give its address."
        ) from fault
