"""The panel of detectors: each looks through a poisoned set, what it says is shown, and the truth on demand."""

import base64
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import poisoning
from core.errors import InputError
from core.poisoning import Findings
from pages.components import finding, finding_panel, infecting
from pages.components.infecting import Infected
from tests.pages.driving import button, calm, choose, finished, told
from tests.pages.infected import TARGET, honest, made

TOUCHED = 60


@pytest.fixture(scope="module")
def infected() -> Infected:
    """600 digits of which 60 bear the stamp, and a network that detectors can read."""
    few = infecting.material(False)[:600]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(infecting, "material", lambda whole: few)
        return replace(made(rate=0.1), owned=honest())


def panel(infected: Infected | None, detector: str = "activation_clustering") -> AppTest:
    """A visitor whose network was poisoned."""

    def page() -> None:
        import streamlit as st

        from pages.components import finding_panel

        finding_panel.draw(st.session_state["infected"])

    at = AppTest.from_function(page, default_timeout=120)
    at.session_state["infected"] = infected
    at.session_state["picks_finding"] = {"detector": detector}
    return calm(at.run())


def looked(at: AppTest) -> AppTest:
    """The page once what is picked has looked."""
    return finished(button(at, "finding_look"), "finding")


def found(infected: Infected, monkeypatch: pytest.MonkeyPatch, findings: Findings) -> dict[str, Any]:
    """What the cloud is told of these findings."""
    monkeypatch.setattr(finding, "run", lambda job, search, infected: findings)
    return told(looked(panel(infected)), "cloud")


def says(at: AppTest, words: str) -> bool:
    return any(words in each.value for each in [*at.caption, *at.error])


def test_nobody_looks_before_something_is_poisoned():
    at = panel(None)
    assert says(at, "Once a network has learnt the set") and not at.button and not at.selectbox


@pytest.mark.parametrize("name", poisoning.names("detector"))
def test_every_detector_looks_when_it_is_asked_to_and_not_before(infected, name):
    at = panel(infected, name)
    assert "finding" not in at.session_state and says(at, poisoning.get(name).__doc__.split(",")[0].split("\n")[0])
    at = looked(at)
    findings = at.session_state["finding"].job.result
    data = told(at, "cloud")
    rows = infected.poisoned.digits.labels == data["label"]
    assert data["counts"]["all"] == rows.sum() and data["counts"]["flagged"] == findings.flagged[rows].sum()
    assert sum(data["flagged"]) == findings.flagged[rows].sum() and data["touched"] is None
    points = np.frombuffer(base64.b64decode(data["points"]), np.float32)
    assert len(points) == 2 * rows.sum() and np.isfinite(points).all() and points.min() >= 0 and points.max() <= 1
    assert data["plane"] == (findings.points is not None)


def test_the_label_that_is_suspected_is_shown_first(infected, monkeypatch):
    flagged = infected.poisoned.touched
    findings = Findings(flagged.astype(np.float32), flagged, np.full(10, np.nan, np.float32))
    assert found(infected, monkeypatch, findings)["label"] == TARGET  # most that is flagged is labelled so
    classes = np.full(10, np.nan, np.float32)
    classes[[2, 7]] = 1.0, 3.0
    assert found(infected, monkeypatch, replace(findings, classes=classes))["label"] == 7
    nothing = replace(findings, flagged=np.zeros(600, bool))
    assert found(infected, monkeypatch, nothing)["counts"]["flagged"] == 0


def test_the_truth_is_revealed_on_demand(infected, monkeypatch):
    touched = infected.poisoned.touched
    flagged = touched & (np.cumsum(touched) <= 45)
    findings = Findings(flagged.astype(np.float32), flagged, np.full(10, np.nan, np.float32))
    monkeypatch.setattr(finding, "run", lambda job, search, infected: findings)
    at = looked(panel(infected))
    assert not says(at, "precision")
    at.toggle(key="finding_truth").set_value(True)
    at = calm(at.run())
    assert says(at, "flags 45 digits, 45 of the 60 that were touched among them: precision 100.0 %, recall 75.0 %")
    assert sum(told(at, "cloud")["touched"]) == touched.sum()  # all bear the target as their label


def test_a_search_that_is_stopped_keeps_nothing_and_says_so(infected, monkeypatch):
    def soak(job, search, infected):
        while job.report(1, 3):
            time.sleep(0.005)

    monkeypatch.setattr(finding, "run", soak)
    monkeypatch.setattr(finding_panel, "_AT_ONCE", 0.0)
    at = button(panel(infected, "loss_filter"), "finding_look")
    found = at.session_state["finding"]
    at = button(at, "finding_stop")
    assert found.job.wait(20)
    at = calm(at.run())
    assert says(at, "It was stopped, and nothing of it is kept") and at.button(key="finding_look")
    assert at.selectbox(key="finding_detector").value == "loss_filter"


def test_a_fault_is_a_sentence_and_the_picks_stay(infected, monkeypatch):
    def fail(job, search, infected):
        raise InputError("It has no eyes. Give it some.")

    monkeypatch.setattr(finding, "run", fail)
    at = button(panel(infected, "strip"), "finding_look")
    at.session_state["finding"].job.wait(20)
    at = calm(at.run())
    assert [each.value for each in at.error] == ["It has no eyes. Give it some."]
    assert at.selectbox(key="finding_detector").value == "strip"


def test_other_picks_are_another_set_and_what_was_found_in_the_old_one_goes(infected):
    at = looked(panel(infected, "gradient_influence"))
    assert finding_panel._JOB in at.session_state
    at.session_state["infected"] = replace(infected, plot=replace(infected.plot, whole=True))
    assert finding_panel._JOB not in calm(at.run()).session_state


def test_knobs_of_a_detector_are_set_and_said(infected):
    at = choose(panel(infected, "loss_filter"), "finding_loss_filter_judge", "itself")
    assert says(at, "Judged by Itself")
    assert not any(each.key == "finding_loss_filter_folds" for each in at.slider)  # it trains nobody now


def test_a_detector_without_a_plane_has_its_scores_along():
    score = np.array([0.0, 1.0, 2.0, 4.0], np.float32)
    findings = Findings(score, score > 3, np.full(10, np.nan, np.float32))
    places = finding.places(findings, np.array([3, 0, 2, 1]))
    assert np.allclose(places[:, 0], [1.0, 0.0, 0.5, 0.25], atol=0.01) and len(set(places[:, 1])) == 4
    plane = np.stack([score, -score], axis=1)
    assert np.allclose(
        finding.places(replace(findings, points=plane), np.arange(4))[:, 1], [1, 0.75, 0.5, 0], atol=0.01
    )
