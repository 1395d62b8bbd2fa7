"""The Black box page driven as a visitor drives it: films told truly, links that bring them back, their code."""

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, digits, knobs, zoo
from pages.components import blackbox_view, cache, session, snippet
from pages.components.blackbox_view import KNOWLEDGE
from pages.components.session import View
from tests.pages.driving import answer, button, calm, choose, finished, opened, told, view

FILM = "filming"


def film(at: AppTest) -> dict:
    """What the component is told once the film is made."""
    return told(finished(at, FILM), "film")


def numbers(film: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(film["probabilities"]), np.float32).reshape(-1, 10)


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
    at = opened(f"digit=3500&attack={name}&knows={cls.knowledge}&norm={cls.norms[0]}&{link}", "blackbox")
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
    data = film(opened("digit=3500", "blackbox"))
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
    at = opened("digit=3500", "blackbox")
    choose(at, "pick_knows", knows)
    data = film(at)
    assert data["knows"] == knows and data["attack"] == attacks.get(KNOWLEDGE[knows][2]).title
    offered = next(each for each in at.selectbox if each.key == "pick_attack").options
    assert set(offered) == {attacks.get(each).title for each in attacks.names() if attacks.get(each).knowledge == knows}
    assert view(at).attack == "pgd"  # of the other pages


def test_a_knob_here_is_a_knob_of_the_attack_that_stands_here(alone):
    at = opened("digit=3500", "blackbox")
    choose(at, "knob_queries", 120)
    assert view(at).attack == "square" and dict(view(at).knobs) == {"queries": 120}
    assert film(at)["film"]["forwards"] <= 120


def test_a_pressed_line_is_the_pages_knowledge(alone):
    at = finished(opened("digit=3500", "blackbox"), FILM)
    answer(at, "film", event="knows", value="decision")
    assert film(at)["attack"] == "HopSkipJump"


@pytest.mark.parametrize("value", [None, 5, "telepathy", {}, ["scores"]])
def test_a_press_on_no_line_changes_nothing(alone, value):
    at = finished(opened("digit=3500", "blackbox"), FILM)
    answer(at, "film", event="knows", value=value)
    assert film(at)["knows"] == "scores"


def test_no_budget_shows_the_digit_as_it_is(alone):
    data = film(opened("digit=3500&budget=0", "blackbox"))
    assert data["eps"] == 0 and data["film"]["at"] == [0] and data["film"]["won"] == [False]


def test_a_digit_read_wrong_from_the_start_says_so(alone):
    known = digits.bundled()
    wrong = int(np.flatnonzero(zoo.load("plain_mlp").predict(known.images) != known.labels)[0])
    data = film(opened(f"digit={wrong}&model=plain_mlp", "blackbox"))
    assert data["wrong"] is not None and not any(data["film"]["won"])


def test_a_target_is_what_counts(alone):
    data = film(opened("digit=3500&target=9&budget=1", "blackbox"))
    read = numbers(data["film"]).argmax(axis=1)
    assert data["target"] == 9
    assert data["film"]["won"] == [bool(label == 9) for label in read]


def test_other_picks_begin_anew_and_end_what_ran(alone):
    at = opened("digit=3500&attack=zoo_attack&knows=scores", "blackbox")
    first = at.session_state[FILM]
    button(at, "digit_2")
    assert at.session_state[FILM] is not first and (first.job.over or not first.job.wanted)
    assert film(at)["label"] == 2


def test_a_finished_film_is_there_at_once_for_the_next_visitor(alone):
    film(opened("digit=3501&budget=0.5", "blackbox"))
    again = opened("digit=3501&budget=0.5", "blackbox")
    assert told(again, "film")["whole"]


# ------------------------------------------------------------------------------------------------------------- links
def test_a_link_brings_the_film_back(alone):
    at = opened(
        "digit=1000&model=plain_mlp&attack=hopskipjump&knows=decision&norm=l2&budget=0.5&queries=300&target=3",
        "blackbox",
    )
    data = film(at)
    link = data["link"]
    assert {"knows=decision", "attack=hopskipjump", "budget=0.5", "queries=300", "eps=1.50"} <= set(link.split("&"))
    again = opened(link, "blackbox")
    assert film(again)["film"] == data["film"] and not again.info


def test_a_link_to_an_attack_alone_brings_its_knowledge(alone):
    assert film(opened("digit=3500&attack=hopskipjump&queries=200", "blackbox"))["knows"] == "decision"


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
    at = opened(link, "blackbox")
    assert any(said in each.value for each in at.info), [each.value for each in at.info]
    assert film(at)["film"] is not None


def test_a_model_that_is_missing_is_said_and_the_picks_stay(alone, monkeypatch):
    at = finished(opened("digit=3500", "blackbox"), FILM)

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
    shot = film(opened(f"digit=3500&attack={name}&knows={cls.knowledge}&budget=0.5", "blackbox"))["film"]
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
    at = finished(opened("digit=3500&attack=square&knows=scores", "blackbox"), FILM)
    answer(at, "film", event="code", value="x")
    assert 'attacks.get("square")' in at.code[0].value and "path=True" in at.code[0].value
