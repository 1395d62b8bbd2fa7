"""The figures of a card: each is what the attack, the proof or the vote of that name gives on those digits."""

import numpy as np
import pytest

from core import attacks, defenses, digits, measuring, zoo
from core.measuring import Judged
from tests.support import scaled

EVERY = digits.bundled()


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Attacks of a second."""
    monkeypatch.setattr(measuring, "PGD", {"steps": 5, "restarts": 1, "early_stop": True})
    monkeypatch.setattr(measuring, "_PART", 8)


@pytest.fixture(scope="module")
def mlp():
    return zoo.load("plain_mlp")


def test_clean_and_attacked_are_counts_of_digits_read_right(mlp, tmp_path):
    test = EVERY[::50]
    figures = measuring.measure(mlp, test, Judged(norm="l2", eps=1.0), tmp_path)
    right = mlp.predict(test.images) == test.labels
    assert figures["clean"] == {"accuracy": pytest.approx(right.mean()), "digits": 100}
    result = attacks.get("pgd")(**measuring.PGD)(mlp, test.images, test.labels, eps=1.0, norm="l2", seed=0)
    told = figures["attacked"]
    assert told["accuracy"] == pytest.approx(np.mean(right & ~result.fooled)) and 0.05 < told["accuracy"] < 0.95
    assert (told["norm"], told["eps"], told["seed"], told["settings"]["steps"]) == ("l2", 1.0, 0, 5)
    assert set(figures) == {"clean", "attacked", "test_set", "test_sha256", "date"}


class Cut(Exception):
    pass


def test_autoattack_goes_on_where_it_was_cut_off(mlp, tmp_path, monkeypatch):
    """Part by part: what a cut left is on disk, and is not attacked again; other weights begin anew."""
    monkeypatch.setattr(attacks.get("autoattack"), "__call__", _quick(seen := []))
    test, judged, none = EVERY[::200], Judged(eps=0.03, autoattack=True), np.zeros(25, bool)

    def cut(done, total, x):
        if done > 12:
            raise Cut

    with pytest.raises(Cut):
        measuring._autoattacked(mlp, test, none, judged, tmp_path, cut)
    assert seen == [8, 8]
    told = measuring._autoattacked(mlp, test, none, judged, tmp_path, None)
    assert seen == [8, 8, 8, 8, 1] and told["digits"] == 25  # the part that was cut comes again
    result = attacks.get("pgd")(steps=5)(mlp, test.images, test.labels, eps=0.03)
    assert told["accuracy"] == pytest.approx(np.mean(~result.fooled & ~result.already_wrong))
    assert measuring._autoattacked(mlp, test[:8], none, judged, tmp_path, None)["digits"] == 8 and len(seen) == 5
    measuring._autoattacked(scaled(mlp, 2.0), test[:8], none, judged, tmp_path, None)
    assert len(seen) == 6


def test_proven_digits_are_not_attacked_and_the_figure_is_the_same(tmp_path, monkeypatch):
    """An interval-trained network: AutoAttack gets the digits without a proof alone, and leaves as many standing."""
    model = defenses.get("interval_training")(eps=0.1).harden(zoo.load("plain_mlp"), EVERY[::3], epochs=8)
    monkeypatch.setattr(attacks.get("autoattack"), "__call__", _quick(seen := []))
    monkeypatch.setattr(measuring, "PGD", {"steps": 5})
    monkeypatch.setattr(measuring, "_PART", 100)
    test = EVERY[1::50]
    told, all_ = (
        measuring.measure(model, test, Judged(eps=0.05, autoattack=True, certified=asked), tmp_path / str(asked))
        for asked in ((0.05,), (0.01,))
    )
    proven = told["certified"]["accuracy"]["0.05"]
    assert seen == [round(100 * (1 - proven)), 100] and proven > 0.3
    assert told["autoattack"] == {**all_["autoattack"], "not_attacked": 100 - seen[0]}
    assert all_["autoattack"]["digits"] == 100


def test_a_proof_in_one_norm_spares_nothing_in_another(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr(attacks.get("autoattack"), "__call__", _quick(seen := []))
    monkeypatch.setattr(measuring, "PGD", {"steps": 5})
    monkeypatch.setattr(measuring, "_PART", 100)
    monkeypatch.setattr(measuring, "_proven", lambda model, test, eps: np.ones(len(test), bool))
    judged = Judged(norm="l2", eps=0.5, autoattack=True, certified=(0.5,))
    assert "not_attacked" not in measuring.measure(mlp, EVERY[::500], judged, tmp_path)["autoattack"] and seen == [10]


def _quick(seen):
    """AutoAttack's place taken by a quick attack, which says how many digits it was given."""

    def run(self, model, x, y, eps, norm, seed, watch):
        seen.append(len(x))
        if watch:
            watch(1, 1, x)
        return attacks.get("pgd")(steps=5)(model, x, y, eps=eps, norm=norm, seed=seed)

    return run


