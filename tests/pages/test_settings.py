"""The knobs of the Defend page's transforms and detectors: bounded, kept for each defense, and part of every answer."""

import base64
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, defenses, detection, digits, knobs, sweep, zoo
from pages.components import alarm_panel, alarming, cache, guard_panel, guarding, settings
from pages.components.alarming import Alarm
from tests.pages.driving import answer, button, calm, choose, finished, told, view

LINK = {"digit": "3500", "model": "plain_mlp", "steps": "5", "eps": "0.1"}


def _guard():
    """The transform's panel alone: the rest of the Defend page is none of these tests' business."""
    from dataclasses import replace

    from pages.components import guard_panel, session

    guard_panel.draw(replace(session.current(), target=None))


def _alarm():
    """The detector's panel alone."""
    from dataclasses import replace

    from pages.components import alarm_panel, session

    alarm_panel.draw(replace(session.current(), target=None))


def arrived(page: Callable[[], None], **link: str) -> AppTest:
    """A new visitor's panel."""
    at = AppTest.from_function(page, default_timeout=120)
    for name, value in {**LINK, **link}.items():
        at.query_params[name] = value
    return calm(at.run())


def guarded(at: AppTest | None = None) -> AppTest:
    """The transform's panel, a new visitor's by default, with its pictures."""
    return finished(at or arrived(_guard), "guarding")


def watched(at: AppTest | None = None) -> AppTest:
    """The detector's panel, a new visitor's by default, with the digit scored."""
    return finished(at or arrived(_alarm), "alarming")


def keys(at: AppTest) -> list[str | None]:
    """The buttons that there are."""
    return [each.key for each in at.button]


def grey(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 28, 28, 1) / 255


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


# ------------------------------------------------------------------------------------------------------ what is offered
def _all_settings():
    from core import defenses
    from pages.components.settings import Settings

    for kind in ("transform", "detector", "training"):
        for name in defenses.names(kind):
            Settings(name).draw(name)


def test_every_knob_that_matters_is_offered_at_its_default():
    at = calm(AppTest.from_function(_all_settings, default_timeout=60).run())
    shown = {each.key: each.value for kind in ("slider", "checkbox", "button_group") for each in at.get(kind)}
    for kind in ("transform", "detector", "training"):
        for name in defenses.names(kind):
            cls = defenses.get(name)
            wanted = [each for each in knobs.of(cls) if knobs.matters(cls(), each)]
            assert wanted, name
            for each in wanted:
                value = shown.pop(f"{name}_{name}_{each.name}")
                assert value == each.default, (name, each.name)
    assert not shown and not at.button


# ----------------------------------------------------------------------------------------------------------- transforms
def test_both_attackers_meet_the_transform_as_it_is_set():
    at = guarded()
    plain, key = told(at, "guard")["shown"], told(at, "guard")["key"]
    at = guarded(choose(at, "guard_bit_depth_bits", 4))
    data, now = told(at, "guard"), view(at)
    assert data["key"] != key and at.session_state["guarding"].asked.knobs == (("bits", 4),)
    assert any(each.value == "Bits 4" for each in at.caption)
    transform = defenses.get("bit_depth")(bits=4)
    found = sweep.sweep(
        transform.protect(zoo.load("plain_mlp")),
        now.x,
        now.y,
        attacks.get("pgd")(steps=5),
        norm="linf",
        epsilons=np.array(data["shown"]["epsilons"]),
    )
    attacked = found.result.adversarial
    np.testing.assert_allclose(grey(data["shown"]["adaptive"]["attacked"]), attacked, atol=0.003)
    np.testing.assert_allclose(grey(data["shown"]["adaptive"]["seen"]), transform.transform(attacked), atol=0.003)
    assert data["shown"]["adaptive"] != plain["adaptive"] and data["shown"]["naive"]["seen"] != plain["naive"]["seen"]
    assert data["shown"]["naive"]["attacked"] == plain["naive"]["attacked"]  # who knows nothing of it does the same


def test_the_next_visitor_is_shown_what_belongs_to_their_own_knobs():
    first = told(guarded(choose(guarded(), "guard_bit_depth_bits", 5)), "guard")["shown"]
    at = guarded()
    assert told(at, "guard")["shown"] != first and at.session_state["guarding"].asked.knobs == ()
    at = choose(at, "guard_bit_depth_bits", 5)
    assert at.session_state["guarding"].job is None and told(at, "guard")["shown"] == first


def test_the_network_behind_a_transform_is_another_for_other_knobs():
    some = digits.bundled().images[::500]
    for kept in ((), (("quality", 5),), (("quality", 90),)):
        own = defenses.get("jpeg")(**dict(kept)).protect(zoo.load("plain_mlp")).logits(some)
        np.testing.assert_allclose(cache.behind("plain_mlp", "jpeg", kept).logits(some), own, atol=1e-5)
    assert cache.behind("plain_mlp", "jpeg", (("quality", 5),)) is cache.behind("plain_mlp", "jpeg", (("quality", 5),))
    assert cache.model("plain_mlp+jpeg") is cache.behind("plain_mlp", "jpeg")


def test_digits_are_counted_behind_the_transform_as_it_is_set(monkeypatch):
    monkeypatch.setattr(guard_panel, "_DIGITS", 20)
    at = finished(button(guarded(), "guard_count_start"), "guard_count")
    plain = at.session_state["guard_count"].asked
    assert guarding.counted(plain) and "guard_count_start" not in keys(at)
    at = guarded(choose(at, "guard_bit_depth_bits", 7))
    at = finished(button(at, "guard_count_start"), "guard_count")  # the old count is not shown: it is asked for anew
    asked = at.session_state["guard_count"].asked
    assert asked.guarded.knobs == (("bits", 7),) and asked == replace(plain, guarded=asked.guarded)
    assert guarding.counted(asked) != guarding.counted(plain)
    assert "guard_count_start" not in keys(at)


