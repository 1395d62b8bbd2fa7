"""The Scoreboard page driven as a visitor drives it: its table is what was measured, whole or not, and opens Attack."""

import base64
import csv
import gzip
import io
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import digits, zoo
from core.benchmark import chunks, rows, shipped
from core.benchmark.chunks import WRONG
from core.benchmark.grid import EPSILONS, Grid, in_turns
from pages.components import grid_panel, gridding, own_models, report, scoring, session
from pages.components.jobs import RUNNING, Job
from tests.pages.driving import answer, button, calm, finished, opened, told, view

MODELS = ("plain_cnn", "hardened_cnn")


def line(model, attack, norm="linf", seed=0, **changed):
    """What a run would have written of 500 digits, made up: mostly they fall late, a few were read wrong before."""
    count = len(EPSILONS[norm])
    rng = np.random.default_rng([seed, len(model), len(attack)])
    fell = rng.integers(-1, count + 1, shipped.DIGITS)
    size = [None if at in (WRONG, count) else 0.01 for at in fell]
    spent = {name: [1] * count for name in ("forwards", "gradients", "seconds")}
    asked = {"model": model, "attack": attack, "norm": norm, "epsilons": list(EPSILONS[norm]), "seed": seed, "first": 0}
    origin = {"libraries": {"keras": "3"}, "commit": "abc", "machine": "a machine", "date": "2026-01-02"}
    key = f"{model} {attack} {norm}"
    told = {
        "key": key,
        "version": "v",
        "thorough": False,
        "digits": shipped.DIGITS,
        "fell": fell.tolist(),
        "size": size,
    }
    return {**told, **asked, **spent, **origin, **changed}


@pytest.fixture
def table(monkeypatch):
    """A table of two models, with a gap: nobody has tried Square on the hardened one."""
    lines = [line(model, attack) for model in MODELS for attack in ("noise", "fgsm", "pgd")]
    lines += [line("plain_cnn", "square"), line("plain_cnn", "pgd", "l2")]
    monkeypatch.setattr(shipped, "lines", lambda: tuple(lines))
    return lines


def board(at: AppTest) -> dict:
    return told(at, "scoreboard")


def test_a_cell_tells_of_every_digit_where_it_fell(table):
    data = board(opened("", "benchmark"))
    linf = data["norms"][0]
    assert linf["name"] == "linf" and linf["epsilons"] == list(EPSILONS["linf"])
    for each in (each for each in table if each["norm"] == "linf"):
        code = linf["cells"][each["model"]][each["attack"]]
        assert [WRONG if letter == "-" else int(letter, 36) for letter in code] == each["fell"]
    assert "square" not in linf["cells"]["hardened_cnn"]  # nobody has measured it
    assert [each["name"] for each in data["models"]] == list(zoo.names())
    assert [each["title"] for each in linf["attacks"]] == ["Noise", "FGSM", "MIM", "PGD", "APGD", "Square"]


def test_the_page_stands_without_its_table(monkeypatch, tmp_path):
    for content in (None, b"", b"no gzip", gzip.compress(b"{"), gzip.compress(b"x" * 999)[:30]):
        path = tmp_path / "lines.gz"
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setattr(shipped, "_FILE", path)
        shipped.lines.cache_clear()
        at = opened("", "benchmark")
        assert any("python -m core.benchmark.shipped" in each.value for each in at.error)
        assert all(not norm["cells"] for norm in board(at)["norms"])
    path.write_bytes(gzip.compress((json.dumps(line("plain_cnn", "pgd")) + "\n").encode()))
    at = opened("", "benchmark")
    assert not at.error and list(board(at)["norms"][0]["cells"]) == ["plain_cnn"]
    shipped.lines.cache_clear()


def test_what_does_not_belong_to_the_table_is_left_out(monkeypatch):
    strange = [line("gone_cnn", "pgd"), line("plain_cnn", "jsma"), line("plain_cnn", "pgd", epsilons=[0.1])]
    half = line("plain_cnn", "fgsm", fell=[0] * 250)
    monkeypatch.setattr(shipped, "lines", lambda: (*strange, half, line("plain_mlp", "pgd")))
    assert list(scoring.from_shipped().fell["linf"]) == ["plain_mlp"]


