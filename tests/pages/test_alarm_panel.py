"""The detector panel of the Defend page: clean scores and the digit's, its threshold, and trials of many digits."""

import base64
from dataclasses import replace
from functools import cache as once

import keras
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, defenses, detection, evasion, sweep, zoo
from core.classifier import Classifier
from pages.components import alarm_panel, alarming, cache
from pages.components.alarming import Trial
from pages.components.jobs import Job
from pages.components.kept import Kept
from tests.pages.driving import answer, button, calm, choose, finished, told, view

LINK = {"digit": "3500", "model": "plain_mlp", "steps": "5"}


def _page():
    """The panel alone: the rest of the Defend page is none of these tests' business."""
    from dataclasses import replace

    from pages.components import alarm_panel, session

    alarm_panel.draw(replace(session.current(), target=None))


def watching(detector: str = "feature_squeezing", **link: str) -> AppTest:
    """A new visitor's panel, with the digit scored where that does not wait for a button."""
    at = AppTest.from_function(_page, default_timeout=120)
    for name, value in {**LINK, **link}.items():
        at.query_params[name] = value
    calm(at.run())
    if detector != "feature_squeezing":
        choose(at, "alarm_detector", detector)
    return finished(at, "alarming")


def trying(at: AppTest, eps: object) -> AppTest:
    """The panel once many digits were tried at that ε."""
    return finished(answer(at, "alarm", event="run", value=eps), "alarm_trial")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Trials of twelve digits, and a short climb of the attacker who knows."""
    monkeypatch.setattr(alarm_panel, "_DIGITS", 12)
    monkeypatch.setattr(alarming, "STEPS", 12)


@pytest.fixture
def forgotten(monkeypatch):
    """Nothing was worked out for anybody."""
    for name in ("_watchmen", "_crowds", "_swept", "_tried"):
        monkeypatch.setattr(alarming, name, Kept(4))


@once
def watchman(detector: str, model: str = "plain_mlp"):
    """The same detector, fitted by core alone."""
    return defenses.get(detector)().fit(cache.model(model), detection.parted(alarming.APART)[1])


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


@pytest.mark.parametrize(("detector", "log"), [("feature_squeezing", True), ("mahalanobis", False)])
def test_the_scores_are_those_of_core(detector, log):
    at = watching(detector)
    data, own = told(at, "alarm"), watchman(detector)
    np.testing.assert_allclose(floats(data["crowd"]["scores"]), np.sort(own.clean), rtol=1e-3, atol=1e-6)
    assert data["crowd"]["threshold"] == pytest.approx(own.threshold(0.05), rel=1e-3) and data["crowd"]["log"] is log
    epsilons = np.array(data["swept"]["epsilons"])
    assert len(epsilons) == alarming.ROWS and epsilons[-1] == sweep.EPS_MAX["linf"]
    now = view(at)
    found = sweep.sweep(own.model, now.x, now.y, attacks.get("pgd")(steps=5), norm="linf", epsilons=epsilons)
    np.testing.assert_allclose(data["swept"]["scores"], own.score(found.result.adversarial), rtol=0.02, atol=1e-4)
    assert data["swept"]["fooled"] == found.result.success.tolist() and any(data["swept"]["fooled"])
    assert not data["swept"]["wrong"] and data["key"].endswith(detector) and not data["running"]


def test_at_the_first_threshold_one_clean_digit_in_twenty_is_flagged():
    crowd = told(watching(), "alarm")["crowd"]
    scores = floats(crowd["scores"])
    assert len(scores) == 1470 and (np.diff(scores) >= 0).all()
    assert 0.045 < np.mean(scores > crowd["threshold"]) <= 0.05  # as the browser counts it, on these very numbers


def test_digits_of_trials_are_not_learnt_from(monkeypatch, forgotten):
    learnt = []
    kind = defenses.get("mahalanobis")
    learn = kind.learn
    monkeypatch.setattr(kind, "learn", lambda *given, **more: learnt.append(given[2]) or learn(*given, **more))
    watching("mahalanobis")
    apart, _ = detection.parted(alarming.APART)
    assert len(learnt) == 1 and len(learnt[0]) == 3430
    assert not {each.tobytes() for each in learnt[0].images} & {each.tobytes() for each in apart.images}


def test_what_was_worked_out_once_is_there_at_once():
    watching()
    at = watching()
    assert at.session_state["alarming"].job is None and told(at, "alarm")["swept"]


def test_another_detector_or_digit_is_another_question():
    at = watching()
    assert at.session_state["alarming"].asked.fit == (zoo.load("plain_mlp").version, "feature_squeezing")
    first = told(at, "alarm")
    data = told(finished(choose(at, "alarm_detector", "mahalanobis"), "alarming"), "alarm")
    assert data["fit"] != first["fit"] and data["crowd"] != first["crowd"]
    other = told(watching(digit="3501"), "alarm")
    assert other["fit"] == first["fit"] and other["key"] != first["key"] and other["crowd"] == first["crowd"]


@pytest.mark.parametrize(
    ("scores", "log"),
    [
        (np.geomspace(1e-9, 1, 100), True),
        (np.concatenate([np.zeros(20), np.geomspace(1e-9, 1, 80)]), True),
        (np.linspace(1, 100, 100), False),
        (np.concatenate([[-1e-9], np.geomspace(1e-9, 1, 99)]), False),
        (np.concatenate([np.zeros(60), np.geomspace(1e-9, 1, 40)]), False),
        (np.zeros(50), False),
    ],
)
def test_only_scores_that_lie_decades_apart_are_drawn_on_a_log_axis(scores, log):
    assert alarming.spans_decades(scores) is log


# ---------------------------------------------------------------------------------------------------------- the trial
def test_a_trial_counts_what_core_counts():
    at = trying(watching("reconstruction"), 0.1)
    trial, own = told(at, "alarm")["trial"], watchman("reconstruction")
    assert trial["of"] == "0.100" and not trial["running"] and not trial["stopped"]
    apart, _ = detection.parted(alarming.APART)
    some = apart[np.linspace(0, len(apart), 12, endpoint=False).astype(int)]
    naive = attacks.get("pgd")(steps=5)(own.model, some.images, some.labels, 0.1, "linf")
    known = evasion.knowing(own, some.images, some.labels, eps=0.1, steps=12)
    for who, result, scores in (
        ("naive", naive, own.score(naive.adversarial)),
        ("knowing", known.result, known.scores),
    ):
        assert trial[who]["fooled"] == result.success.sum() > 6
        np.testing.assert_allclose(floats(trial[who]["scores"]), np.sort(scores[result.success]), rtol=0.02)
        assert trial[who]["auc"] == pytest.approx(detection.roc(own.clean, scores[result.success]).auc, abs=0.005)
    caught = [np.mean(floats(trial[who]["scores"]) > own.threshold()) for who in ("naive", "knowing")]
    assert caught[0] > caught[1]  # who knows the detector passes it more often


def test_a_trial_outlives_a_move_of_eps_but_not_another_detector():
    at = trying(watching("mahalanobis"), 0.1)
    at.session_state["view"] = replace(view(at), eps=0.2)
    assert told(calm(at.run()), "alarm")["trial"]["of"] == "0.100"
    trial = told(finished(choose(at, "alarm_detector", "feature_squeezing"), "alarming"), "alarm")["trial"]
    assert "naive" not in trial and not trial["running"]


def test_the_next_visitor_finds_the_trial_made_whatever_digit_they_show():
    trying(watching("mahalanobis"), 0.1)
    assert told(watching("mahalanobis", digit="3501", eps="0.100"), "alarm")["trial"]["knowing"]
    assert "naive" not in told(watching("mahalanobis", digit="3501", eps="0.101"), "alarm")["trial"]


def test_a_trial_at_no_eps_is_none():
    at = watching("mahalanobis")
    for eps in ("x", None, [1], True, float("nan"), float("inf"), 10**400, 0.0, -3):
        answer(at, "alarm", event="run", value=eps)
        assert "alarm_trial" not in at.session_state and not at.error, eps


def test_a_trial_that_is_stopped_keeps_the_first_attackers_part():
    at = watching("mahalanobis")
    asked = Trial(at.session_state["alarming"].asked, 0.13, 12)
    job = Job(alarming.run_trial(asked, cache.model("plain_mlp")), "somebody")
    job.hand_in = lambda part: job.parts.append(part) or job.cancel()
    job.run()
    assert job.state == "cancelled"
    assert len(job.parts) == 1 and "knowing" not in job.parts[0] and alarming.tried(asked) is None


def test_stop_ends_the_trial_and_says_so(monkeypatch):
    at = watching("mahalanobis")
    monkeypatch.setattr(alarming, "STEPS", 100_000)
    answer(at, "alarm", event="run", value=0.12)
    answer(at, "alarm", event="stop", value=True)
    trial = told(finished(at, "alarm_trial"), "alarm")["trial"]
    assert trial["stopped"] and not trial["running"] and "knowing" not in trial


def test_a_norm_that_the_one_who_knows_lacks_is_said():
    at = trying(watching("mahalanobis", attack="patch", norm="l0", steps="5"), 50)
    trial = told(at, "alarm")["trial"]
    assert trial["of"] == "50" and trial["naive"]["fooled"] >= 0 and "knowing" not in trial
    assert trial["lacks"] == "An attacker who knows the detector is built for L∞, L2 and L1, not for L0."


# ---------------------------------------------------------------------------------------------- what waits, and faults
def test_a_detector_that_has_to_be_trained_waits_for_a_button(monkeypatch, forgotten):
    kind = defenses.get("trained_detector")
    monkeypatch.setattr(kind, "learn", lambda *_, **more: more["watch"](1, 1, {}) and (lambda x: x[:, 14, 14, 0]))
    at = watching("trained_detector")
    assert at.session_state["alarming"].job is None and "20 seconds" in at.caption[0].value
    assert not [node for node in at if getattr(node, "type", "") == "bidi_component"]
    at = finished(button(at, "alarm_start"), "alarming")
    assert told(at, "alarm")["swept"] and not at.button
    again = watching("trained_detector")  # fitted for anybody, it waits no more
    assert told(again, "alarm")["swept"] and not again.button


def test_an_attack_that_takes_long_waits_for_a_button(forgotten):
    at = watching("mahalanobis", steps="200", restarts="4")  # the detector is fitted for all that
    assert told(at, "alarm")["crowd"] and told(at, "alarm")["swept"] is None
    assert "takes its time" in at.caption[0].value and at.button(key="alarm_start")


def test_a_network_without_a_hidden_layer_is_said_and_the_picks_stay(monkeypatch):
    flat = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    monkeypatch.setattr(cache, "model", lambda _: own)
    own = Classifier(flat, name="flat", title="Flat")
    at = AppTest.from_function(_page, default_timeout=120)
    calm(at.run())
    choose(at, "alarm_detector", "mahalanobis")
    job = at.session_state["alarming"].job
    job.wait(60)
    calm(at.run())
    assert len(at.error) == 1 and "no hidden layer" in at.error[0].value
    at = choose(at, "alarm_detector", "feature_squeezing")
    assert not at.error and at.session_state["alarming"].asked.detector == "feature_squeezing"


def test_a_network_that_is_gone_is_said():
    at = AppTest.from_function(_page, default_timeout=120)
    calm(at.run())
    at.session_state["view"] = replace(view(at), model="own-gone")
    at.run()
    assert not at.exception and "no longer kept" in at.error[0].value and at.selectbox(key="alarm_detector")
