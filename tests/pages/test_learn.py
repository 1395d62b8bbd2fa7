"""The Learn page: all its sections stand, each link leads where it says, and the figures are what core says."""

import base64
import re
from urllib.parse import parse_qsl

import numpy as np
import pytest

from core import attacks, defenses, digits, sweep, zoo
from core.errors import InputError
from pages.components import cache, infecting, learn_figures, learn_made, learn_texts, navigation, proving, session
from pages.components.kept import Kept
from pages.components.learn_figures import FIGURES
from pages.components.learn_made import COUNT, EPS
from tests.pages.driving import AppTest, calm, finished, opened, view

JOB = "learning"
NAMES = [section.name for section in learn_texts.sections()]


@pytest.fixture(scope="module")
def page():
    """A visit on which every figure has come in."""
    return finished(opened(page="learn"), JOB)


@pytest.fixture(scope="module")
def figures(page):
    """Its figures by name."""
    return learn_figures.KEPT.get(page.session_state[JOB].asked)


def links(at: AppTest) -> list[tuple[str, str, str]]:
    """What each promises, the page's name, and the query string."""
    found = re.findall(r"\[See it: (.+?)\]\((.*?)\?(.*?)\)", "\n".join(each.value for each in at.markdown))
    first = navigation._PAGES[0][0]
    return [(word, first if path == "./" else path, query) for word, path, query in found]


def test_all_sections_stand_each_with_its_link_and_figure(page, figures):
    words = [each.value for each in page.markdown]
    sections = learn_texts.sections()
    assert [each for each in words if each.startswith("## ")] == [f"## {each.title}" for each in sections]
    assert [word for word, *_ in links(page)] == [each.see for each in sections]
    assert len(page.latex) == 2 and not page.error
    assert list(figures) == list(FIGURES) == NAMES[: len(FIGURES)]


@pytest.mark.parametrize("section", learn_texts.sections(), ids=NAMES)
def test_the_words_are_few(section):
    words = " ".join((section.text, *(said for said, _ in section.formulas), section.after)).split()
    assert 25 <= len(words) <= 100


@pytest.mark.parametrize("place", range(len(NAMES)), ids=NAMES)
def test_each_link_sets_its_page_up(page, place):
    section, (_, name, query) = learn_texts.sections()[place], links(page)[place]
    assert name == section.page in {each for each, *_ in navigation._PAGES}
    params = dict(parse_qsl(query, strict_parsing=True))
    assert session.read(params) == (section.view, [])
    assert set(section.also) <= session.PAGE_KEYS and section.also.items() <= params.items()


@pytest.mark.parametrize("name", ["boxes", "certificate", "masked"])
def test_a_link_with_picks_of_its_page_is_followed_without_a_note(page, name):
    section, (_, where, query) = learn_texts.sections()[NAMES.index(name)], links(page)[NAMES.index(name)]
    at = opened(query, "" if where == navigation._PAGES[0][0] else where)
    assert view(at) == section.view and not at.info
    for key, value in section.also.items():
        assert str(at.session_state[f"extra_{key}"]) == value


def test_the_digit_and_its_steps_are_the_attacks(figures):
    now, model = learn_made.view(), zoo.load("plain_cnn")
    told = attacks.get("pgd")()(model, now.x[None], np.array([now.y]), eps=EPS, norm="linf")
    assert bool(told.success[0])
    chosen, perturbed, read, checked = figures["steps"]["cards"]
    assert (chosen["chip"], read["chip"]) == (now.y, told.prediction[0])
    assert read["sure"] == pytest.approx(float(told.probabilities[0].max()), abs=2e-3)
    grey = np.frombuffer(base64.b64decode(read["grey"]), np.uint8)
    np.testing.assert_allclose(grey / 255, told.adversarial.ravel(), atol=0.003)
    assert np.frombuffer(base64.b64decode(perturbed["change"]), np.int8).any()
    assert all(held for held, _ in checked["checks"]) and checked["badge"] == "fooled"


def test_the_curve_and_the_smallest_change(figures):
    now, model, curve = learn_made.view(), zoo.load("plain_cnn"), figures["problems"]["curve"]
    found = sweep.sweep(model, now.x, now.y, attacks.get("pgd")(), norm="linf").result.probabilities
    own, other = (np.array(line["y"]) for line in curve["lines"])
    np.testing.assert_allclose(own, found[:, now.y], atol=2e-3)
    np.testing.assert_allclose(other, np.delete(found, now.y, axis=1).max(axis=1), atol=2e-3)
    smallest = attacks.get("fab")()(model, now.x[None], np.array([now.y]), norm="linf")
    assert curve["dot"]["x"] == pytest.approx(float(smallest.size[0]), rel=1e-4)


