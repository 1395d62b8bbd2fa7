"""A table of one's own on the Scoreboard: what the benchmark measures, cell by cell, with its time told before."""

import pytest
from streamlit.testing.v1 import AppTest

from core import digits, zoo
from core.benchmark import chunks
from core.benchmark.chunks import WRONG
from core.benchmark.grid import Grid, in_turns
from pages.components import grid_panel, gridding, own_models
from pages.components.jobs import RUNNING, Job
from tests.pages import made_up_table
from tests.pages.driving import answer, button, calm, finished, opened
from tests.pages.made_up_table import board, line


@pytest.fixture
def table(monkeypatch):
    return made_up_table.stand_in(monkeypatch)


def picked(at: AppTest, **picks) -> AppTest:
    """The page with these picks in the panel."""
    at.session_state["picks_grid"] = picks
    return calm(at.run())


def begun(at: AppTest, **picks) -> AppTest:
    asked = {"models": ["plain_mlp"], "attacks": ["fgsm", "noise"], "linf": [0.1], "count": 20, **picks}
    return finished(button(picked(at, **asked), "grid_run"), "gridding")


def test_a_table_of_ones_own_is_what_the_benchmark_measures(table):
    at = begun(opened("", "benchmark"), count=50)  # more than are measured at a time
    data = board(at)
    assert data["picks"]["table"] == "own" and data["counts"] == [50] and not data["waiting"]
    some = digits.bundled()[in_turns()[:50]]
    grid = Grid(("plain_mlp",), ("fgsm",), {"linf": (0.1,)}, some)
    outcome = chunks.measured(grid.chunks[0])
    assert outcome is not None
    assert data["norms"][0]["cells"]["plain_mlp"]["fgsm"] == "".join(
        "-" if each == WRONG else str(each) for each in outcome.fell
    )
    assert "--models plain_mlp --attacks fgsm,noise --norm linf --eps 0.1 --digits 50 --set bundled" in data["origin"]
    shown = answer(at, "scoreboard", picks={**data["picks"], "table": "shipped"})
    assert board(shown)["picks"]["table"] == "shipped" and board(shown)["count"] == 500


def test_a_table_that_is_cancelled_keeps_its_finished_cells():
    model, lines = zoo.load("plain_mlp"), []
    plan = gridding.Plan((("plain_mlp", model.version),), ("fgsm", "bim", "mim"), "linf", (0.07,), 20)
    job = Job(lambda job: None, "somebody")

    def hand_in(line):
        lines.append(line)
        job.cancel()
        return job.wanted

    job.hand_in = hand_in
    gridding.run(job, plan, {"plain_mlp": model})
    assert len(lines) == 1 and list(plan.table(lines).fell["linf"]["plain_mlp"]) == ["fgsm"]
    again = Job(lambda job: None, "somebody")
    gridding.run(again, plan, {"plain_mlp": model})
    assert again.parts[0] is lines[0] and len(again.parts) == 3  # what was finished is not measured anew
    assert again.done == again.total == 3 * gridding.UNITS


def test_cells_to_come_are_told_with_their_share():
    plan = gridding.Plan((("plain_mlp", ""),), ("fgsm", "bim", "mim"), "linf", (0.1,), 20)
    job = Job(lambda job: None, "somebody")
    job.hand_in({})
    job.report(round(1.25 * gridding.UNITS), 3 * gridding.UNITS)
    assert set(gridding.waiting(plan, job).values()) == {None}  # in the queue
    job.state = RUNNING
    assert gridding.waiting(plan, job) == {"linf plain_mlp bim": 0.25, "linf plain_mlp mim": None}


def test_time_is_told_by_what_the_lines_have_taken():
    plan = gridding.Plan((("plain_mlp", ""), ("plain_cnn", "")), ("pgd",), "linf", (0.1,), 100)
    known = [line("plain_mlp", "pgd", seconds=[5.0] * 8), line("plain_cnn", "pgd", "l2", seconds=[900.0] * 8)]
    assert gridding.seconds(plan, known) == pytest.approx(2 * 100 * 40 / 500)
    twice = gridding.Plan(plan.models, ("pgd:steps=80",), "linf", (0.1,), 100)
    assert gridding.seconds(twice, known) == pytest.approx(2 * gridding.seconds(plan, known))
    assert grid_panel.about(3) == "a few seconds" and grid_panel.about(125) == "about 2 min"


def test_what_cannot_be_run_is_said_before_it_begins(table):
    at = picked(opened("", "benchmark"), models=[])
    assert any("Choose a network at least" in each.value for each in at.info)
    assert at.button(key="grid_run").disabled
    at = picked(at, models=list(zoo.names()), attacks=["hopskipjump", "autoattack"], count=300)
    assert any("python -m core.benchmark --models" in each.value for each in at.info)


def test_a_network_of_ones_own_is_in_the_table(table, monkeypatch):
    at = opened("", "benchmark")
    name = "own-abc"
    monkeypatch.setitem(own_models._all, name, zoo.load("plain_mlp"))
    at.session_state[own_models._KEY] = [name]
    at = begun(calm(at.run()), models=[name])
    assert list(board(at)["norms"][0]["cells"]) == [name]
