"""A table for the tests of the Scoreboard, made up: two models, a few attacks, and a gap."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.benchmark import shipped
from core.benchmark.chunks import WRONG
from core.benchmark.grid import EPSILONS
from tests.pages.driving import told

MODELS = ("plain_cnn", "hardened_cnn")


def line(model, attack, norm="linf", seed=0, **changed):
    """What a run would have written of 500 digits, made up: mostly they fall late, a few were read wrong before."""
    count = len(EPSILONS[norm])
    rng = np.random.default_rng([seed, len(model), len(attack)])
    fell = rng.integers(-1, count + 1, shipped.DIGITS)
    size = [None if at in (WRONG, count) else 0.01 for at in fell]
    spent = {name: [1] * count for name in ("forwards", "gradients", "seconds")}
    asked = {"model": model, "attack": attack, "norm": norm, "epsilons": list(EPSILONS[norm]), "seed": seed, "first": 0}
    origin = {"libraries": {"keras": "3"}, "commit": "abc", "machine": "a machine", "date": "2026-01-02"}
    key = f"{model} {attack} {norm}"
    told = {
        "key": key,
        "version": "v",
        "thorough": False,
        "digits": shipped.DIGITS,
        "fell": fell.tolist(),
        "size": size,
    }
    return {**told, **asked, **spent, **origin, **changed}


def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The table in the shipped one's place: nobody has tried Square on the hardened network."""
    lines = [line(model, attack) for model in MODELS for attack in ("noise", "fgsm", "pgd")]
    lines += [line("plain_cnn", "square"), line("plain_cnn", "pgd", "l2")]
    monkeypatch.setattr(shipped, "lines", lambda: tuple(lines))
    return lines


def board(at: AppTest) -> dict:
    return told(at, "scoreboard")
