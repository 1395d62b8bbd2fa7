"""The Attack page driven as a visitor drives it."""

import json

import numpy as np
import pytest

from core import attacks, zoo
from pages.components import cache, long_sweep, session
from tests.pages.driving import answer, button, calm, choose, component, data, drawn_digit, opened, pictures, told, view
from tests.support import pairs

#: Answers that no scrubber of ours sends, and any client may.
NO_EPS = [None, "0.1", "", [], {}, [0.1], float("nan"), float("inf"), -float("inf"), 10**400]


@pytest.fixture(scope="module")
def page():
    """One visitor for the tests that leave the picks as they find them, or set all that they need."""
    return opened()


def test_the_first_visit_shows_a_seven_under_pgd():
    at = opened()
    assert view(at).y == 7 and view(at).attack == "pgd" and view(at).eps == 0
    assert not at.info and not at.error
    given = data(at)
    assert given["label"] == 7 and len(given["sweep"]["epsilons"]) == 61 and given["sweep"]["success"][-1]
    assert len(json.dumps(given)) < 120_000


@pytest.mark.parametrize(("attack", "norm"), pairs())
def test_every_attack_in_each_of_its_norms(page, attack, norm):
    choose(page, "pick_attack", attack)
    choose(page, "pick_norm", norm)
    assert (view(page).attack, view(page).norm) == (attack, norm)
    long = long_sweep.is_long(cache.question(view(page)))
    given = told(page) if long else data(page)
    assert given["norm"] == norm and given["setting"]["attack"] == attack
    if not long or given["whole"]:  # how a long one comes in: see test_long_sweep
        assert given["sweep"]["epsilons"][-1] == given["max"]
    assert given["steps"] == (hasattr(attacks.get(attack)(), "steps") and not long)


@pytest.mark.parametrize("name", zoo.names())
def test_every_model(page, name):
    choose(page, "pick_model", name)
    assert view(page).model == name and data(page)["caption"].endswith(zoo.card(name)["title"])


def test_a_target(page):
    button(page, "digit_4")
    choose(page, "pick_target", "9")
    assert view(page).target == 9 and data(page)["target"] == 9
    button(page, "digit_9")  # a digit cannot be aimed at its own class
    assert view(page).target is None and data(page)["target"] is None
    assert "9" not in page.selectbox(key="pick_target").options


def test_a_second_press_brings_the_next_example(page):
    button(page, "digit_2")
    first = view(page).index
    button(page, "digit_2")
    assert view(page).index != first and view(page).y == 2
    button(page, "digit_5")
    button(page, "digit_2")
    assert view(page).index == first + 1  # the strip still shows the example that was chosen last


def test_the_last_example_is_followed_by_the_first():
    last = int(session.rows_of(3)[-1])
    at = button(opened(f"digit={last}"), "digit_3")
    assert view(at).index == int(session.rows_of(3)[0])


def test_shuffle_keeps_the_class(page):
    button(page, "digit_6")
    before = {view(page).index}
    for _ in range(3):
        button(page, "shuffle")
        assert view(page).y == 6
        before.add(view(page).index)
    assert len(before) > 1


def test_every_knob_moves_the_view(page):
    choose(page, "pick_attack", "pgd")
    choose(page, "pick_norm", "linf")
    for key, value in [("knob_steps", 5), ("knob_restarts", 2), ("knob_loss", "margin"), ("knob_random_start", False)]:
        choose(page, key, value)
    assert dict(view(page).knobs) == {"steps": 5, "restarts": 2, "loss": "margin", "random_start": False}
    choose(page, "knob_steps", 40)  # back at its default, it is no setting any more
    assert "steps" not in dict(view(page).knobs)
    choose(page, "pick_seed", 5)
    assert view(page).seed == 5 and view(page).instance().restarts == 2
    choose(page, "pick_attack", "fgsm")
    assert view(page).knobs == () and view(page).seed == 5


def test_another_norm_keeps_the_share_of_the_range():
    at = opened("digit=3500&eps=0.150")
    choose(at, "pick_norm", "l2")
    assert view(at).eps == pytest.approx(1.5)
    choose(at, "pick_attack", "fgsm")
    assert view(at).norm == "linf" and view(at).eps == pytest.approx(0.15)


