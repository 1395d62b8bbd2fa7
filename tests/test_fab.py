"""FAB: the smallest change on linear models by its closed form, its targeted version, and the traps of minimisers."""

import numpy as np
import pytest
import tensorflow as tf

from core import attacks, norms
from core.attacks._hyperplane import to_plane
from tests.support import linear, next_class, two_class

GREY = np.full((3, 28, 28, 1), 0.5, np.float32)
ZERO = np.zeros(3, np.int64)
DUAL = {"linf": 1, "l2": 2, "l1": np.inf}
NORMS = pytest.mark.parametrize("norm", list(DUAL))


def fab(**knobs):
    return attacks.get("fab")(**knobs)


@pytest.fixture(scope="module")
def w() -> np.ndarray:
    draw = np.random.default_rng(7).normal(size=784)
    return (np.sign(draw) * (np.abs(draw) + 0.05)).astype(np.float32)


@NORMS
@pytest.mark.parametrize("targets", [0, 2])
def test_on_a_linear_model_it_is_margin_over_dual_norm(w, norm, targets):
    gap = 0.4 * np.abs(w).max()  # in L1 one pixel alone must be able to close it
    model = two_class(w, bias=gap - 0.5 * w.sum())
    result = fab(steps=10, targets=targets)(model, GREY, ZERO, norm=norm)
    assert result.success.all()
    np.testing.assert_allclose(result.size, gap / np.linalg.norm(w, DUAL[norm]), rtol=5e-3)


# Which plane is nearest is asked without the box, as in the paper: in L1, where pixels fill up, that may mislead.
@pytest.mark.parametrize(("norm", "targets"), [("linf", 0), ("l2", 0), ("linf", 9), ("l2", 9), ("l1", 9)])
def test_among_ten_planes_it_finds_the_nearest(norm, targets):
    """Ten random linear logits: the smallest change within the box, over the nine planes, by the exact projection."""
    rng = np.random.default_rng(2)
    weights, x = rng.normal(size=(784, 10)), rng.uniform(0, 1, size=(12, 28, 28, 1)).astype(np.float32)
    model = linear(weights, -0.5 * weights.sum(axis=0))
    logits = model.logits(x).astype(np.float64)
    labels = logits.argmax(axis=1)
    result = fab(steps=20, targets=targets)(model, x, labels, norm=norm)
    least = np.full(len(x), np.inf)
    for other in range(10):
        rows = np.flatnonzero(labels != other)
        gap = logits[rows, labels[rows]] - logits[rows, other]
        slope = weights[:, other] - weights[:, labels[rows]].T
        given = (tf.constant(each, tf.float32) for each in (x[rows].reshape(-1, 784), slope, gap))
        there = to_plane(norm, *given).numpy()
        assert np.allclose((there * slope).sum(axis=1), gap, rtol=1e-3), "every plane meets the box"
        least[rows] = np.minimum(least[rows], norms.get(norm).size(there))
    assert result.success.all()
    assert (result.size >= least * (1 - 1e-3)).all()
    np.testing.assert_allclose(result.size, least, rtol=5e-3, atol=1e-4)


@NORMS
def test_a_given_target_is_reached_though_a_third_class_lies_between(norm):
    """Class 1 beats the target on the border with the label: the plane must be the target's with the best of all."""
    rng = np.random.default_rng(3)
    weights = np.zeros((784, 10))
    weights[:, :3] = rng.normal(size=(784, 3))
    weights[:, 1] += 0.8 * weights[:, 2]
    model = linear(weights, np.array([8.0, 2.0, -2.0] + [-99.0] * 7) - 0.5 * weights.sum(axis=0))
    aim = np.full(3, 2)
    result = fab()(model, GREY, ZERO, norm=norm, target=aim)
    assert result.success.all() and (result.prediction == 2).all()


@NORMS
def test_more_classes_and_restarts_find_no_larger_change(plain, few, norm):
    x, y = few[0][:8], few[1][:8]
    once, all_of_them = (fab(steps=20, targets=targets)(plain, x, y, norm=norm) for targets in (1, 9))
    assert all_of_them.success.all()
    assert (all_of_them.size[once.success] <= once.size[once.success] * (1 + 5e-3)).all()
    one, three = (fab(steps=20, restarts=restarts)(plain, x, y, norm=norm) for restarts in (1, 3))
    assert (three.size <= one.size * (1 + 5e-3)).all() and (three.size < one.size * 0.9999).any()


@NORMS
def test_what_is_found_stands_on_the_border(plain, few, norm):
    """A shade less of the change and the digit is read as before: nothing was left lying on the way."""
    result = fab()(plain, *few, norm=norm)
    assert result.success.all()
    shorter = few[0] + 0.99 * (result.adversarial - few[0])
    assert (plain.predict(shorter.astype(np.float32)) == few[1]).mean() >= 0.9


def test_it_beats_the_straight_walk_of_one_plane(plain, few):
    """One step is DeepFool's first within the box; a hundred must find clearly less."""
    first, last = (fab(steps=steps)(plain, *few, norm="l2") for steps in (3, 100))
    assert np.median(last.size) < 0.97 * np.median(first.size)


def test_stopping_once_fooled_spends_less_and_keeps_to_the_budget(plain, few):
    usual, stopped = (fab(early_stop=stop, targets=9)(plain, *few, eps=0.15) for stop in (False, True))
    assert (stopped.gradients <= usual.gradients).all() and stopped.gradients.sum() < 0.2 * usual.gradients.sum()
    assert stopped.success.sum() == usual.success.sum() and (stopped.linf[stopped.success] <= 0.15 + 1e-6).all()


@NORMS
def test_a_constant_model_gives_the_original(few, norm):
    x, y = few[0][:4], few[1][:4]
    result = fab(steps=5)(linear(np.zeros((784, 10))), x, y, norm=norm)
    np.testing.assert_array_equal(result.adversarial, x)
    assert not result.success.any() and not result.size.any()


@NORMS
def test_a_plane_that_no_image_can_reach_gives_the_original(w, norm):
    model = two_class(w, bias=10 * np.abs(w).sum())
    result = fab(steps=5)(model, GREY, ZERO, norm=norm)
    np.testing.assert_array_equal(result.adversarial, GREY)
    assert not result.success.any()


def test_a_model_of_nan_gives_the_original(few):
    weights = np.full((784, 10), np.nan)
    x, y = few[0][:2], few[1][:2]
    result = fab(steps=3)(linear(weights), x, y)
    np.testing.assert_array_equal(result.adversarial, x)
    assert not result.success.any()


@NORMS
@pytest.mark.parametrize("factor", [1e-10, 1e4])
def test_the_scale_of_the_logits_does_not_matter(norm, factor):
    rng = np.random.default_rng(2)
    weights, x = rng.normal(size=(784, 10)), rng.uniform(0.2, 0.8, size=(4, 28, 28, 1)).astype(np.float32)
    usual, scaled = (linear(weights * scale, -0.5 * scale * weights.sum(axis=0)) for scale in (1.0, factor))
    labels = usual.predict(x)
    one, other = (fab(steps=8)(model, x, labels, norm=norm) for model in (usual, scaled))
    assert one.success.all() and other.success.all()
    np.testing.assert_allclose(other.size, one.size, rtol=5e-3)


def test_it_counts_nine_gradients_a_step_or_one(plain, few):
    x, y = few[0][:3], few[1][:3]
    assert (fab(steps=7)(plain, x, y).gradients >= 63).all()
    assert (fab(steps=7, targets=2)(plain, x, y).gradients == 14).all()
    assert (fab(steps=7)(plain, x, y, target=next_class(y)).gradients == 7).all()
