"""The Black box page driven as a visitor drives it: films told truly, links that bring them back, the matrix."""

import base64
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, digits, knobs, metrics, zoo
from pages.components import blackbox_view, cache, filming, jobs, session, snippet, transferring
from pages.components.blackbox_view import KNOWLEDGE
from pages.components.kept import Kept
from pages.components.session import View
from tests.pages.driving import answer, button, calm, choose, opened, told, view

FILM, HEAT = "filming", "transferring"


def visited(link: str = "") -> AppTest:
    """The page, come by that link, as it is first drawn."""
    return calm(opened(link).switch_page("pages/blackbox.py").run())


def wait(at: AppTest, key: str, seconds: float = 120) -> AppTest:
    """The page once that work is over."""
    end = time.monotonic() + seconds
    job = at.session_state[key].job
    while job is not None and not job.over:
        assert time.monotonic() < end, "It never ended."
        job.look()
        time.sleep(0.05)
    return calm(at.run())


def film(at: AppTest) -> dict:
    return told(wait(at, FILM), "film")


def numbers(film: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(film["probabilities"]), np.float32).reshape(-1, 10)


@pytest.fixture
def alone(monkeypatch):
    """Only the page's own attack is filmed, so that a test that is not about the table is quick."""
    run = filming.run
    monkeypatch.setattr(filming, "run", lambda job, scene, others: run(job, scene, ()))


def quick(name: str) -> dict[str, int]:
    """Knobs with which that attack is quick, as far as it has them."""
    small = {"steps": 8, "queries": 200, "search_steps": 2, "restarts": 1}
    return {each.name: small[each.name] for each in knobs.of(attacks.get(name)) if each.name in small}


# ---------------------------------------------------------------------------------------------------------- the films
@pytest.mark.parametrize("name", attacks.names())
def test_every_attack_has_a_film_that_ends_as_the_attack_does(alone, name):
    settings = quick(name)
    cls = attacks.get(name)
    link = "&".join(f"{key}={value}" for key, value in settings.items())
    at = visited(f"digit=3500&attack={name}&knows={cls.knowledge}&norm={cls.norms[0]}&{link}")
    data = film(at)
    shot = data["film"]
    assert data["attack"] == cls.title and data["whole"] and not at.error and not at.info
    x, y = digits.bundled().images[[3500]], digits.bundled().labels[[3500]]
    watched = {"path": True, "watch": lambda *_: True}  # what an attack spends may hang on how often it looks
    result = cls(**settings)(cache.model("plain_cnn"), x, y, eps=data["eps"], norm=cls.norms[0], **watched)
    assert shot["won"][-1] == result.success[0] and shot["reads"] == result.prediction[0]
    assert shot["forwards"] == result.forwards[0] and shot["gradients"] == result.gradients[0]
    assert np.allclose(numbers(shot)[-1], result.probabilities[0], atol=1e-4)
    assert shot["at"] == sorted(set(shot["at"])) and len(shot["at"]) == len(shot["size"]) == len(numbers(shot))
    assert shot["unit"] == "steps" or shot["at"][-1] <= shot["end"] == result.forwards[0]
    assert shot["first"] == (shot["won"].index(True) if any(shot["won"]) else None)
    assert len(json.dumps(data)) < 200_000


def test_each_knowledge_has_its_line_and_its_attack():
    data = film(visited("digit=3500"))
    assert data["knows"] == "scores" and data["attack"] == "Square Attack"
    assert [row["knows"] for row in data["rows"]] == list(KNOWLEDGE)
    for row, (_, _, name) in zip(data["rows"], KNOWLEDGE.values(), strict=True):
        assert row["attack"] == attacks.get(name).title and "fault" not in row
        if row["won"]:
            assert row["reads"] != 7 and 0 < row["until"] <= row["spent"]
    asked = {row["knows"]: row["spent"] for row in data["rows"]}
    assert asked["nothing"] == 0 and asked["decision"] > asked["scores"] > 0


@pytest.mark.parametrize("knows", KNOWLEDGE)
def test_the_control_changes_what_the_attacker_knows(alone, knows):
    at = visited("digit=3500")
    choose(at, "pick_knows", knows)
    data = film(at)
    assert data["knows"] == knows and data["attack"] == attacks.get(KNOWLEDGE[knows][2]).title
    offered = next(each for each in at.selectbox if each.key == "pick_attack").options
    assert set(offered) == {attacks.get(each).title for each in attacks.names() if attacks.get(each).knowledge == knows}
    assert view(at).attack == "pgd"  # of the other pages


def test_a_knob_here_is_a_knob_of_the_attack_that_stands_here(alone):
    at = visited("digit=3500")
    choose(at, "knob_queries", 120)
    assert view(at).attack == "square" and dict(view(at).knobs) == {"queries": 120}
    assert film(at)["film"]["forwards"] <= 120


