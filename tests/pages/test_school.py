"""A network trained on the page: it grows under the visitor's eyes, is theirs alone, and is attacked on every page."""

import re
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from core import classifier, defenses, fit, zoo
from core.errors import InputError
from pages.components import comparison, own_models, school_panel, schooling, session, snippet
from pages.components.jobs import Job
from pages.components.panel import Picks
from pages.components.schooling import Lesson
from tests.full_disk import full_disk
from tests.pages.driving import answer, button, calm, choose, finished, opened, told, view


def lesson(training="label_smoothing", **changed) -> Lesson:
    return Lesson(
        **{"model": "plain_mlp", "version": "", "training": training, "knobs": (), "count": 1000, "seconds": 5}
        | changed
    )


@pytest.fixture
def short(monkeypatch):
    """Lessons of a second."""
    monkeypatch.setattr(school_panel, "_SECONDS", (1, 2))
    monkeypatch.setattr(school_panel, "_picks", Picks("school", training="trades", count=2500, seconds=1))
    monkeypatch.setattr(schooling, "_LONGEST", 1)


def trained(link="digit=3500&model=plain_mlp", training="label_smoothing"):
    at = choose(opened(link, "defend"), "school_training", training)
    return finished(button(at, "school_train"), "schooling")


def test_what_is_learnt_from_is_not_what_it_is_judged_by():
    learnt, test = schooling.material(2500)
    assert len(learnt) == 2500 and len(test) == 500
    assert not {each.tobytes() for each in learnt.images} & {each.tobytes() for each in test.images}
    counts = np.bincount(learnt.labels)
    assert counts.min() > 200 and np.bincount(test.labels).tolist() == [50] * 10


def test_a_visitors_network_is_on_every_page_and_theirs_alone(short):
    at = trained()
    data = told(at, "school")
    epochs = data["epochs"]
    assert [each["epoch"] for each in epochs] == list(range(1, len(epochs) + 1)) and len(epochs) >= 2
    assert epochs[-1]["clean"] > 0.9 and 0 <= epochs[-1]["attacked"] <= epochs[-1]["clean"]
    name = at.session_state["school_made"][1]
    own = own_models.get(name)
    _, test = schooling.material(1000)
    assert np.mean(own.predict(test.images) == test.labels) == pytest.approx(epochs[-1]["clean"])
    assert zoo.load("plain_mlp").version == at.session_state["schooling"].asked.version
    # It can be put up against the other, and attacked on the Attack page.
    button(at, "school_face")
    other = told(at, "duel")["sides"][1]
    assert (other["name"], other["title"]) == (name, own.title)
    button(at, "school_attack")
    assert view(at).model == name and "Yours: Label smoothing" in told(at)["caption"]
    # Nobody else has it: not in their picks, and not by its name in a link.
    other = opened(f"digit=3500&model={name}")
    assert view(other).model == "plain_cnn" and any("stays with them" in each.value for each in other.info)
    assert name not in other.selectbox(key="pick_model").options


def test_a_visitors_network_is_saved_and_is_what_the_code_loads(short, monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, **said: given.update({label: (data, said)}))
    at = trained()
    name = at.session_state["school_made"][1]
    data, said = given["Save it"]
    monkeypatch.chdir(tmp_path)
    with full_disk(0):
        content = data()
    (tmp_path / said["file_name"]).write_bytes(content)
    assert re.fullmatch(r"epsilon-lab-yours-label-smoothing-[0-9a-f]{4}\.keras", said["file_name"])
    again = eval(own_models.code(name), {"load": classifier.load})
    assert again.version == own_models.get(name).version
    names = {}
    exec(snippet.code(replace(session.first(), model=name, eps=0.1)), names)
    assert names["model"].version == again.version and names["result"].size[0] <= 0.1 + 1e-6
    # The code's dialog has the button as well, as long as the network is there.
    given.clear()
    button(at, "school_attack")
    answer(at, event="code", value=0.05)
    assert f"load('{said['file_name']}')" in at.code[0].value and "Save the network" in given
    own_models._all.pop(name)
    given.clear()
    own_models.save(name, "gone")
    assert not given


