"""The transfer matrix of the Black box page: worked out when asked for, stopped, and kept for everybody."""

import numpy as np

from core import attacks, digits, metrics, zoo
from pages.components import cache, jobs, session, transferring
from tests.pages.driving import answer, choose, finished, opened, told

HEAT = "transferring"


def test_the_matrix_comes_when_asked_for_and_stays_for_everybody(alone, monkeypatch):
    monkeypatch.setattr(transferring, "EACH", 2)
    monkeypatch.setattr(transferring, "COUNT", 20)
    at = opened("digit=3500&budget=0.4", "blackbox")
    data = told(at, "heat")
    assert data["matrix"] is None and not data["running"] and "20 digits" in data["offer"]
    answer(at, "heat", event="run", value=data["key"])
    at = finished(at, HEAT)
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
    assert told(opened("digit=100&budget=0.4", "blackbox"), "heat")["matrix"] == data["matrix"]


def test_the_matrix_can_be_stopped_and_another_budget_is_another_matrix(alone):
    at = opened("digit=3500&budget=0.9", "blackbox")
    answer(at, "heat", event="run", value="x")
    job = at.session_state[HEAT].job
    answer(at, "heat", event="stop", value="x")
    at = finished(at, HEAT)
    assert job.state == jobs.CANCELLED and told(at, "heat")["stopped"]
    choose(at, "pick_budget", 0.1)
    assert HEAT not in at.session_state and told(at, "heat")["matrix"] is None


def test_the_code_is_shown_when_asked_for_and_gives_the_same(alone, monkeypatch):
    monkeypatch.setattr(transferring, "EACH", 2)
    monkeypatch.setattr(transferring, "COUNT", 20)
    at = opened("digit=3500&budget=0.4", "blackbox")
    answer(at, "heat", event="run", value="x")
    at = finished(at, HEAT)
    shares = np.array(told(at, "heat")["matrix"]["shares"], dtype=float)
    answer(at, "heat", event="code", value="x")
    *lines, last = at.code[0].value.splitlines()
    space: dict = {}
    exec("\n".join([*lines, last.replace("print", "given = ")]), space)
    assert np.allclose(space["given"], shares, equal_nan=True)