def test_released_at_an_epsilon_between_two_of_the_sweep():
    at = answer(opened(), eps=0.123)
    assert view(at).eps == pytest.approx(0.123)
    given = data(at)
    assert given["eps"] == pytest.approx(0.123) and given["row"]["epsilons"] == [0.123]
    assert len(given["sweep"]["epsilons"]) == 61
    answer(at, eps=0.15)
    assert "row" not in data(at)


def test_a_release_sends_the_sweep_no_second_time():
    """An unchanged message goes over the wire as its hash: whatever would change the scrubber's shows here."""
    at = opened("digit=3500&eps=0.100")
    data(at)
    before = component(at).SerializeToString()
    for eps in (0.15, 0.123, 0.3):
        assert component(answer(at, eps=eps)).SerializeToString() == before
        assert len(component(at, "cursor").SerializeToString()) < 10_000
    answer(at, event="path", value=0.2)
    assert component(at).SerializeToString() == before
    assert component(button(at, "digit_3")).SerializeToString() != before


def test_a_long_attack_is_first_shown_where_the_slider_is():
    at = opened("digit=3500&eps=0.137")
    assert told(at)["whole"]  # a first visitor waits for the server anyway
    button(at, "digit_8")
    part = told(at)
    assert not part["whole"] and part["sweep"]["epsilons"] == pytest.approx([0, 0.137, 0.3])
    row = told(at, "cursor")["row"]
    assert row["epsilons"] == pytest.approx([0.137]) and row["success"] == part["sweep"]["success"][1:2]
    np.testing.assert_array_equal(pictures(row)[1][0], pictures(part["sweep"])[1][1])
    whole = data(at)
    assert whole["key"] == part["key"] and len(whole["sweep"]["epsilons"]) == 61
    assert whole["row"]["epsilons"] == row["epsilons"] and whole["row"]["success"] == row["success"]
    assert told(calm(at.run()))["whole"]  # it is not taken away again
    button(at, "digit_7")
    answer(at, "scrubber", event="whole", value="another question's key")
    assert not told(at)["whole"]
    choose(at, "pick_attack", "fgsm")
    assert told(at)["whole"]  # quick enough at once


@pytest.mark.parametrize("eps", NO_EPS, ids=repr)
def test_an_answer_that_is_no_epsilon_changes_nothing(eps):
    at = opened("digit=3500&eps=0.100")
    before = view(at)
    for name in ("eps", "path", "code"):
        if name == "eps":
            answer(at, eps=eps)
        else:
            answer(at, event=name, value=eps)
        assert view(at) == before


@pytest.mark.parametrize(("eps", "kept"), [(-1, 0), (99, 0.3), (0.10000001, 0.1)])
def test_an_epsilon_out_of_range_is_brought_into_it(eps, kept):
    assert view(answer(opened(), eps=eps)).eps == pytest.approx(kept)


def test_the_steps_of_the_attack_are_sent_once():
    at = answer(opened("digit=3500&steps=6"), event="path", value=0.1)
    film = data(at)["film"]
    assert film["eps"] == pytest.approx(0.1) and len(film["scales"]) == 7
    assert "film" not in data(calm(at.run()))
    # Where no budget was chosen yet, the one at which the digit falls is told.
    first = next(
        eps for eps, won in zip(data(at)["sweep"]["epsilons"], data(at)["sweep"]["success"], strict=True) if won
    )
    assert data(answer(at, event="path", value=0))["film"]["eps"] == pytest.approx(first)


def test_the_code_is_shown_for_the_epsilon_on_the_slider():
    at = answer(opened("digit=3500"), event="code", value=0.05)
    assert "eps=0.050" in at.code[0].value and view(at).eps == pytest.approx(0.05)


def test_the_pad_and_what_is_drawn_on_it():
    at = button(opened(), "draw")
    assert component(at, "sketchpad")
    answer(at, "sketchpad", ink="no picture")
    assert view(at).index == 3500 and not at.error


def test_a_drawn_digit_stays_while_everything_else_is_picked():
    drawn = session.View(pixels=drawn_digit(), label=7)
    at = opened(session.link(drawn))
    assert view(at) == drawn and data(at)["digit"] == "your digit"
    choose(at, "pick_attack", "fgsm")
    choose(at, "pick_target", "1")
    assert view(at).pixels == drawn.pixels and view(at).target == 1
    button(at, "shuffle")
    assert view(at).pixels == drawn.pixels
    button(at, "digit_1")
    assert view(at).pixels is None and view(at).y == 1 and view(at).target is None