def test_a_pressed_line_is_the_pages_knowledge(alone):
    at = wait(visited("digit=3500"), FILM)
    answer(at, "film", event="knows", value="decision")
    assert film(at)["attack"] == "HopSkipJump"


@pytest.mark.parametrize("value", [None, 5, "telepathy", {}, ["scores"]])
def test_a_press_on_no_line_changes_nothing(alone, value):
    at = wait(visited("digit=3500"), FILM)
    answer(at, "film", event="knows", value=value)
    assert film(at)["knows"] == "scores"


def test_no_budget_shows_the_digit_as_it_is(alone):
    data = film(visited("digit=3500&budget=0"))
    assert data["eps"] == 0 and data["film"]["at"] == [0] and data["film"]["won"] == [False]


def test_a_digit_read_wrong_from_the_start_says_so(alone):
    known = digits.bundled()
    wrong = int(np.flatnonzero(zoo.load("plain_mlp").predict(known.images) != known.labels)[0])
    data = film(visited(f"digit={wrong}&model=plain_mlp"))
    assert data["wrong"] is not None and not any(data["film"]["won"])


def test_a_target_is_what_counts(alone):
    data = film(visited("digit=3500&target=9&budget=1"))
    read = numbers(data["film"]).argmax(axis=1)
    assert data["target"] == 9
    assert data["film"]["won"] == [bool(label == 9) for label in read]


def test_other_picks_begin_anew_and_end_what_ran(alone):
    at = visited("digit=3500&attack=zoo_attack&knows=scores")
    first = at.session_state[FILM]
    button(at, "digit_2")
    assert at.session_state[FILM] is not first and (first.job.over or not first.job.wanted)
    assert film(at)["label"] == 2


def test_a_finished_film_is_there_at_once_for_the_next_visitor(alone):
    film(visited("digit=3501&budget=0.5"))
    again = visited("digit=3501&budget=0.5")
    assert told(again, "film")["whole"]


def test_stopping_keeps_what_has_come_in():
    at = visited("digit=3502&attack=boundary&knows=decision&budget=0.3&queries=5000")
    answer(at, "film", event="stop", value="x")
    at = wait(at, FILM)
    job = at.session_state[FILM].job
    assert job.state in (jobs.CANCELLED, jobs.DONE)
    assert told(at, "film")["stopped"] == (job.state == jobs.CANCELLED)


def test_a_cancelled_attack_hands_in_its_film_so_far_and_nobody_keeps_it():
    at = visited("digit=3503&attack=square&knows=scores&seed=5")
    scene = at.session_state[FILM].asked[0]
    wait(at, FILM)
    filming.FILMS._answers.pop(scene)
    job = jobs.Job(lambda job: filming.run(job, scene, ()), owner="x")
    report = job.report

    def cut(done, total, x=None):
        job.cancel()
        return report(done, total, x)

    job.report = cut
    job.run()
    assert job.state == jobs.CANCELLED and filming.FILMS.get(scene) is None
    of, shot = job.parts[-1]
    assert of == scene and shot["stopped"] and shot["at"][-1] == shot["forwards"]


def test_a_film_is_shown_while_it_is_made(monkeypatch):
    monkeypatch.setattr(filming, "_EVERY", 0.0)
    at = wait(visited("digit=3504&attack=square&knows=scores&budget=0.2"), FILM)
    parts = [part for of, part in at.session_state[FILM].job.parts if of == at.session_state[FILM].asked[0]]
    assert len(parts) > 2 and parts[0]["unit"] == "progress" and parts[-1]["unit"] == "queries"
    assert len(parts[1]["at"]) > len(parts[0]["at"]) and parts[0]["end"] == 1000


def test_an_attack_that_counts_nothing_along_the_way_is_spread_evenly():
    model, known = cache.model("plain_cnn"), digits.bundled()
    result = attacks.get("square")(queries=100)(model, known.images[[3500]], known.labels[[3500]], eps=0.05, path=True)
    assert result.path is not None
    images, at = filming._cut(replace(result, path_forwards=None))
    assert at[0] == 0 and at[-1] == result.forwards[0] and len(images) == len(at)
    assert np.ptp(np.diff(at)) <= 1
    images, at = filming._cut(replace(result, forwards=np.array([0])))
    assert at.tolist() == list(range(len(images)))


# ------------------------------------------------------------------------------------------------------------- links
def test_a_link_brings_the_film_back(alone):
    at = visited("digit=1000&model=plain_mlp&attack=hopskipjump&knows=decision&norm=l2&budget=0.5&queries=300&target=3")
    data = film(at)
    link = data["link"]
    assert {"knows=decision", "attack=hopskipjump", "budget=0.5", "queries=300", "eps=1.50"} <= set(link.split("&"))
    again = visited(link)
    assert film(again)["film"] == data["film"] and not again.info


