"""The benchmark on a Dask cluster of one worker and of two, on this machine: what the second is worth.

Each worker has one thread and is bound to a core of its own where the system can do that, so that two workers are what
two machines would be, but for the network between them.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.benchmark import rows
from core.benchmark.grid import Grid
from core.benchmark.journal import Journal
from core.benchmark.robustness import run
from core.digits import Digits
from tests.perf.targets import Row
from tests.support import some_digits

ROOT = Path(__file__).parents[2]
_EPSILONS = (0.1, 0.2, 0.3)
_TARGET = 0.6  # of one worker's time


@contextmanager
def workers(count: int) -> Iterator[str]:
    """The address of a scheduler with so many workers, each warm."""
    from distributed import Client, LocalCluster

    settings = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    with LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as cluster:
        asked = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        asked += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        linux = hasattr(os, "sched_setaffinity")
        bound = [["taskset", "-c", str(core)] if linux else [] for core in range(count)]
        environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
        running = [
            subprocess.Popen([*bound[i], *asked], env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
            for i in range(count)
        ]
        try:
            with Client(cluster) as client:
                client.wait_for_workers(count, timeout=120)
            yield cluster.scheduler_address
        finally:
            for each in running:
                each.kill()
                each.wait()


def seconds(address: str, count: int) -> tuple[float, int]:
    """How long the cluster takes for so many digits, and how many of them stand at the last epsilon."""
    grid = Grid(("trades_cnn",), ("pgd",), {"linf": _EPSILONS}, Digits(*some_digits(count)), chunk=100)
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "rows.jsonl") as book:
        began = time.perf_counter()
        run(grid, book, cluster=address)
        return time.perf_counter() - began, rows.table(grid, book.lines)[-1].robust


def main(count: int) -> None:
    """Print the time of one worker and of two, and what a million digits would cost."""
    print(f"\ntrades_cnn, PGD-40, {len(_EPSILONS)} epsilons, {count:,} digits in chunks of 100, on a Dask cluster")
    times: dict[int, float] = {}
    for size in (1, 2):
        with workers(size) as address:
            seconds(address, 200 * size)  # imports, weights and graphs
            times[size], standing = seconds(address, count)
        hours = times[size] * size / count * 1e6 / 3600
        told = f"{size} worker{'s' * (size > 1)}: {times[size]:7.1f} s, {standing:,} stand"
        print(f"{told}; a million digits: {hours:.1f} core hours", flush=True)
    print(Row("two workers: of one worker's time", times[2] / times[1], _TARGET, "×"), flush=True)
