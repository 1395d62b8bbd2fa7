"""The Compare page driven as a visitor drives it: all attacks come in, are told truly, and open on the Attack page."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks
from pages.components import comparison, jobs, session, snippet
from pages.components.session import View
from tests.pages.driving import answer, button, choose, finished, opened, told, view

JOB = "comparison"


def compared(link: str = "") -> AppTest:
    """The page, come by that link, once all attacks have come in."""
    return finished(opened(link, "compare"), JOB, seconds=300)


def only(monkeypatch, *names: str) -> None:
    """Let the page know these attacks alone, so that a test that is not about them all is quick."""
    monkeypatch.setattr(comparison.attacks, "names", lambda: names)


@pytest.fixture(scope="module")
def whole():
    """A visit on which every attack was run."""
    return compared("digit=3500&budget=0.5")


def test_every_attack_has_its_card(whole):
    data = told(whole, "gallery")
    assert {card["name"] for card in data["cards"]} == set(attacks.names())
    assert not data["running"] and data["done"] == data["total"] == len(attacks.names())
    assert [card["name"] for card in data["cards"] if card["kind"] == "fault"] == []
    fooled = [card for card in data["cards"] if card["kind"] == "fooled"]
    assert len(fooled) >= 8
    for card in fooled:
        assert card["reads"] != data["label"] and card["success"]
    assert len(json.dumps(data)) < 150_000


def test_a_card_tells_what_the_attack_gives(whole):
    data, now = told(whole, "gallery"), view(whole)
    model = whole.session_state[JOB].asked.entries[0].view.model
    from pages.components import cache

    for name in ("fgsm", "pgd", "deepfool"):
        card = next(card for card in data["cards"] if card["name"] == name)
        attack = attacks.get(name)()
        result = attack(cache.model(model), now.x[None], np.array([now.y]), eps=card["eps"], norm=card["norm"])
        assert card["l2"] == pytest.approx(float(result.l2[0]), rel=1e-5)
        assert (card["gradients"], card["queries"]) == (result.gradients[0], result.forwards[0])
        assert card["reads"] == result.prediction[0] and card["success"] == result.success[0]


def test_an_attack_without_the_norm_says_in_which_it_was_run(whole):
    cards = {card["name"]: card for card in told(whole, "gallery")["cards"]}
    assert cards["fgm"]["norm"] == "l2" and "no L∞: in L2 at 1.50" in cards["fgm"]["note"]
    assert cards["fgsm"]["norm"] == "linf" and not cards["fgsm"]["note"]


def test_a_press_opens_the_attack_as_it_stood_there(monkeypatch):
    only(monkeypatch, "fgsm", "pgd")
    at = compared("digit=3500&budget=0.5")
    answer(at, "gallery", event="open", value="pgd")
    assert told(at, "gallery")["opens"]  # the browser stops looking, and says so
    answer(at, "gallery", event="go", value="x")
    assert view(at) == View(index=3500, attack="pgd", eps=session.snap(0.15, "linf"))
    assert told(at)["label"] == 7  # the scrubber stands there


@pytest.mark.parametrize("value", [None, 5, "no such attack", {}, ["pgd"]])
def test_a_press_on_nothing_opens_nothing(monkeypatch, value):
    only(monkeypatch, "fgsm")
    at = compared()
    answer(at, "gallery", event="open", value=value)
    assert not told(at, "gallery")["opens"]
    answer(at, "gallery", event="go", value="x")
    assert told(at, "gallery")["total"] == 1


def test_other_picks_begin_anew_and_end_what_ran(monkeypatch):
    only(monkeypatch, "fgsm", "noise")
    at = opened("digit=3500", "compare")
    first = at.session_state[JOB]
    button(at, "digit_2")
    second = at.session_state[JOB]
    assert second is not first and (first.job.over or not first.job.wanted)
    choose(at, "pick_within", "l2")
    assert at.session_state[JOB].asked.entries[0].view.norm == "l2"
    assert at.session_state[JOB].asked.entries[0].view.y == 2
    at.run()
    assert at.session_state[JOB] is at.session_state[JOB] and at.session_state[JOB].asked.norm == "l2"


def test_stopping_keeps_what_has_come_in(monkeypatch):
    only(monkeypatch, "fgsm", "pgd")
    at = opened(page="compare")
    answer(at, "gallery", event="stop", value="x")
    at = finished(at, JOB, seconds=300)
    assert at.session_state[JOB].job.state in (jobs.CANCELLED, jobs.DONE)
    data = told(at, "gallery")
    assert data["stopped"] == (at.session_state[JOB].job.state == jobs.CANCELLED)
    assert len(data["cards"]) == 2


def test_a_link_brings_the_comparison_back(monkeypatch):
    only(monkeypatch, "fgsm", "pgd")
    at = compared("digit=1000&model=plain_mlp&within=l1&budget=0.25&target=3")
    link = told(at, "gallery")["link"]
    assert {"within=l1", "budget=0.25", "digit=1000", "model=plain_mlp", "target=3"} <= set(link.split("&"))
    again = compared(link)
    assert told(again, "gallery")["setting"] == told(at, "gallery")["setting"]
    assert not again.info


@pytest.mark.parametrize(
    ("link", "said"), [("budget=7", "budget is “7”"), ("budget=nan", "budget is"), ("within=l3", "within is “l3”")]
)
def test_a_bad_link_falls_back_and_says_so(monkeypatch, link, said):
    only(monkeypatch, "fgsm")
    at = opened(link, "compare")
    assert any(said in each.value for each in at.info)
    assert told(at, "gallery")["setting"]["norm"] == "linf" and told(at, "gallery")["setting"]["eps"] == 0.2


def test_a_digit_read_wrong_from_the_start_says_so(monkeypatch):
    from core import digits, zoo

    only(monkeypatch, "fgsm")
    bundled = digits.bundled()
    wrong = int(np.flatnonzero(zoo.load("plain_mlp").predict(bundled.images) != bundled.labels)[0])
    at = compared(f"digit={wrong}&model=plain_mlp")
    assert told(at, "gallery")["wrong"] is not None


def test_the_code_gives_the_same(monkeypatch, capsys):
    only(monkeypatch, "fgsm", "fgm", "pgd")
    code = snippet.all_attacks(View(index=3500), "linf", 0.1)
    exec(compile(code, "pasted", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["fgsm", "pgd"]