def test_who_knows_less_has_to_ask_more(figures):
    gradient, scores, decision, nothing = (row["value"] for row in figures["boxes"]["bars"])
    assert 0 < gradient < scores < decision and nothing == 0


def test_the_bars_count_what_core_counts(figures):
    every = digits.bundled()
    some = every[np.linspace(0, len(every), COUNT, endpoint=False).astype(int)]
    plain, masked = zoo.load("plain_cnn"), zoo.load("distilled_cnn")

    def left(model, name):
        told = attacks.get(name)()(model, some.images, some.labels, eps=EPS, norm="linf")
        return int(((told.prediction == some.labels) & ~told.already_wrong).sum())

    clean, noise, fgsm = (bar["value"] for bar in figures["noise"]["bars"])
    assert (noise, fgsm) == (left(plain, "noise"), left(plain, "fgsm")) and clean >= noise > fgsm
    clean, blind, one, many = (bar["value"] for bar in figures["masked"]["bars"])
    assert (one, many) == (left(masked, "fgsm"), left(masked, "pgd"))
    assert clean - 20 < blind > 2 * one > many  # the mask holds up one attack, and nothing else


def test_who_looks_at_the_answer_reads_the_same_and_finds_no_slope():
    some, network = learn_made.counted()[:40], zoo.load("distilled_cnn")
    seen = learn_made.answering(network)
    np.testing.assert_array_equal(seen.predict(some.images), network.predict(some.images))
    told = [attacks.get("fgsm")()(model, some.images, some.labels, eps=EPS) for model in (seen, network)]
    stuck, moved = ((each.change == 0).all(axis=(1, 2, 3)) for each in told)
    assert stuck.mean() > 0.8 and not moved.any()


def test_the_poisoned_digits_bear_the_stamp_and_its_label(figures):
    cards = figures["poison"]["cards"]
    for before, after in zip(cards[::2], cards[1::2], strict=True):
        was, now = (np.frombuffer(base64.b64decode(card["grey"]), np.uint8) for card in (before, after))
        assert 0 < (was != now).sum() <= 16 and (now[was != now] == 255).all()
        assert after["note"] == "label 4" != before["note"]
    assert f"of {len(infecting.material(False)):,}" in figures["poison"]["foot"]


def test_the_certificate_is_proven_at_least_and_stands_at_most(figures):
    curve, network = figures["certificate"]["curve"], zoo.load("certified_cnn")
    proven, standing = (line["y"] for line in curve["lines"])
    assert all(low <= high for low, high in zip(proven, standing, strict=True))
    some, at = proving.material(learn_figures.PROVEN_COUNT), curve["x"].index(0.2)
    held = defenses.get("interval")().certify(network, some.images, some.labels, 0.2)
    assert proven[at] == pytest.approx(held.mean())


def test_what_is_known_is_not_computed_again(page, monkeypatch):
    monkeypatch.setattr(learn_figures, "FIGURES", {})
    again = opened(page="learn")
    assert again.session_state[JOB].job is None and not again.error


def test_a_network_that_is_gone_leaves_the_words_and_says_so(monkeypatch):
    load = cache.model

    def model(name):
        if name == "certified_cnn":
            raise InputError("The file of certified_cnn is missing.")
        return load(name)

    monkeypatch.setattr(cache, "model", model)
    monkeypatch.setattr(learn_figures, "KEPT", Kept(4))
    at = finished(opened(page="learn"), JOB)
    assert [each.value for each in at.error] == ["The file of certified_cnn is missing."]
    assert len(links(at)) == len(NAMES)


@pytest.mark.parametrize("death", [MemoryError(), RuntimeError("secret")], ids=["memory", "a fault of ours"])
def test_work_that_dies_leaves_the_words_and_says_so(monkeypatch, death):
    def dies():
        raise death

    monkeypatch.setattr(learn_figures, "FIGURES", {**FIGURES, "steps": dies})
    monkeypatch.setattr(learn_figures, "KEPT", Kept(4))
    at = opened(page="learn")
    at.session_state[JOB].job.wait(60)
    calm(at.run())
    assert len(at.error) == len(FIGURES) - 1 and len(links(at)) == len(NAMES)
    assert all(each.value.endswith(".") and "secret" not in each.value for each in at.error)