def test_links_bring_the_picks_back_and_bad_ones_fall_back(table):
    picks = board(opened("within=l2&at=1.5&under=pgd&count=200", "benchmark"))["picks"]
    assert picks == {"table": "shipped", "norm": "l2", "place": 2, "count": 200, "under": "pgd", "without": []}
    first = board(opened("", "benchmark"))["picks"]
    assert first == {"table": "shipped", "norm": "linf", "place": 3, "count": 500, "under": "worst", "without": []}
    at = opened("within=l9&at=nan&under=none&count=7", "benchmark")
    assert board(at)["picks"] == first
    assert all(name in at.info[0].value for name in ("within", "at is", "under", "count"))


def test_picks_outlive_a_turn_to_another_page(table):
    at = opened("", "benchmark")
    at = answer(
        at, "scoreboard", picks={**board(at)["picks"], "norm": "l2", "place": 7, "without": ["model plain_mlp"]}
    )
    assert "within=l2&at=4.0" in board(at)["link"]
    at = at.switch_page("pages/compare.py").run().switch_page("pages/benchmark.py").run()
    picks = board(at)["picks"]
    assert (picks["norm"], picks["place"], picks["without"]) == ("l2", 7, ["model plain_mlp"])


def test_picks_that_no_visitor_can_make_change_nothing(table):
    at = opened("", "benchmark")
    before = board(at)["picks"]
    for sent in (None, [], "x", {"norm": "l1", "place": 99, "count": -1, "under": {}, "without": 3, "table": []}):
        at = answer(at, "scoreboard", picks=sent)
        assert board(at)["picks"] == before


def test_a_press_on_a_cell_opens_it_on_the_attack_page(table):
    at = opened("digit=3500", "benchmark")
    pressed = {"model": "hardened_cnn", "attack": "square", "norm": "l2", "eps": 1.5}
    at = answer(at, "scoreboard", event="open", value=pressed)
    assert board(at)["opens"]  # the browser stops looking, and says so
    at = answer(at, "scoreboard", event="go", value="now")
    seen = view(at)
    assert (seen.model, seen.attack, seen.norm, seen.eps, seen.index) == ("hardened_cnn", "square", "l2", 1.5, 3500)
    assert not seen.knobs and told(at, "scrubber")


def test_a_cell_is_opened_with_what_is_set_of_its_attack():
    seen = scoring.view_of(session.View(index=3500), "plain_mlp", "pgd:steps=7:restarts=2", "linf", 0.4)
    assert (seen.knobs, seen.eps) == ((("restarts", 2), ("steps", 7)), pytest.approx(0.3))  # where its slider ends
    assert scoring.title("pgd:steps=7+square") == "PGD, 7 steps + Square"


def test_a_press_on_what_is_not_there_opens_nothing(table):
    at = opened("", "benchmark")
    there = {"model": "plain_cnn", "attack": "pgd", "norm": "linf", "eps": 0.1}
    strange = [{"model": "no"}, {"attack": "no"}, {"norm": "l7"}, {"eps": "far"}, {"eps": None}, {"norm": ["l2"]}]
    for changed in (*strange, {"eps": float("nan")}, {"attack": "fgsm", "norm": "l2"}):
        at = answer(at, "scoreboard", event="open", value={**there, **changed})
        assert not board(at)["opens"], changed
    for changed in ({"digit": 500}, {"digit": -1}, {"side": 2}, {"eps": float("nan")}, {"digit": "x"}):
        at = answer(at, "versus", event="open", value={"digit": 1, "side": 0, "eps": 0.1, **changed})
        assert not board(at)["opens"], changed


def test_the_shipped_lines_are_of_the_shipped_models():
    wanted = {chunk.key for chunk in shipped.grid().chunks}
    assert {each["key"] for each in shipped.lines()} == wanted, "Measure anew: python -m core.benchmark.shipped"
    asked, there = rows.table(shipped.grid(), shipped.lines()), rows.of_lines(shipped.lines())
    assert sorted(rows.as_csv(there).splitlines()) == sorted(rows.as_csv(asked).splitlines())


# ------------------------------------------------------------------------------------------------------ to take it away
def taken(at: AppTest, kind: str) -> str:
    """The file that the browser gets; a later run does not give it again."""
    found = board(answer(at, "scoreboard", event="take", value=kind))["taken"]
    assert found["kind"] == kind and board(calm(at.run()))["taken"] is None
    return found["text"]


