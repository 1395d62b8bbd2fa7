"""What a transform is worth: naive and adaptive scores side by side, counted without self-deception."""

import numpy as np
import pytest

from core import attacks, defenses, scores
from core.scores import transform_scores

PGD = attacks.get("pgd")


def told(transform, plain, given, **more):
    return transform_scores(transform, plain, more.pop("attack", PGD(steps=10)), *given, **{"eps": 0.15, **more})


@pytest.mark.parametrize("name", ["gaussian_blur", "random_noise"])
def test_the_counts_add_up(name, plain, hundred):
    got = told(defenses.get(name)(), plain, hundred)
    assert got.digits == 100 and 95 <= got.plain_clean <= 100
    assert 0 <= got.worst <= min(got.naive, got.adaptive) <= max(got.naive, got.adaptive) <= got.clean <= 100
    assert got.naive + got.adaptive - got.worst <= got.clean
    assert got.plain_attacked < got.plain_clean
    # The gap that naive scores hide.
    assert got.adaptive < got.naive - 5


def test_a_transform_that_does_nothing_is_worth_nothing(plain, hundred):
    got = told(defenses.get("gaussian_blur")(sigma=0.0), plain, hundred)
    assert got.clean == got.plain_clean
    assert got.naive == got.adaptive == got.worst == got.plain_attacked


def test_nothing_is_lost_to_an_attack_without_a_budget(plain, few):
    got = told(defenses.get("bit_depth")(), plain, few, eps=0.0)
    assert got.clean == got.naive == got.adaptive == got.worst and got.plain_clean == got.plain_attacked == 16


@pytest.mark.parametrize(("name", "chosen"), [("bit_depth", {"bits": 2}), ("jpeg", {})])
def test_who_knows_the_transform_breaks_at_least_as_much(name, chosen, plain, hundred):
    got = told(defenses.get(name)(**chosen), plain, hundred, attack=PGD(steps=40))
    assert got.adaptive <= got.naive


def test_a_change_beyond_its_budget_breaks_nothing(plain, few):
    """DeepFool looks for the smallest change, and finds few below so small an eps."""
    deepfool = attacks.get("deepfool")(steps=20)
    got = told(defenses.get("gaussian_blur")(sigma=0.5), plain, few, attack=deepfool, norm="l2", eps=0.01)
    assert got.adaptive == got.naive == got.clean and got.plain_attacked == got.plain_clean


def test_a_seed_fixes_the_scores_and_the_verdict_has_draws_that_the_attacker_has_not_seen(plain, few, monkeypatch):
    seeds, own = [], defenses.base.Transform.protect

    def noted(self, model, *, draws=None, seed=0):
        seeds.append(seed)
        return own(self, model, draws=2, seed=seed)

    monkeypatch.setattr(defenses.base.Transform, "protect", noted)
    first = told(defenses.get("random_noise")(), plain, few, seed=5)
    assert len(seeds) == len(set(seeds)) == 2
    assert told(defenses.get("random_noise")(), plain, few, seed=5) == first


def test_both_attacks_are_watched_as_one(plain, few):
    seen = []
    told(defenses.get("jpeg")(), plain, few, watch=lambda done, total, x: seen.append((done, total, x.shape)))
    done = [each[0] for each in seen]
    assert done == sorted(done) and seen[-1][0] == seen[-1][1] == 20 and {each[1] for each in seen} == {20}
    assert {each[2] for each in seen} == {few[0].shape}


@pytest.mark.parametrize("last", [2, 13])
def test_a_watch_that_says_stop_ends_it(plain, few, last):
    calls = []

    def watch(done, total, x):
        calls.append(done)
        return done < last

    assert told(defenses.get("jpeg")(), plain, few, watch=watch) is None
    assert calls[-1] == last and len(calls) == last


def test_the_command_prints_the_table(capsys):
    given = ["--transform", "jpeg", "--digits", "12", "--steps", "3", "--eps", "0.2"]
    assert scores.main(given) == 0
    said = capsys.readouterr().out
    assert "of 12 digits right" in said and "PGD-3, L∞ 0.2" in said
    cells = [cell.strip() for cell in said.splitlines()[-1].strip("|").split("|")]
    assert cells[0] == "JPEG" and np.all(np.array(cells[1:], int) <= 12) and len(cells) == 5


def test_the_command_refuses_in_a_sentence(capsys):
    assert scores.main(["--transform", "jpeg", "--digits", "4", "--eps", "7"]) == 2
    assert "eps is 7" in capsys.readouterr().err
