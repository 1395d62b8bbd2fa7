"""Attacks on linear models, where the right answer is a formula.

Logit 0 is w . x + b and all others are 0, so the margin of class 0 is w . x + b, and the most that a change of size eps
can take from it is eps times the dual norm of w, as long as no pixel meets the box.
"""

import numpy as np
import pytest

from core import attacks, norms
from core.attacks import Attack
from tests.support import linear, margin, two_class

GREY = np.full((3, 28, 28, 1), 0.5, np.float32)
ZERO = np.zeros(3, np.int64)
EPS = np.array([0.01, 0.05, 0.2])


@pytest.fixture(scope="module")
def w() -> np.ndarray:
    """Weights without a zero among them, so that every pixel has a side to go to."""
    draw = np.random.default_rng(7).normal(size=784)
    return (np.sign(draw) * (np.abs(draw) + 0.05)).astype(np.float32)


@pytest.fixture(scope="module")
def model(w):
    return two_class(w, bias=30.0)


def drop(model, attack: Attack, eps, norm: str, x: np.ndarray = GREY, **more) -> np.ndarray:
    """By how much the attack lowers the margin of class 0."""
    result = attack(model, x, np.zeros(len(x), np.int64), eps=eps, norm=norm, **more)
    return margin(model, result.clean) - margin(model, result.adversarial)


LINF = [("fgsm", {}), ("bim", {}), ("pgd", {}), ("pgd", {"random_start": False}), ("mim", {})]


@pytest.mark.parametrize("loss", ["cross_entropy", "margin", "dlr"])
@pytest.mark.parametrize(("name", "knobs"), LINF)
def test_in_linf_the_margin_falls_by_eps_times_the_l1_norm_of_w(model, w, name, knobs, loss):
    if loss == "dlr":
        model = linear(*ranked(w))  # the third class must be a third class for this loss
    fallen = drop(model, attacks.get(name)(loss=loss, **knobs), EPS, "linf")
    np.testing.assert_allclose(fallen, EPS * np.abs(w).sum(), rtol=1e-4)