def test_what_takes_long_says_how_far_it_is_and_can_be_stopped(monkeypatch):
    def never(asked, model, shielded):
        def run(job):
            while job.report(1, 4):
                time.sleep(0.01)

        return run

    with monkeypatch.context() as slow:
        slow.setattr(guarding, "show", never)
        slow.setattr(guard_panel, "_PATIENT", 0.0)
        at = button(arrived(_guard, seed="11"), "guard_stop")
        at.session_state["guarding"].job.wait(10)
        at = calm(at.run())
        assert at.session_state["guarding"].stopped and told(at, "guard")["stopped"]
    at = finished(button(at, "guard_again"), "guarding")
    assert told(at, "guard")["shown"] and "guard_again" not in keys(at)


# ------------------------------------------------------------------------------------------------------------ detectors
def test_the_detector_is_fitted_as_it_is_set(monkeypatch):
    monkeypatch.setattr(alarm_panel, "_DIGITS", 12)
    monkeypatch.setattr(alarming, "STEPS", 5)
    at = watched()
    was = told(at, "alarm")
    at = finished(answer(at, "alarm", event="run", value=0.1), "alarm_trial")
    assert "naive" in told(at, "alarm")["trial"]
    at = watched(choose(at, "alarm_feature_squeezing_window", 3))
    data, now = told(at, "alarm"), view(at)
    assert at.session_state["alarming"].asked.knobs == (("window", 3),)
    assert data["key"] != was["key"] and data["fit"] != was["fit"]  # the browser's threshold begins anew
    assert "naive" not in data["trial"]
    own = defenses.get("feature_squeezing")(window=3).fit(zoo.load("plain_mlp"), detection.parted(alarming.APART)[1])
    np.testing.assert_allclose(floats(data["crowd"]["scores"]), np.sort(own.clean), rtol=1e-3, atol=1e-6)
    assert data["crowd"]["threshold"] == pytest.approx(own.threshold(), rel=1e-3)
    assert data["crowd"]["threshold"] != pytest.approx(was["crowd"]["threshold"], rel=0.01)
    epsilons = np.array(data["swept"]["epsilons"])
    found = sweep.sweep(own.model, now.x, now.y, attacks.get("pgd")(steps=5), norm="linf", epsilons=epsilons)
    np.testing.assert_allclose(data["swept"]["scores"], own.score(found.result.adversarial), rtol=0.02, atol=1e-4)
    at = button(at, "alarm_reset")
    assert told(at, "alarm")["swept"] == was["swept"] and told(at, "alarm")["fit"] == was["fit"]


def test_a_longer_training_says_so():
    asked = arrived(_alarm).session_state["alarming"].asked
    first, longer = (Alarm(asked.question, "trained_detector", kept) for kept in ((), (("epochs", 20),)))
    assert "some 20 seconds" in (alarming.wait(first) or "") and "some 100 seconds" in (alarming.wait(longer) or "")


# ------------------------------------------------------------------------------------------------------ in the session
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (99, (("bits", 8),)),
        (float("inf"), (("bits", 8),)),
        (-3, ()),  # the nearest is 1, which is the default
        (3.4, (("bits", 3),)),
        (float("nan"), ()),
        ("4", ()),
        (True, ()),
        (None, ()),
        ([4], ()),
    ],
)
def test_a_value_out_of_range_becomes_the_nearest(monkeypatch, sent, kept):
    monkeypatch.setattr(settings.st, "session_state", {"guard_knobs": {"bit_depth": {"bits": sent, "nobody": 1}}})
    assert settings.Settings("guard")["bit_depth"] == kept


@pytest.mark.parametrize(
    ("detector", "sent", "kept"),
    [
        ("mahalanobis", {"cloud": "nearest", "layer": 9}, (("cloud", "nearest"), ("layer", 4))),
        ("mahalanobis", {"cloud": "round", "shrinkage": 7}, (("shrinkage", 1.0),)),
        ("kernel_density", {"weight": 2, "drop": 0.0}, (("drop", 0.05),)),
    ],
)
def test_so_do_choices_and_numbers_that_are_not_whole(monkeypatch, detector, sent, kept):
    monkeypatch.setattr(settings.st, "session_state", {"alarm_knobs": {detector: sent}})
    found = settings.Settings("alarm")[detector]
    assert found == kept and defenses.get(detector)(**dict(found))


def test_a_client_that_sends_too_much_gets_what_is_in_range():
    at = guarded()
    at.slider(key="guard_bit_depth_bits").set_value(99)
    at = guarded(calm(at.run()))
    assert 1 <= at.session_state["guarding"].asked.instance.bits <= 8 and told(at, "guard")["shown"] and not at.error


def test_each_defense_keeps_its_own_and_goes_back_to_its_defaults():
    def kept(at: AppTest) -> tuple:
        return at.session_state["guarding"].asked.knobs

    at = choose(arrived(_guard), "guard_bit_depth_bits", 2)
    at = choose(at, "guard_transform", "gaussian_blur")
    assert kept(at) == () and "guard_reset" not in keys(at)
    at = choose(at, "guard_gaussian_blur_sigma", 0.5)
    at = choose(at, "guard_transform", "bit_depth")
    assert kept(at) == (("bits", 2),) and at.slider(key="guard_bit_depth_bits").value == 2
    at = button(at, "guard_reset")
    assert kept(at) == () and at.slider(key="guard_bit_depth_bits").value == 1
    assert kept(choose(at, "guard_transform", "gaussian_blur")) == (("sigma", 0.5),)