def test_a_link_to_an_attack_alone_brings_its_knowledge(alone):
    assert film(visited("digit=3500&attack=hopskipjump&queries=200"))["knows"] == "decision"


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("knows=telepathy", "knows is “telepathy”"),
        ("knows=", "knows is"),
        ("budget=7", "budget is “7”"),
        ("attack=square&knows=decision", "Square Attack does not fit"),
        ("attack=mindreading", "no attack named"),
    ],
)
def test_a_bad_link_falls_back_and_says_so(alone, link, said):
    at = visited(link)
    assert any(said in each.value for each in at.info), [each.value for each in at.info]
    assert film(at)["film"] is not None


def test_a_model_that_is_missing_is_said_and_the_picks_stay(alone, monkeypatch):
    at = wait(visited("digit=3500"), FILM)

    def gone(name):
        raise zoo.ModelUnavailable("The weights are missing.")

    monkeypatch.setattr(blackbox_view.cache, "question", lambda view: gone(view.model))
    at = calm(at.run())
    assert [each.value for each in at.error] == ["The weights are missing."]
    assert at.button(key="digit_7") is not None


# -------------------------------------------------------------------------------------------------------------- code
@pytest.mark.parametrize("name", ["square", "pgd", "transfer"])
def test_the_code_gives_the_same(alone, capsys, name):
    cls = attacks.get(name)
    shot = film(visited(f"digit=3500&attack={name}&knows={cls.knowledge}&budget=0.5"))["film"]
    code = snippet.film(View(index=3500, attack=name, eps=session.snap(0.15, "linf")))
    exec(compile(code, "pasted", "exec"), {})
    first, *frames = capsys.readouterr().out.splitlines()
    reads, _, success = first.replace("[", " ").replace("]", " ").split()
    assert (int(reads), success) == (shot["reads"], str(shot["won"][-1]))
    read = [tuple(map(int, line.split())) for line in frames]
    ours = numbers(shot).argmax(axis=1).tolist()
    if shot["unit"] == "steps":  # the network was asked nothing: the counts are the attack's own steps
        assert read == [(0, label) for label in ours]
    else:
        assert read == list(zip(shot["at"], ours, strict=True))


def test_the_code_is_shown_when_asked_for(alone):
    at = wait(visited("digit=3500&attack=square&knows=scores"), FILM)
    answer(at, "film", event="code", value="x")
    assert 'attacks.get("square")' in at.code[0].value and "path=True" in at.code[0].value


# -------------------------------------------------------------------------------------------------------- the matrix
def test_the_matrix_comes_when_asked_for_and_stays_for_everybody(alone, monkeypatch):
    monkeypatch.setattr(transferring, "EACH", 2)
    monkeypatch.setattr(transferring, "COUNT", 20)
    at = visited("digit=3500&budget=0.4")
    data = told(at, "heat")
    assert data["matrix"] is None and not data["running"] and "20 digits" in data["offer"]
    answer(at, "heat", event="run", value=data["key"])
    at = wait(at, HEAT)
    data = told(at, "heat")
    known, names = digits.bundled(), list(zoo.names())
    rows = np.concatenate([session.rows_of(label)[:2] for label in range(10)])
    models = [cache.model(name) for name in names]
    x, y = known.images[rows], known.labels[rows]
    true = metrics.transfer_matrix(models, attacks.get("pgd")(), x, y, eps=0.12, norm="linf")
    given = np.array(data["matrix"]["shares"], dtype=float)  # None is NaN
    assert data["models"] == names and np.allclose(given, true, equal_nan=True)
    result = attacks.get("pgd")()(models[0], x, y, eps=0.12)
    assert data["matrix"]["fooled"][0] == result.success.sum()
    assert "ε = 0.120 in L∞, 20 bundled digits" in data["caption"]
    assert told(visited("digit=100&budget=0.4"), "heat")["matrix"] == data["matrix"]


def test_the_matrix_can_be_stopped_and_another_budget_is_another_matrix(alone):
    at = visited("digit=3500&budget=0.9")
    answer(at, "heat", event="run", value="x")
    job = at.session_state[HEAT].job
    answer(at, "heat", event="stop", value="x")
    at = wait(at, HEAT)
    assert job.state == jobs.CANCELLED and told(at, "heat")["stopped"]
    choose(at, "pick_budget", 0.1)
    assert HEAT not in at.session_state and told(at, "heat")["matrix"] is None


def test_the_memory_is_bounded_and_forgets_the_least_used():
    kept = Kept(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