def ranked(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same two-class margin, with the other eight classes far below instead of level: weights and bias."""
    weights = np.zeros((784, 10))
    weights[:, 0] = w
    return weights, np.array([30.0, 0.0] + [-900.0] * 8)


@pytest.mark.parametrize(("name", "knobs"), [("fgm", {}), ("pgd", {"random_start": False}), ("mim", {})])
def test_in_l2_it_falls_by_eps_times_the_l2_norm_of_w(model, w, name, knobs):
    fallen = drop(model, attacks.get(name)(**knobs), EPS * 10, "l2")
    np.testing.assert_allclose(fallen, EPS * 10 * np.linalg.norm(w), rtol=1e-4)


def test_pgd_in_l2_reaches_it_from_any_start(model, w):
    fallen = drop(model, attacks.get("pgd")(steps=100, step_size=0.1), EPS * 10, "l2", seed=3)
    np.testing.assert_allclose(fallen, EPS * 10 * np.linalg.norm(w), rtol=2e-3)


@pytest.mark.parametrize("eps", [0.3, 2.0, 5.25])
def test_in_l1_the_pixels_of_largest_weight_are_filled_to_their_bound(model, w, eps):
    """From grey each pixel has room for 0.5: the best change of size eps fills the 2 eps heaviest pixels."""
    room = np.clip(eps - 0.5 * np.arange(784), 0, 0.5)
    best = (np.sort(np.abs(w))[::-1] * room).sum()
    # The projection shrinks all pixels alike, those at their bound included: short steps keep that to a percent.
    fallen = drop(model, attacks.get("pgd")(random_start=False), eps, "l1")
    np.testing.assert_allclose(fallen, best, rtol=2e-2)
    from_anywhere = drop(model, attacks.get("pgd")(steps=200, step_size=0.05), eps, "l1")
    np.testing.assert_allclose(from_anywhere, best, rtol=2e-2)


def test_a_small_l1_step_of_mim_and_pgd_is_eps_times_the_largest_weight(model, w):
    for attack in (attacks.get("pgd")(random_start=False), attacks.get("mim")()):
        fallen = drop(model, attack, 0.4, "l1")
        np.testing.assert_allclose(fallen, 0.4 * np.abs(w).max(), rtol=1e-4)


@pytest.mark.parametrize("name", ["fgsm", "bim", "pgd", "mim"])
def test_where_the_box_interferes_each_pixel_gives_what_room_it_has(model, w, name):
    x = np.random.default_rng(2).uniform(size=(3, 28, 28, 1)).astype(np.float32)
    flat = x.reshape(3, 784)
    room = np.where(w > 0, flat, 1 - flat)  # a positive weight wants the pixel darker
    best = (np.abs(w) * np.minimum(room, EPS[:, None])).sum(axis=1)
    fallen = drop(model, attacks.get(name)(), EPS, "linf", x=x)
    np.testing.assert_allclose(fallen, best, rtol=1e-4)


def test_plain_fgm_moves_by_eps_times_the_gradient_itself(w):
    """Unnormalised: minus eps (1 - p) w, with p the label's probability, so that a surer model moves the image less."""
    small = w / 100  # a gradient shorter than 1: a longer one is cut to the ball
    for bias in (0.0, 2.0):
        model = two_class(small, bias=bias)
        result = attacks.get("fgm")(scaling="plain")(model, GREY[:1], ZERO[:1], eps=0.5)
        unsure = 1 - result.probabilities_clean[0, 0]
        np.testing.assert_allclose(result.change.reshape(784), -0.5 * unsure * small, rtol=1e-3, atol=1e-6)


def test_a_target_gains_its_own_logits_worth(w):
    """Margin of the target over the label, on a linear model: eps times the L1 norm of their weights' difference."""
    rng = np.random.default_rng(5)
    weights = np.zeros((784, 10))
    weights[:, 3], weights[:, 8] = rng.normal(size=(2, 784))
    bias = np.full(10, -500.0)
    bias[[3, 8]] = 20.0, 0.0
    model = linear(weights, bias)
    y, aim = np.full(3, 3), np.full(3, 8)
    for name in ("fgsm", "bim", "pgd", "mim"):
        result = attacks.get(name)()(model, GREY, y, eps=EPS, target=aim)
        before, after = model.logits(result.clean), model.logits(result.adversarial)
        gain = (after[:, 8] - after[:, 3]) - (before[:, 8] - before[:, 3])
        np.testing.assert_allclose(gain, EPS * np.abs(weights[:, 8] - weights[:, 3]).sum(), rtol=1e-3)


def test_success_begins_exactly_where_the_formula_says(w):
    """The digit falls as soon as eps exceeds its margin over the dual norm, and not before."""
    model = two_class(w)
    bias = 3.0 - float(margin(model, GREY[:1])[0])
    model = two_class(w, bias=bias)
    for norm, name, dual in (("linf", "fgsm", 1), ("l2", "fgm", 2)):
        threshold = 3.0 / np.linalg.norm(w.astype(np.float64), ord=dual)
        result = attacks.get(name)()(model, GREY[:2], ZERO[:2], eps=threshold * np.array([0.999, 1.001]), norm=norm)
        assert result.success.tolist() == [False, True], name


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_noise_takes_nothing_on_average_and_never_more_than_the_best_attack(model, w, norm):
    eps = {"linf": 0.2, "l2": 4.0, "l1": 0.5}[norm]
    dual = {"linf": 1, "l2": 2, "l1": np.inf}[norm]
    x = np.random.default_rng(3).uniform(0.3, 0.7, size=(400, 28, 28, 1)).astype(np.float32)
    fallen = drop(model, attacks.get("noise")(), eps, norm, x=x)
    best = eps * np.linalg.norm(w, ord=dual)
    assert abs(fallen.mean()) < 5 * fallen.std() / np.sqrt(len(x))
    assert fallen.max() < best / 2
    assert norms.get(norm).diameter > eps