def test_a_training_that_was_stopped_keeps_nothing(short):
    at = choose(opened("digit=3500&model=plain_mlp", "defend"), "school_training", "trades")
    button(at, "school_train")
    at.session_state["schooling"].stop()
    at = finished(at, "schooling")
    assert any("nothing of it is kept" in each.value for each in at.caption)
    assert "school_made" not in at.session_state and at.button(key="school_train")


def test_a_training_that_does_not_fit_says_so_before_it_begins():
    job = Job(lambda job: None, "somebody")
    slow = lesson("pgd_training", knobs=(("steps", 100),), count=4500, seconds=0)
    with pytest.raises(InputError, match="Choose more time, fewer digits, or fewer steps"):
        schooling.run(job, slow, zoo.load("plain_mlp"))
    assert job.parts == []


def test_a_training_that_diverges_says_so(monkeypatch, short):
    recipe = fit.Plan(epochs=8, batch=128, rate=1e30)
    monkeypatch.setattr(defenses.get("label_smoothing"), "recipe", recipe)
    job = Job(lambda job: schooling.run(job, lesson(seconds=60), zoo.load("plain_mlp")), "somebody")
    job.run()
    assert job.state == "failed" and "diverged" in (job.fault or "")


def test_knobs_are_those_of_the_training(short):
    at = choose(opened("digit=3500&model=plain_mlp", "defend"), "school_training", "label_smoothing")
    at = choose(at, "school_label_smoothing_share", 0.3)
    at = finished(button(at, "school_train"), "schooling")
    assert at.session_state["schooling"].asked.knobs == (("share", 0.3),)


def test_own_networks_are_few(monkeypatch):
    kept = {}
    monkeypatch.setattr(own_models.st, "session_state", kept)
    monkeypatch.setattr(own_models, "_all", type(own_models._all)())
    names = [own_models.add(zoo.load("plain_mlp")) for _ in range(own_models._EACH + 1)]
    assert list(own_models.titles()) == names[:0:-1]
    with pytest.raises(InputError, match="train it again"):
        own_models.get(names[0])
    kept.clear()  # another visitor
    for _ in range(own_models._MOST):
        own_models.add(zoo.load("plain_mlp"))
        kept.clear()
    with pytest.raises(InputError, match="no longer kept"):
        own_models.get(names[-1])


@pytest.mark.parametrize(
    ("page", "place", "part"),
    [("compare", "comparison", "gallery"), ("blackbox", "filming", "film"), ("landscape", "survey", "landscape")],
)
def test_an_own_network_is_attacked_on_every_page(page, place, part, monkeypatch):
    if page == "compare":  # two of its attacks are enough
        monkeypatch.setattr(comparison.attacks, "names", lambda: ("fgsm", "pgd"))
    own = defenses.get("label_smoothing")().harden(zoo.load("plain_mlp"), schooling.material(1000)[0], epochs=2)
    monkeypatch.setitem(own_models._all, "own-mine", own)
    at = opened("digit=3500&eps=0.100")
    at.session_state["own_models"] = ["own-mine"]
    at.session_state[session.KEY] = replace(view(at), model="own-mine")
    at = finished(calm(at.switch_page(f"pages/{page}.py").run()), place)
    assert not at.error and own.title in str(told(at, part)["caption"])
    assert own.title in at.selectbox(key="pick_model").options


def test_a_network_that_is_gone_says_so_and_the_picks_stay():
    at = opened("digit=3500&eps=0.100")
    at.session_state[session.KEY] = replace(view(at), model="own-gone")
    at.run()
    assert not at.exception and any("no longer kept" in each.value for each in at.error)
    choose(at, "pick_model", "plain_mlp")
    assert not at.error and view(at).model == "plain_mlp" and view(at).eps == pytest.approx(0.1)
