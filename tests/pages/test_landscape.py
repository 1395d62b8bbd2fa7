"""The Landscape page driven as a visitor drives it: every direction, what is drawn, links, and the code."""

import base64

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, landscape, norms
from pages.components import cache, snippet, terrain
from pages.components.session import View
from tests.pages.driving import answer, button, choose, finished, opened, told

JOB = "survey"


def surveyed(link: str = "") -> AppTest:
    """The page, come by that link, with its survey done."""
    return finished(opened(link, "landscape"), JOB)


def cells(data: dict) -> np.ndarray:
    """The classes of the map, row 0 at the bottom."""
    count = data["plane"]["count"]
    return np.frombuffer(base64.b64decode(data["plane"]["classes"]), np.uint8).reshape(count, count)


@pytest.fixture(scope="module")
def page():
    return surveyed("digit=3500")


def test_the_map_holds_what_the_network_reads_there(page):
    data, survey = told(page, "landscape"), page.session_state[JOB].job.result
    assert data["plane"]["count"] == 101 and cells(data)[50, 50] == data["label"] == 7
    model = cache.model("plain_cnn")
    for row, column in ((0, 0), (10, 90), (50, 100), (77, 31)):
        picture = survey.plane.picture(survey.plane.a[column], survey.plane.b[row])
        assert model.predict(picture[None])[0] == cells(data)[row, column]


def test_the_attacks_change_lies_on_the_map_and_is_read_as_told(page):
    survey = page.session_state[JOB].job.result
    assert survey.change == pytest.approx(survey.result.linf[0])
    there = survey.plane.picture(survey.change, 0.0)
    np.testing.assert_allclose(there, survey.result.adversarial[0], atol=1e-5)
    np.testing.assert_allclose(survey.path[-1], [survey.change, 0], atol=1e-4)
    assert told(page, "landscape")["found"] == [survey.change, 0.0]


def test_the_headline_names_a_border_that_is_there(page):
    data, survey = told(page, "landscape"), page.session_state[JOB].job.result
    size, other = survey.border
    assert data["headline"][1] == 7 and data["headline"][3] == other != 7
    assert 0 < size <= survey.change
    assert other in cells(data)


def test_the_ball_has_the_size_of_the_budget(page):
    data, survey = told(page, "landscape"), page.session_state[JOB].job.result
    rim = np.array(data["ball"])
    change = np.einsum("ma,aijk->mijk", rim, np.stack([survey.plane.u, survey.plane.v]))
    np.testing.assert_allclose(norms.get("linf").size(change), 0.2, atol=1e-3)


@pytest.mark.parametrize("toward", ["random", "digit_3", "fgsm", "deepfool", "noise"])
def test_every_kind_of_second_direction(page, toward):
    choose(page, "pick_toward", toward)
    survey = finished(page, JOB).session_state[JOB].job.result
    assert abs(np.vdot(survey.plane.u, survey.plane.v)) < 1e-6 * np.linalg.norm(survey.plane.u)
    assert told(page, "landscape")["setting"]["second_direction"] == toward


@pytest.mark.parametrize("attack", ["fgm", "ddn", "square", "spatial"])
def test_attacks_of_every_kind_lead_across(page, attack):
    choose(page, "pick_attack", attack)
    survey = finished(page, JOB).session_state[JOB].job.result
    assert survey.measure in ("linf", "l2", "l1") and survey.plane.logits.shape == (101, 101, 10)
    choose(page, "pick_attack", "pgd")
    finished(page, JOB)


def test_a_second_direction_that_is_the_first_gives_way_and_says_so():
    at = surveyed("digit=3500&attack=fgsm&toward=fgsm")
    assert "gives no second direction" in told(at, "landscape")["sentence"]


def test_no_budget_leads_along_the_gradient_and_says_so():
    at = surveyed("digit=3500&budget=0")
    data = told(at, "landscape")
    assert "found no change" in data["sentence"] and data["across"] == "Input gradient" and data["ball"] is None


def test_a_link_brings_the_plane_back(page):
    at = surveyed("digit=1000&model=plain_mlp&attack=fgm&norm=l2&budget=0.5&toward=digit_8")
    link = told(at, "landscape")["link"]
    assert {"budget=0.5", "toward=digit_8", "attack=fgm", "model=plain_mlp"} <= set(link.split("&"))
    again = surveyed(link)
    assert told(again, "landscape")["plane"] == told(at, "landscape")["plane"]
    assert not again.info


def test_a_bad_link_falls_back_and_says_so():
    at = surveyed("toward=the_moon&budget=-1")
    assert "toward is “the_moon”" in at.info[0].value and "budget is “-1”" in at.info[0].value
    assert told(at, "landscape")["setting"]["second_direction"] == "random"


def test_other_picks_begin_anew(page):
    before = page.session_state[JOB]
    button(page, "digit_1")
    assert page.session_state[JOB] is not before
    assert told(finished(page, JOB), "landscape")["label"] == 1
    button(page, "digit_7")
    finished(page, JOB)


def test_the_code_button_opens_the_code(page):
    answer(page, "landscape", event="code", value="x")
    assert any("landscape.plane" in each.value for each in page.code)


@pytest.mark.parametrize("toward", ["random", "digit_3", "fgsm"])
def test_the_code_gives_the_same_plane(toward):
    at = surveyed(f"digit=3500&toward={toward}")
    space: dict = {}
    exec(compile(snippet.plane(View(index=3500, eps=0.2), toward), "pasted", "exec"), space)
    ours = at.session_state[JOB].job.result.plane
    assert (space["plane"].prediction == ours.prediction).mean() > 0.99


def test_all_directions_have_their_words():
    assert [terrain.title(each) for each in ("random", "digit_3", "pgd")] == ["Random", "Towards a 3", "PGD"]
    assert len(terrain.directions()) == 11 + len(attacks.names())
    assert landscape.COUNT == 101
