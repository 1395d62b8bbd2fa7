"""The Attack page under attacks that take seconds: a queue, progress, a stop, and the sweep once it is there."""

import pytest
from streamlit.testing.v1 import AppTest

from core import attacks
from pages.components import cache, jobs, long_sweep
from tests.pages.driving import answer, button, calm, choose, component, finished, opened, told, view

LONG = ("square", "nes", "hopskipjump", "autoattack")


def job(at: AppTest) -> jobs.Job | None:
    return at.session_state["long_sweep"].job


def settled(at: AppTest) -> AppTest:
    """The page once its long sweep is over."""
    return finished(at, "long_sweep", seconds=240)


@pytest.mark.parametrize("name", LONG)
def test_which_attacks_are_long(name):
    at = opened(f"digit=3500&attack={name}")
    assert long_sweep.is_long(cache.question(view(at)))


@pytest.mark.parametrize("name", ["fgsm", "pgd", "mim", "noise", "ddn", "deepfool", "cw"])
def test_which_are_not(name):
    at = opened(f"digit=3500&attack={name}")
    assert not long_sweep.is_long(cache.question(view(at))) and job(at) is None


def test_a_long_sweep_comes_in_through_the_queue_and_is_kept():
    at = settled(opened("digit=3501&attack=square&queries=300"))
    given = told(at)
    assert given["whole"] and len(given["sweep"]["epsilons"]) == 61 and given["sweep"]["success"][-1]
    again = opened("digit=3501&attack=square&queries=300")
    assert job(again) is None and told(again)["sweep"] == given["sweep"]


def test_until_then_the_digit_stands_before_any_attack(monkeypatch):
    monkeypatch.setattr(
        jobs.QUEUE, "submit", lambda work, owner, patience=None: jobs.Job(work, owner, patience)
    )  # nobody ever starts it
    at = opened("digit=3502&attack=square&queries=301")
    given = told(at)
    assert not given["whole"] and given["sweep"]["epsilons"] == [0.0] and given["label"] == 7
    assert any(each.key == "stop_sweep" for each in at.button)


def test_other_picks_end_it(monkeypatch):
    monkeypatch.setattr(jobs.QUEUE, "submit", lambda work, owner, patience=None: jobs.Job(work, owner, patience))
    at = opened("digit=3503&attack=square&queries=302")
    first = job(at)
    choose(at, "pick_attack", "fgsm")
    assert not first.wanted and job(at) is None and told(at)["sweep"]["success"][-1]


def test_stopped_it_shows_the_best_so_far_and_keeps_nothing_for_others(monkeypatch):
    submitted = []

    def later(work, owner, patience=None):
        submitted.append(jobs.Job(work, owner))
        return submitted[-1]

    monkeypatch.setattr(jobs.QUEUE, "submit", later)
    at = opened("digit=3504&attack=square&queries=303")
    button(at, "stop_sweep")
    submitted[0].run()
    submitted[0].end()
    calm(at.run())
    assert submitted[0].state == jobs.CANCELLED
    assert told(at)["whole"] and len(told(at)["sweep"]["epsilons"]) == 61
    assert long_sweep.answer(cache.question(view(at))) is None
    assert any("Stopped at" in each.value for each in at.caption)


def test_the_steps_of_a_long_attack_are_not_offered():
    at = settled(opened("digit=3501&attack=square&queries=300"))
    assert not told(at)["steps"]
    answer(at, event="path", value=0.1)
    assert "film" not in told(at, "cursor") and component(at)


def test_every_attack_is_known_as_long_or_not():
    assert {name for name in attacks.names() if long_sweep.is_long(_default(name))} >= set(LONG)


def _default(name: str):
    from dataclasses import replace

    asked = cache.question(view(opened("digit=3500")))
    return replace(asked, attack=name, knobs=(), norm=attacks.get(name).norms[0])


def test_what_an_attack_has_to_say_stands_under_its_sweep():
    at = settled(opened("digit=3501&attack=boundary&queries=1"))
    said = [each.value for each in at.caption]
    assert told(at)["sweep"]["notes"] in said and any(each.startswith("No start was found for 1 of 1") for each in said)
    assert not any("start" in each.value for each in opened("digit=3501&attack=fgsm").caption)


def test_the_notes_of_stages_count_digits_and_are_not_shown_of_one():
    at = settled(opened("digit=3501&attack=autoattack&version=quick&steps=5"))
    assert told(at)["sweep"]["notes"] and not at.caption
