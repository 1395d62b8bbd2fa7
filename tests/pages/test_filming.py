"""A film in the making: shown as it comes in, stopped, cut to what is worth a picture."""

from dataclasses import replace

import numpy as np

from core import attacks, digits
from pages.components import cache, filming, jobs
from tests.pages.driving import answer, finished, opened, told

FILM = "filming"


def test_stopping_keeps_what_has_come_in():
    at = opened("digit=3502&attack=boundary&knows=decision&budget=0.3&queries=5000", "blackbox")
    answer(at, "film", event="stop", value="x")
    at = finished(at, FILM)
    job = at.session_state[FILM].job
    assert job.state in (jobs.CANCELLED, jobs.DONE)
    assert told(at, "film")["stopped"] == (job.state == jobs.CANCELLED)


def test_a_cancelled_attack_hands_in_its_film_so_far_and_nobody_keeps_it():
    at = opened("digit=3503&attack=square&knows=scores&seed=5", "blackbox")
    scene = at.session_state[FILM].asked[0]
    finished(at, FILM)
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
    at = finished(opened("digit=3504&attack=square&knows=scores&budget=0.2", "blackbox"), FILM)
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
