"""The benchmark's file: nothing in it is lost, and no two runs write to it."""

import json

import pytest

from core.benchmark import journal
from core.benchmark.journal import Journal
from core.errors import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "rows.jsonl"


def test_what_is_added_is_there_for_the_next(path):
    with Journal(path) as book:
        book.add({"key": "a"})
    with Journal(path) as book:
        assert book.lines == [{"key": "a"}]
        book.add({"key": "b"})
    assert journal.read(path) == [{"key": "a"}, {"key": "b"}]


@pytest.mark.parametrize("torn", [b'{"key": "b", "fel', b'{"key": "b"}', b"\x00\x00\x00", b'{"key": "b", \n'])
def test_a_last_line_that_was_cut_off_is_taken_out(path, torn):
    path.parent.mkdir()
    path.write_bytes(b'{"key": "a"}\n' + torn)
    assert journal.read(path) == [{"key": "a"}]
    with Journal(path) as book:
        assert book.lines == [{"key": "a"}]
        book.add({"key": "c"})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"key": "a"}, {"key": "c"}]


def test_a_damaged_line_in_the_middle_is_named(path):
    path.parent.mkdir()
    path.write_text('{"key": "a"}\n{"key": \n{"key": "c"}\n')
    with pytest.raises(InputError, match=r"Line 2 of .*rows\.jsonl is damaged"):
        Journal(path)
    assert path.read_text().count("\n") == 3  # nothing was thrown away


def test_two_writers_at_once_refuse_each_other(path):
    with Journal(path) as book:
        book.add({"key": "a"})
        with pytest.raises(InputError, match="Another run is writing"):
            Journal(path)
        assert journal.read(path) == [{"key": "a"}]  # to read it is allowed
    with Journal(path):
        pass


def test_there_are_no_lines_where_there_is_no_file(path):
    assert journal.read(path) == [] and not path.exists()