def test_proven_digits_are_those_of_either_bound_and_no_attack_breaks_them(tmp_path):
    start = zoo.load("plain_mlp")
    model = defenses.get("interval_training")(eps=0.1).harden(start, EVERY[::3], epochs=8)
    test = EVERY[1::50]
    told = measuring.measure(model, test, Judged(eps=0.05, certified=(0.01, 0.05, 0.1)), tmp_path)
    shares = told["certified"]["accuracy"]
    proven = np.zeros(100, bool)
    for name in ("interval", "crown"):
        proven |= defenses.get(name)().certify(model, test.images, test.labels, 0.05)
    assert shares["0.05"] == pytest.approx(proven.mean()) and shares["0.01"] >= shares["0.05"] >= shares["0.1"]
    assert 0.3 < shares["0.05"] <= told["attacked"]["accuracy"] <= told["clean"]["accuracy"]


def test_votes_are_told_by_radius(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "_RADII", (0.0, 0.3, 5.0))
    told = measuring._smoothed(mlp, EVERY[::500], 0.25, tmp_path, None)
    shares = told["accuracy"]
    assert shares["0"] >= shares["0.3"] > shares["5"] == 0 and told["settings"]["samples"] == 10_000
    votes = defenses.get("smoothing")(sigma=0.25, samples=10_000).vote(mlp, EVERY[::500].images, seed=0)
    good = (votes.choice == EVERY[::500].labels) & ~votes.abstains
    assert shares["0"] == pytest.approx(good.mean()) and shares["0.3"] == pytest.approx(
        (good & (votes.radius >= 0.3)).mean()
    )


def test_votes_go_on_where_they_were_cut_off(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "_VOTED", 4)
    test, seen = EVERY[::500], []

    def cut(done, total, x):
        seen.append((done, total))
        if done == 8:
            raise Cut

    with pytest.raises(Cut):
        measuring._smoothed(mlp, test, 0.25, tmp_path / "cut", cut)
    told = measuring._smoothed(mlp, test, 0.25, tmp_path / "cut", lambda *state: seen.append(state[:2]))
    assert seen == [(4, 10), (8, 10), (8, 10), (10, 10)]  # the part that was cut comes again
    assert told == measuring._smoothed(mlp, test, 0.25, tmp_path / "whole", None)


def test_votes_on_some_digits_are_taken_from_end_to_end(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "PGD", {"steps": 5})
    test, judged = EVERY[::250], Judged(norm="l2", eps=0.5, sigma=0.25)
    some = measuring.measure(mlp, test, judged, tmp_path, most=10)["smoothed"]
    assert some == measuring._smoothed(mlp, test[::2], 0.25, tmp_path / "again", None) and some["digits"] == 10
    assert measuring.measure(mlp, test, judged, tmp_path)["smoothed"]["digits"] == 20


def test_a_saturated_softmax_hides_the_gradient_from_the_naive_alone(mlp):
    test, judged = EVERY[::50], Judged(eps=0.1)
    clean = np.mean(mlp.predict(test.images) == test.labels)
    open_, hidden = (measuring._saturated(model, test, judged)["accuracy"] for model in (mlp, scaled(mlp, 1000.0)))
    fgsm = attacks.get("fgsm")()(mlp, test.images, test.labels, eps=0.1)
    assert open_ == pytest.approx(np.mean(~fgsm.fooled & ~fgsm.already_wrong), abs=0.03) and open_ < 0.5
    assert hidden > clean - 0.1
    told = measuring._random(mlp, test, judged)
    assert told["attack"] == "noise" and told["accuracy"] > clean - 0.05


def test_a_card_is_told_in_words():
    figures = {
        "clean": {"accuracy": 0.99, "digits": 10_000},
        "attacked": {"accuracy": 0.5, "digits": 10_000, "attack": "pgd", "settings": {}, "norm": "l2", "eps": 2.0},
        "certified": {"accuracy": {"0.1": 0.98, "0.3": 0.9}, "digits": 10_000},
    }
    words = measuring.in_words({"name": "some", "figures": figures})
    assert words.startswith("some: 99.00 % of 10,000 clean. 50.00 % of 10,000 under pgd {} at l2 2.0.")
    assert words.endswith("Certified, of 10,000: 98.00 % at ε 0.1, 90.00 % at ε 0.3.")
