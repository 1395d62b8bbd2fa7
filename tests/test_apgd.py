"""Auto-PGD: closed forms on linear models, the paper's schedule, its strength beside PGD's, its promises."""

import numpy as np
import pytest
import tensorflow as tf

from core import attacks, losses, norms, zoo
from core.attacks._adaptive import checkpoints, periods
from core.attacks._sparse import project, step
from tests.support import linear, margin, next_class, some_digits, two_class

APGD = attacks.get("apgd")
PGD = attacks.get("pgd")


def lift(result) -> np.ndarray:
    """The cross-entropy of each label after the attack: (n,)."""
    z = result.logits_adversarial.astype(np.float64)
    z -= z.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), result.labels]


@pytest.fixture(scope="module")
def hardened():
    return zoo.load("hardened_cnn")


# ------------------------------------------------------------------------------------------------------- the schedule


def test_the_checkpoints_are_the_papers():
    assert [0, *checkpoints(100)] == [0, 22, 41, 57, 70, 80, 87, 93, 99]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 40, 200])
def test_any_number_of_steps_has_a_schedule(steps):
    looks = checkpoints(steps)
    assert looks == sorted(set(looks)) and looks[0] >= 1 and looks[-1] <= steps
    for norm in ("linf", "l1"):
        schedule = periods(norm, steps)
        assert len(schedule) == steps + 1 and schedule[0] == 0
        at = np.flatnonzero(schedule)
        np.testing.assert_array_equal(schedule[at], np.diff([0, *at]))


# ------------------------------------------------------------------------- projections and steps in L1, by brute force


def by_bisection(x: np.ndarray, d: np.ndarray, eps: float) -> np.ndarray:
    """The projection of the change d onto ball and box, by two hundred halvings in float64."""
    room = np.where(d > 0, 1 - x, x)
    low, high = 0.0, np.abs(d).max()
    if np.minimum(np.abs(d), room).sum() <= eps:
        high = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if np.clip(np.abs(d) - middle, 0, room).sum() > eps:
            low = middle
        else:
            high = middle
    return np.sign(d) * np.clip(np.abs(d) - high, 0, room)


@pytest.mark.parametrize("scale", [1e-3, 0.05, 1.0, 30.0])
def test_the_projection_onto_ball_and_box_is_exact(scale):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(30, 784))
    x[:10] = np.round(x[:10])  # pixels on the bounds, as those of digits are
    d = rng.normal(size=x.shape) * scale
    d[::3] *= rng.uniform(size=d[::3].shape) < 0.05
    eps = rng.uniform(0.1, 20, size=30)
    shape = (-1, 28, 28, 1)
    given = (each.reshape(shape).astype(np.float32) for each in (x, d))
    got = project(*map(tf.constant, given), tf.constant(eps, tf.float32)).numpy().reshape(30, -1)
    wanted = np.stack([by_bisection(*row) for row in zip(x, d, eps, strict=True)])
    np.testing.assert_allclose(got, wanted, atol=1e-5 * max(scale, 1))
    assert (np.abs(got).sum(axis=1) <= eps * (1 + 1e-5)).all()
    assert (x + got >= -1e-6).all() and (x + got <= 1 + 1e-6).all()


def test_an_l1_step_is_shared_by_the_largest_gradients():
    rng = np.random.default_rng(1)
    g = rng.normal(size=(4, 28, 28, 1)).astype(np.float32)
    g[3] = 0
    x = np.full_like(g, 0.5)
    moved = step(tf.constant(x), tf.constant(g), tf.constant([2.0] * 4), tf.constant([0.1, 0.5, 0.0, 0.1])).numpy() - x
    np.testing.assert_array_equal(norms.l0(moved), [78, 392, 1, 0])
    np.testing.assert_allclose(np.abs(moved).sum(axis=(1, 2, 3)), [2, 2, 2, 0], rtol=1e-3)
    for row in range(3):
        touched = moved[row] != 0
        assert np.abs(g[row][touched]).min() >= np.abs(g[row][~touched]).max()
        np.testing.assert_array_equal(np.sign(moved[row][touched]), np.sign(g[row][touched]))


# ------------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize(("norm", "eps", "dual"), [("linf", 0.05, 1), ("l2", 0.8, 2), ("l1", 1.5, np.inf)])
def test_on_a_linear_model_it_reaches_the_best_point_of_the_ball(norm, eps, dual, loss):
    """Far from the box, the margin falls by exactly eps times the dual norm of w."""
    w = np.random.default_rng(2).normal(size=784)
    model = two_class(w, bias=-0.5 * w.sum() + 10)
    x = np.full((3, 28, 28, 1), 0.5, np.float32)
    if norm == "l1":  # one pixel takes all of it, as long as the box lets it
        eps = 0.45
    result = APGD(loss=loss)(model, x, np.zeros(3, int), eps=eps, norm=norm)
    fall = margin(model, x) - margin(model, result.adversarial)
    np.testing.assert_allclose(fall, eps * np.linalg.norm(w, ord=dual), rtol=0.02)


