"""The panel of certificates: what is proven, what is left of an attack, what is said of the page's own digit."""

import keras
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, defenses, digits
from core.classifier import Classifier
from pages.components import certificate_panel, jobs, own_models, proving, session
from pages.components.jobs import Job
from pages.components.proving import Claim
from tests.pages.driving import answer, calm, choose, finished, told


def panel(link: str = "digit=3500", model: str = "plain_mlp") -> AppTest:
    def page() -> None:
        from pages.components import certificate_panel, session

        certificate_panel.draw(session.current())

    at = AppTest.from_function(page, default_timeout=120)
    for part in link.split("&"):
        name, _, value = part.partition("=")
        at.query_params[name] = value
    at.session_state["picks_certificate"] = {"model": model}
    return calm(at.run())


def own(at: AppTest) -> str:
    return "".join(told(finished(at, "proving_own"), "band")["own"])


def test_the_digits_are_alike_of_each_class_and_were_learnt_by_nobody_here():
    every = digits.bundled().images.reshape(5000, -1)
    apart = {every[at].tobytes() for at in range(9, 5000, 10)}
    for count in proving.COUNTS:
        some = proving.material(count)
        assert len(some) == count and (np.bincount(some.labels) == count // 10).all()
        assert {image.tobytes() for image in some.images} <= apart
        assert sorted(some.labels[:10]) == list(range(10)), "What is stopped early would be about some classes only."


def test_both_bounds_are_those_of_the_certificate_and_of_the_attack_on_all_digits():
    at = panel()
    data = told(at, "band")
    assert data["radii"] == [] and not data["running"] and "of 100 digits" in data["offer"]
    data = told(finished(answer(at, "band", event="run", value=data["key"]), "proving"), "band")
    model, some = certificate_panel.cache.model("plain_mlp"), proving.material(100)
    right = model.predict(some.images) == some.labels
    radii = np.where(right, defenses.get("interval")().radius(model, some.images), -1.0)
    assert data["whole"] and data["radii"] == sorted(radii.tolist())
    standing = dict(data["standing"])
    assert standing[0.0] == right.sum() and list(standing) == [0.0, *proving.EPSILONS]
    result = attacks.get("pgd")()(model, some.images, some.labels, eps=0.05, norm="linf")
    assert standing[0.05] == (right & ~result.success).sum(), "Leaving out what is proven changed the outcome."
    assert all(standing[eps] >= (radii >= eps).sum() for eps in standing)
    assert (np.diff(list(standing.values())) <= 0).all() and standing[0.4] < standing[0.0]
    other = panel("digit=100")  # another visitor
    assert told(other, "band")["radii"] == data["radii"] and "proving" not in other.session_state


def test_what_is_stopped_keeps_what_it_has_and_is_not_taken_for_the_whole():
    at = panel("digit=3500", model="plain_cnn")
    model = certificate_panel.cache.model("plain_cnn")
    claim = Claim("plain_cnn", model.version, "interval", 200)
    job = Job(lambda job: None, "nobody")
    hand_in = job.hand_in
    job.hand_in = lambda part: (hand_in(part), job.cancel())[0]
    proving.prove(claim, model)(job)
    assert len(job.parts) == 1 and len(job.parts[0]["radii"]) == 50 and proving.CURVES.get(claim) is None
    at = choose(at, "certificate_count", 200)
    job.state = jobs.CANCELLED
    at.session_state["proving"] = certificate_panel.pending.Pending(claim, job, stopped=True)
    data = told(calm(at.run()), "band")
    assert len(data["radii"]) == 50 and data["far"] == "stopped at 50 of 200 digits" and not data["whole"]
    assert data["standing"] == [], "Nothing was attacked: there is no bound from above."


def test_a_digit_that_is_quick_needs_no_button():
    assert told(finished(panel(), "proving_own"), "band")["prove"] == ""


def test_what_is_said_of_the_own_digit_is_its_own_radius_never_rounded_up(monkeypatch):
    view = session.View(index=3500)
    model = certificate_panel.cache.model("plain_mlp")
    radius = defenses.get("interval")().radius(model, view.x[None])[0]
    shown = float(own(panel()).removeprefix("This 7 is proven safe up to ε = ").removesuffix("."))
    assert radius - 0.001 < shown <= radius
    monkeypatch.setattr(proving.SINGLES, "get", lambda asked: {"read": 7, "radius": 0.40299})
    assert own(panel()) == "This 7 is proven safe up to ε = 0.402."
    monkeypatch.setattr(proving.SINGLES, "get", lambda asked: {"read": 7, "radius": -1.0})
    assert own(panel()).startswith("Of this 7 nothing is proven")
    monkeypatch.setattr(proving.SINGLES, "get", lambda asked: {"read": 9, "radius": 0.2})
    assert own(panel()) == "This 7 is read as 9 before any attack: there is nothing to prove."


def test_another_certificate_is_another_question():
    at = panel()
    by_intervals = own(at)
    by_lines = own(choose(at, "certificate_certificate", "crown"))
    assert float(by_lines[-6:-1]) > float(by_intervals[-6:-1]) > 0


def test_a_digit_that_takes_long_waits_for_its_button(monkeypatch):
    model = certificate_panel.cache.model("hardened_cnn")
    assert proving.quick(model, "crown"), "The largest of the shipped shapes begins by itself."
    monkeypatch.setattr(proving, "_QUICK", 100)
    assert proving.quick(model, "interval") and not proving.quick(model, "crown")
    at = choose(panel("digit=100"), "certificate_certificate", "crown")
    data = told(at, "band")
    assert data["prove"] == "Prove this 0" and data["own"] == ["", "", ""] and "proving_own" not in at.session_state
    at = answer(at, "band", event="single", value=data["key"])
    assert own(at).startswith("This 0 is proven safe") and told(at.run(), "band")["prove"] == ""


def test_a_network_that_cannot_be_bounded_says_why_and_the_picks_stay():
    at = panel()
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(inputs)
    both = keras.layers.Add()([keras.layers.Dense(10)(flat), keras.layers.Dense(10)(flat)])
    at.session_state["own_models"] = []
    name = own_models.PREFIX + "branches"
    own_models._all[name] = Classifier(keras.Model(inputs, both), name=name, title="Branches")
    try:
        at.session_state["picks_certificate"] = {"model": name}
        at = calm(at.run())
        assert "only chains can be bounded" in at.error[0].value
    finally:
        del own_models._all[name]
    at = calm(at.run())
    assert "no longer kept" in at.error[0].value
    assert own(choose(at, "certificate_model", "plain_mlp")).startswith("This 7 is proven")


@pytest.mark.parametrize(("norm", "eps"), [("linf", "0.200"), ("l2", "1.50")])
def test_the_panel_knows_the_pages_norm(norm, eps):
    data = told(panel(f"digit=3500&norm={norm}&eps={eps}"), "band")
    assert data["norm"] == norm and data["eps"] == pytest.approx(float(eps)) and data["maxima"][norm] > 0
