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
from core.benchmark import rows, shipped
from core.benchmark.chunks import WRONG
from core.benchmark.grid import EPSILONS, in_turns
from pages.components import report, scoring, session
from tests.pages import made_up_table
from tests.pages.driving import answer, calm, opened, told, view
from tests.pages.made_up_table import MODELS, board, line


@pytest.fixture
def table(monkeypatch):
    return made_up_table.stand_in(monkeypatch)


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
