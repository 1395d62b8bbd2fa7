"""Whole runs: by the command, interrupted by force, and on a cluster that loses a worker."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.benchmark import __main__ as command
from core.benchmark import journal, rows
from core.benchmark.grid import Grid
from core.benchmark.journal import Journal
from core.benchmark.robustness import run
from core.digits import Digits
from core.errors import InputError
from tests.support import some_digits

ROOT = Path(__file__).parents[2]
ASKED = ["--models", "plain_mlp", "--attacks", "fgsm,pgd:steps=5", "--eps", "0.05,0.1", "--set", "bundled"]


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid(("plain_mlp",), ("fgsm", "pgd:steps=5"), {"linf": (0.05, 0.1)}, Digits(*some_digits(160)), chunk=20)


@pytest.fixture(scope="module")
def table(grid, tmp_path_factory):
    """What a run that nobody disturbs comes to."""
    with Journal(tmp_path_factory.mktemp("whole") / "rows.jsonl") as book:
        run(grid, book)
        return counts(rows.table(grid, book.lines))


def counts(table) -> list[tuple]:
    """A table without its seconds."""
    return [(row.attack, row.eps, row.digits, row.wrong, row.broken, row.robust, row.gradients) for row in table]


def test_a_run_that_is_ended_goes_on_and_does_nothing_twice(grid, table, tmp_path):
    path, heard = tmp_path / "rows.jsonl", []

    def watch(done, total, line):
        heard.append((done, total, line["key"]))
        return len(heard) != 5

    for _ in range(2):
        with Journal(path) as book:
            run(grid, book, watch=watch)
    assert [(done, total) for done, total, _ in heard] == [(done, 16) for done in range(1, 17)]
    assert len({key for *_, key in heard}) == 16
    assert counts(rows.table(grid, journal.read(path))) == table


def test_who_asks_for_more_gets_only_that_measured(grid, tmp_path):
    few = Grid(grid.models, ("fgsm",), grid.epsilons, grid.digits[:40], chunk=20)
    asked = []
    with Journal(tmp_path / "rows.jsonl") as book:
        run(few, book)
        run(grid, book, watch=lambda done, total, line: asked.append((line["attack"], line["first"])))
    assert asked == [("fgsm", first) for first in range(40, 160, 20)] + [
        ("pgd:steps=5", first) for first in range(0, 160, 20)
    ]


def test_the_command_writes_lines_and_a_table(tmp_path, capsys):
    out = tmp_path / "rows.jsonl"
    assert command.main([*ASKED, "--digits", "30", "--chunk", "20", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "| `plain_mlp` | `worst of 2` | linf | 30 |" in said.out and "4/4" in said.err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 4 and {"libraries", "commit", "machine", "date", "seed"} <= set(lines[0])
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + 6
    assert command.main([*ASKED, "--digits", "30", "--chunk", "20", "--out", str(out), "--table"]) == 0
    again = capsys.readouterr()
    assert again.out == said.out and not again.err


@pytest.mark.parametrize(
    "more, said",
    [
        (["--models", "nobody"], "There is no model 'nobody'"),
        (["--eps", "a tenth"], "--eps a tenth was not understood"),
        (["--eps", "l7:1"], "l7"),
        (["--digits", "0"], "--digits is 0"),
        (["--cluster", "tcp://127.0.0.1:1"], "No Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_done_is_said(more, said, tmp_path, capsys):
    assert command.main([*ASKED, "--digits", "20", "--out", str(tmp_path / "rows.jsonl"), *more]) == 2
    assert said in capsys.readouterr().err


def test_a_run_that_is_killed_loses_the_chunk_under_way_and_no_more(tmp_path):
    out, given = tmp_path / "rows.jsonl", [*ASKED, "--digits", "160", "--chunk", "10"]
    asked = [sys.executable, "-m", "core.benchmark", *given, "--out", str(out)]
    killed = subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: out.exists() and out.read_bytes().count(b"\n") >= 3)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    there = journal.read(out)
    assert 3 <= len(there) < 32
    assert command.main([*given, "--out", str(out)]) == 0
    now = journal.read(out)
    assert now[: len(there)] == there and len(now) == 32 == len({line["key"] for line in now})


@pytest.fixture
def cluster():
    """A Dask cluster of two processes on this machine, whose workers nobody replaces."""
    distributed = pytest.importorskip("distributed")
    given = {"n_workers": 0, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**given) as scheduler:
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler.scheduler_address]
        worker += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        both = [
            subprocess.Popen(worker, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        try:
            with distributed.Client(scheduler) as client:
                client.wait_for_workers(2, timeout=60)
            yield scheduler.scheduler_address, both
        finally:
            for each in both:
                each.kill()
                each.wait()


def test_a_cluster_that_loses_a_worker_half_way_gives_the_same_table(grid, table, tmp_path, cluster):
    address, workers = cluster
    with Journal(tmp_path / "rows.jsonl") as book:

        def watch(done, total, line):
            if done == total // 2:
                workers[0].kill()

        run(grid, book, cluster=address, watch=watch)
        assert len(book.lines) == 16
        assert counts(rows.table(grid, book.lines)) == table
    assert workers[0].poll() is not None and workers[1].poll() is None


def test_without_dask_it_says_how_to_get_it(monkeypatch, grid, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with Journal(tmp_path / "rows.jsonl") as book, pytest.raises(InputError, match=r"requirements-cluster\.txt"):
        run(grid, book, cluster="tcp://127.0.0.1:8786")


def until(there) -> None:
    """Wait for that, at most two minutes."""
    for _ in range(1200):
        if there():
            return
        time.sleep(0.1)
    raise AssertionError("It never came.")
