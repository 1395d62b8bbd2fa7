"""The table of a benchmark: its counts, its intervals, and the worst of several attacks."""

import csv
import io

import numpy as np
import pytest

from core.benchmark import rows
from core.benchmark.chunks import WRONG, Outcome
from core.benchmark.grid import Grid
from core.digits import Digits
from core.errors import InputError
from tests.support import some_digits


@pytest.mark.parametrize(
    "hits, count, low, high",
    # Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_wilsons(hits, count, low, high):
    assert rows.wilson(hits, count) == pytest.approx((low, high), abs=5e-5)
    assert rows.wilson(count - hits, count) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_of_nothing_nothing_is_known():
    assert rows.wilson(0, 0) == (0.0, 1.0)


@pytest.fixture(scope="module")
def grid() -> Grid:
    x, y = some_digits(20)
    epsilons = {"linf": (0.2, 0.1), "l2": (1.0,)}
    return Grid(("plain_cnn",), ("fgsm", "pgd", "deepfool"), epsilons, Digits(x, y), chunk=10)


def line(chunk, fell, size=0.05):
    """What a run would have written of a chunk."""
    fell, count = np.array(fell), len(chunk.epsilons)
    size = np.where((fell >= 0) & (fell < count), size, np.nan)
    cost = np.arange(1, count + 1)
    return {"key": chunk.key, **chunk.said, **rows.told(Outcome(fell, size, 2 * cost, cost, cost / 2))}


def of(grid, attack, norm="linf"):
    return [chunk for chunk in grid.chunks if (chunk.attack, chunk.norm) == (attack, norm)]


def test_a_grid_is_cut_into_chunks_that_are_all_different(grid):
    assert len(grid.chunks) == 2 * (3 + 2) and len({chunk.key for chunk in grid.chunks}) == 10  # FGSM knows no L2
    assert of(grid, "fgsm")[1].first == 10 and of(grid, "fgsm")[0].epsilons == (0.1, 0.2)


def test_counts_add_up(grid):
    first, second = of(grid, "pgd")
    lines = [line(first, [WRONG, 0, 0, 1, 2, 2, 2, 2, 2, 2]), line(second, [0] * 5 + [2] * 5, size=0.09)]
    small, large = rows.table(grid, lines)
    assert (small.eps, small.digits, small.wrong, small.broken, small.robust) == (0.1, 20, 1, 7, 12)
    assert (large.eps, large.broken, large.robust, large.share) == (0.2, 8, 11, 0.55)
    assert (small.forwards, large.gradients, large.seconds) == (4, 4, 2.0)
    assert small.size == pytest.approx(0.09) and (small.low, small.high) == rows.wilson(12, 20)


def test_a_table_tells_of_as_many_digits_as_are_done(grid):
    assert rows.table(grid, []) == []
    assert [row.digits for row in rows.table(grid, [line(of(grid, "pgd")[1], [2] * 10)])] == [10, 10]


def test_the_worst_is_taken_digit_by_digit(grid):
    lines = [
        line(of(grid, "fgsm")[0], [WRONG, 1, 2, 2, 2, 2, 2, 2, 2, 2], size=0.18),
        line(of(grid, "pgd")[0], [WRONG, 0, 0, 1, 2, 2, 2, 2, 2, 2], size=0.08),
        line(of(grid, "pgd")[1], [0] * 10),  # alone: of these digits the others say nothing
        line(of(grid, "deepfool")[0], [WRONG, 2, 2, 2, 2, 2, 2, 2, 2, 0], size=0.06),
    ]
    worst = [row for row in rows.table(grid, lines) if row.attack == "worst of 3"]
    assert [(row.digits, row.wrong, row.broken, row.robust) for row in worst] == [(10, 1, 3, 6), (10, 1, 4, 5)]
    assert worst[0].size == pytest.approx(0.08) and worst[0].gradients == 3


def test_the_lines_of_other_questions_are_left_alone(grid):
    other = Grid(("plain_cnn",), ("pgd:steps=3",), {"linf": (0.1,)}, grid.digits, chunk=10)
    assert rows.table(grid, [line(other.chunks[0], [0] * 10)]) == []


def test_as_csv_it_can_be_read_again(grid):
    table = rows.table(grid, [line(of(grid, "pgd")[0], [2] * 10)])
    read = list(csv.DictReader(io.StringIO(rows.as_csv(table))))
    assert [float(each["eps"]) for each in read] == [0.1, 0.2] and read[0]["robust"] == "10"
    assert read[0]["model"] == "plain_cnn" and np.isnan(float(read[0]["size"]))


def test_as_markdown_it_says_percent_and_interval(grid):
    text = rows.as_markdown(rows.table(grid, [line(of(grid, "pgd")[0], [2] * 9 + [0])]))
    assert "| `plain_cnn` | `pgd` | linf | 10 | 90.0 (59.6 to 98.2) at 0.1, 90.0 (59.6 to 98.2) at 0.2 |" in text


@pytest.mark.parametrize(
    "given, said",
    [
        ({"models": ("nobody",)}, "There is no model 'nobody'"),
        ({"attacks": ("pdg",)}, "Did you mean 'pgd'"),
        ({"attacks": ("jsma",)}, "jsma cannot be bounded in any of: linf"),
        ({"epsilons": {"linf": (0.1, 1.5)}}, "numbers from 0 to 1 were expected"),
        ({"epsilons": {"linf": (float("nan"),)}}, "numbers from 0 to 1 were expected"),
        ({"epsilons": {"linf": ()}}, "numbers from 0 to 1 were expected"),
        ({"epsilons": {"l7": (1.0,)}}, "l7"),
        ({"chunk": 0}, "chunk is 0"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_it_begins(grid, given, said):
    usual = {"models": ("plain_cnn",), "attacks": ("pgd",), "epsilons": {"linf": (0.1,)}, "digits": grid.digits}
    with pytest.raises(InputError, match=said):
        Grid(**usual | given)


def test_digits_there_have_to_be(grid):
    with pytest.raises(InputError, match="There are no digits"):
        Grid(("plain_cnn",), ("pgd",), {"linf": (0.1,)}, grid.digits[:0])


def test_lines_alone_give_the_same_table(grid):
    lines = [line(chunk, [WRONG, 0, *[len(chunk.epsilons)] * 8]) for chunk in grid.chunks]
    assert len(rows.of_lines(lines)) == 2 * 4 + 3  # each attack and their worst, at each epsilon of its norm
    assert {repr(row) for row in rows.of_lines(lines)} == {repr(row) for row in rows.table(grid, lines)}
    some = rows.of_lines(lines[:4])  # whatever the grid asks beside them
    assert {row.attack for row in some} <= {"fgsm", "pgd", "worst of 2"} and some
