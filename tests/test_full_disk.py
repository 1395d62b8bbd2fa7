"""The disk is full: what was written before stands, and it is said."""

import errno

import pytest

from core import commands, fit
from core.benchmark import journal
from core.fit import Plan
from tests.full_disk import full_disk
from tests.support import untrained

LINE, LONG = {"key": "a"}, {"key": "b", "fell": [1.0] * 500}


def test_a_journal_keeps_its_lines_and_goes_on(tmp_path):
    path = tmp_path / "rows.jsonl"
    with journal.Journal(path) as file:
        file.add(LINE)
    with full_disk(path.stat().st_size + 100), pytest.raises(OSError), journal.Journal(path) as file:
        file.add(LONG)
    assert path.stat().st_size > len(path.read_bytes().split(b"\n")[0]) + 1, "a part of the line is there"
    with journal.Journal(path) as file:
        assert file.lines == [LINE]
        file.add(LONG)
    assert journal.read(path) == [LINE, LONG]


def test_a_checkpoint_stays_as_it_was_and_no_half_of_one_lies_beside_it(six_hundred, tmp_path):
    path, plan = tmp_path / "state.npz", Plan(epochs=2, batch=100, rate=3e-3)
    fit.fit(untrained(), six_hundred, plan, watch=lambda done, *_: done < 6, every=1, checkpoint=path)
    before = path.read_bytes()
    with full_disk(1000), pytest.raises(OSError):
        fit.fit(untrained(), six_hundred, plan, checkpoint=path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert fit.fit(untrained(), six_hundred, plan, checkpoint=path).done == 12


def test_a_command_says_so_and_hides_no_other_fault(capsys):
    def fails(number: int) -> int:
        raise OSError(number, "it is so", "rows.jsonl")

    assert commands.status(lambda: fails(errno.ENOSPC)) == 1
    said = capsys.readouterr().err
    assert "no room left" in said and "rows.jsonl" in said and said.strip().endswith(".")
    with pytest.raises(FileNotFoundError):
        commands.status(lambda: fails(errno.ENOENT))
