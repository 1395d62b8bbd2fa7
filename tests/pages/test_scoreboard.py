"""The Scoreboard page driven as a visitor drives it: its table is what was measured, whole or not, and opens Attack."""

import gzip
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import zoo
from core.benchmark import rows, shipped
from core.benchmark.chunks import WRONG
from core.benchmark.grid import EPSILONS
from pages.components import scoring, session
from tests.pages.driving import answer, opened, told, view

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
    assert picks == {"norm": "l2", "place": 2, "count": 200, "under": "pgd", "without": []}
    first = board(opened("", "benchmark"))["picks"]
    assert first == {"norm": "linf", "place": 3, "count": 500, "under": "worst", "without": []}
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
    assert board(at)["picks"] == {
        "norm": "l2",
        "place": 7,
        "count": 500,
        "under": "worst",
        "without": ["model plain_mlp"],
    }


@pytest.mark.parametrize("sent", [None, [], "x", {"norm": "l1", "place": 99, "count": -1, "under": {}, "without": 3}])
def test_picks_that_no_visitor_can_make_change_nothing(table, sent):
    at = opened("", "benchmark")
    before = board(at)["picks"]
    assert board(answer(at, "scoreboard", picks=sent))["picks"] == before


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


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "no"},
        {"attack": "no"},
        {"norm": "l7"},
        {"eps": "far"},
        {"eps": None},
        {"attack": "fgsm", "norm": "l2"},
    ],
)
def test_a_press_on_what_is_not_there_opens_nothing(table, changed):
    at = opened("", "benchmark")
    pressed = {"model": "plain_cnn", "attack": "pgd", "norm": "linf", "eps": 0.1, **changed}
    assert not board(answer(at, "scoreboard", event="open", value=pressed))["opens"]


def test_the_shipped_lines_are_of_the_shipped_models():
    try:
        lines = shipped.lines()
    except FileNotFoundError:
        pytest.skip("The table has not been measured yet.")
    wanted = {chunk.key for chunk in shipped.grid().chunks}
    assert {each["key"] for each in lines} <= wanted, "Measure anew: python -m core.benchmark.shipped"
    assert rows.rows(shipped.grid(), lines)