def test_files_hold_what_was_measured(table):
    at = opened("under=pgd&at=0.1", "benchmark")
    read = list(csv.DictReader(io.StringIO(taken(at, "csv"))))
    pgd = np.array(table[2]["fell"])
    row = next(each for each in read if each["attack"] == "pgd" and each["eps"] == "0.1" and each["model"] == MODELS[0])
    assert int(row["robust"]) == (pgd > 1).sum() and int(row["wrong"]) == (pgd == WRONG).sum()
    told = json.loads(taken(at, "json"))
    assert told["cells"][2]["fell"] == pgd.tolist() and told["digits"]["rows"][:3] == [0, 500, 1000]
    assert told["provenance"]["Commit"] == "abc" and len(told["rows"]) == len(read)


def test_the_report_stands_on_its_own(table):
    text = taken(opened("under=pgd&at=0.1", "benchmark"), "html")
    by_attack = {each["attack"]: each["fell"] for each in table if (each["model"], each["norm"]) == (MODELS[0], "linf")}
    worst = (np.min(list(by_attack.values()), axis=0) > 1).sum()
    low, high = rows.wilson(int(worst), 500)
    assert f"{worst / 5:.1f}<small>{100 * low:.1f} to {100 * high:.1f}</small>" in text
    for said in ("<svg", "not measured", "Commit</dt><dd>abc", "a machine", "2026-01-02", "core.benchmark.shipped"):
        assert said in text
    assert "http" not in text and "<script" not in text  # it asks nobody for anything


def test_the_worst_is_taken_digit_by_digit(table):
    shown = scoring.from_shipped()
    fell = np.min([each["fell"] for each in table if each["model"] == MODELS[1]], axis=0)[:100]
    want = [(fell > place).sum() for place in range(-1, 8)]
    assert shown.held("linf", MODELS[1], "worst", 100) == want
    assert shown.held("linf", MODELS[1], "clean", 100) != want and shown.held("l2", MODELS[1], "worst", 100) is None


def test_who_has_seen_few_attacks_cannot_lead(monkeypatch):
    good, bad = [8] * shipped.DIGITS, [0] * shipped.DIGITS
    lines = [line("plain_cnn", attack, fell=bad) for attack in ("noise", "fgsm", "pgd")]
    monkeypatch.setattr(shipped, "lines", lambda: (*lines, line("plain_mlp", "noise", fell=good)))
    shown = scoring.from_shipped()
    assert shown.in_line("linf") == ["plain_cnn"] and shown.in_line("l2") == []
    assert "Plain CNN leads: 0.0\u00a0% at worst so far" in report.html(shown, "linf", 0, 500, "worst")
    assert "Nothing is measured yet" in report.html(shown, "l2", 0, 500, "worst")


# ------------------------------------------------------------------------------------------------- a table of one's own
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


# --------------------------------------------------------------------------------------------------- digit by digit
def test_two_networks_are_told_digit_by_digit(table):
    data = told(opened("count=100", "benchmark"), "versus")
    by_model = {each["model"]: each["fell"] for each in table if (each["attack"], each["norm"]) == ("pgd", "linf")}
    assert data["fell"] == [by_model[name][:100] for name in MODELS] and data["titles"] == ["Plain CNN", "Hardened CNN"]
    assert data["labels"][:10] == list(range(10)) and data["attack"] == "PGD"
    images = np.frombuffer(base64.b64decode(data["x"]), np.uint8).reshape(-1, 784)
    rows_ = in_turns()[:100]
    assert np.array_equal(images, np.rint(255 * digits.bundled().images[rows_]).astype(np.uint8).reshape(-1, 784))


def test_a_press_on_a_digit_opens_that_digit(table):
    at = answer(opened("", "benchmark"), "versus", event="open", value={"digit": 13, "side": 1, "eps": 0.25})
    at = answer(at, "scoreboard", event="go", value="now")
    seen = view(at)
    assert (seen.index, seen.y, seen.model, seen.attack, seen.eps) == (in_turns()[13], 3, MODELS[1], "pgd", 0.25)


def test_without_figures_the_panel_says_so(monkeypatch):
    monkeypatch.setattr(shipped, "lines", lambda: (line("plain_cnn", "fgsm"),))
    at = opened("", "benchmark")
    assert any("has not been measured on two networks" in each.value for each in at.caption)