def test_in_l1_full_pixels_give_way_to_the_next_best():
    """Within the box the best change fills the pixels of the largest weights, one after the other."""
    w = np.random.default_rng(3).normal(size=784)
    model = two_class(w, bias=-0.5 * w.sum() + 10)
    x = np.full((2, 28, 28, 1), 0.5, np.float32)
    best = 0.5 * np.sort(np.abs(w))[-6:].sum()  # a budget of 3 fills six pixels by 0.5 each
    result = APGD()(model, x, np.zeros(2, int), eps=3.0, norm="l1")
    assert (margin(model, x) - margin(model, result.adversarial) >= 0.95 * best).all()


# ----------------------------------------------------------------------------------------------------------- strength


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.3), ("l2", 2.5), ("l1", 12.0)])
def test_it_beats_pgd_at_equal_gradients_on_a_hardened_network(hardened, norm, eps):
    x, y = some_digits(40, start=60)
    ours, theirs = (attack(steps=60)(hardened, x, y, eps=eps, norm=norm) for attack in (APGD, PGD))
    assert (ours.gradients <= theirs.gradients).all()
    assert lift(ours).mean() > lift(theirs).mean() * 1.02
    assert ours.success.sum() >= theirs.success.sum()


def test_classes_in_turn_find_more_than_the_label_alone(plain, hundred):
    x, y = hundred[0][:50], hundred[1][:50]
    single, turned = (
        APGD(loss="dlr", steps=20, targets=targets, early_stop=True)(plain, x, y, eps=0.07) for targets in (0, 9)
    )
    assert turned.success.sum() >= single.success.sum() > 5
    still = ~turned.success & ~turned.already_wrong
    assert (turned.gradients[still] == 180).all() and (single.gradients[still] == 20).all()


def test_more_steps_climb_higher(plain, hundred):
    few, many = (APGD(steps=steps)(plain, *hundred, eps=0.05) for steps in (5, 60))
    assert lift(many).mean() > lift(few).mean()


def test_a_target_is_what_it_is_judged_by(plain, few):
    aim = next_class(few[1])
    for loss in losses.names():
        result = APGD(loss=loss, restarts=2)(plain, *few, eps=0.3, target=aim)
        assert result.success.mean() >= 0.9, loss


# ------------------------------------------------------------------------------------------------------- what it spends


def test_a_digit_that_fell_is_left_alone_and_its_change_is_kept(plain, hundred):
    eps = 0.08
    whole = APGD()(plain, *hundred, eps=eps)
    short = APGD(early_stop=True)(plain, *hundred, eps=eps)
    np.testing.assert_array_equal(whole.success, short.success)
    fell = short.success
    assert 0.1 < fell.mean() < 1
    assert (short.gradients[fell] < 100).mean() > 0.9 and (short.gradients[~fell & ~short.already_wrong] == 100).all()
    assert (whole.gradients == 100).all() and (whole.forwards == 101).all()


def test_restarts_spend_and_never_find_less(plain, hundred):
    once, thrice = (APGD(restarts=restarts, steps=10)(plain, *hundred, eps=0.05) for restarts in (1, 3))
    assert (thrice.gradients == 30).all()
    own = [result.logits_adversarial for result in (once, thrice)]
    gaps = [losses.margin(*map(tf.constant, (z, hundred[1].astype("i4"), np.full(100, -1, "i4")))).numpy() for z in own]
    assert (gaps[1] >= gaps[0] - 1e-3).all() and (gaps[1] > gaps[0] + 1e-3).any()


def test_watching_changes_nothing_and_stopping_keeps_the_best(plain, few):
    for norm, eps in (("linf", 0.08), ("l1", 8.0)):
        attack = APGD(steps=40, restarts=2, early_stop=True)
        seen = []
        watched = attack(plain, *few, eps=eps, norm=norm, watch=lambda done, total, x, seen=seen: seen.append(done))
        alone = attack(plain, *few, eps=eps, norm=norm)
        # Whoever is dropped earlier leaves smaller batches to the others, which round otherwise.
        np.testing.assert_array_equal(watched.success, alone.success)
        assert np.mean(np.abs(watched.adversarial - alone.adversarial) > 1e-3) < 0.05
        assert seen == sorted(set(seen))
        cut = APGD(steps=100)(plain, *few, eps=2 * eps, norm=norm, watch=lambda done, total, x: done < total // 2)
        assert (cut.gradients < 100).all() and cut.success.any()


# ----------------------------------------------------------------------------------------------------------- odd models


@pytest.mark.parametrize("norm", APGD.norms)
def test_a_model_that_answers_nothing_is_not_fooled(few, norm):
    for bias in (np.zeros(10), np.full(10, np.nan)):
        result = APGD(targets=2, steps=40)(linear(np.zeros((784, 10)), bias), *few, eps=1.0, norm=norm)
        assert not result.success.any() and np.isfinite(result.adversarial).all()
