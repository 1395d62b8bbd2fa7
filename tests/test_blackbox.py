"""Attacks without a gradient: what they may see, and where they must arrive."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import attacks, norms, zoo
from core.attacks._squares import bumps, sides
from core.classifier import Classifier
from tests import peers
from tests.support import ASKING, DECISION, SCORES, build, linear, margin, next_class, realistic, some_digits, two_class


@keras.saving.register_keras_serializable("tests")
class Decide(keras.layers.Layer):
    """Five for the largest logit, nothing for the others."""

    def call(self, logits):
        return 5.0 * tf.one_hot(tf.argmax(logits, axis=1), 10)


@pytest.fixture(scope="module")
def flat():
    """A network whose outputs are the same for every image."""
    return linear(np.zeros((784, 10)), 5 * np.eye(10)[0])


# ----------------------------------------------------------------------------------------------------- what they see


@pytest.mark.parametrize(("name", "norm"), DECISION)
def test_the_label_is_all_that_a_decision_attack_sees(plain, few, name, norm):
    """A network that answers with its decision alone gives the very same images."""
    mute = Classifier(build(plain.keras, Decide()), name="mute")
    attack = attacks.get(name)(queries=400)
    for target in (None, next_class(few[1])):
        seen, heard = (attack(model, *few, norm=norm, target=target) for model in (plain, mute))
        np.testing.assert_array_equal(seen.adversarial, heard.adversarial)
        np.testing.assert_array_equal(seen.forwards, heard.forwards)


@pytest.mark.parametrize(("name", "norm"), DECISION)
def test_without_a_start_it_says_so_and_gives_the_original_back(flat, few, name, norm):
    x, y = few[0], np.zeros(len(few[0]), int)
    result = attacks.get(name)(queries=200)(flat, x, y, norm=norm)
    np.testing.assert_array_equal(result.adversarial, x)
    assert not result.success.any() and (result.forwards < 200).all()
    assert len(result.notes) == 1 and result.notes[0].startswith(f"No start was found for {len(x)} of {len(x)} images")


@pytest.mark.parametrize(("name", "norm"), SCORES)
def test_scores_that_never_change_break_nothing(flat, few, name, norm):
    x, y = few[0], np.zeros(len(few[0]), int)
    result = attacks.get(name)(queries=200)(flat, x, y, eps=realistic(norm), norm=norm)
    assert np.isfinite(result.adversarial).all() and not result.success.any()


@pytest.mark.parametrize(("name", "norm"), ASKING)
def test_a_network_that_answers_no_number_breaks_nothing(few, name, norm):
    broken = linear(np.full((784, 10), np.nan))
    result = attacks.get(name)(queries=60)(broken, *few, eps=realistic(norm), norm=norm)
    assert np.isfinite(result.adversarial).all() and (result.forwards <= 60).all()


def test_what_transfers_beats_noise_and_not_the_white_box(plain, hundred):
    moved, noise, white = (
        attacks.get(name)()(plain, *hundred, eps=0.2).success.mean() for name in ("transfer", "noise", "pgd")
    )
    assert noise + 0.1 < moved < white
    assert {"plain_mlp", "plain_cnn"} <= set(zoo.names())


# ------------------------------------------------------------------------------------------------- on a linear model


def hyperplane(distance: float, order: int) -> tuple[Classifier, np.ndarray, np.ndarray]:
    """A two-class model, a grey image at that distance from its border, and the border's normal (784,)."""
    w = np.abs(np.random.default_rng(5).normal(size=784)) + 0.1  # all digits, dark as they are, lie beyond
    dual = np.linalg.norm(w, 1 if order == 0 else order)
    return two_class(w, distance * dual - 0.5 * w.sum()), np.full((1, 28, 28, 1), 0.5, np.float32), w


def test_hopskipjump_comes_to_the_nearest_point_of_a_plane():
    model, x, w = hyperplane(1.0, 2)
    result = attacks.get("hopskipjump")(queries=10000)(model, x, np.zeros(1, int))
    assert result.success.all() and 1.0 <= result.l2[0] < 1.1
    change = result.change.reshape(-1)
    assert -change @ w / np.linalg.norm(change) / np.linalg.norm(w) > 0.9


def test_hopskipjump_comes_near_the_nearest_corner_in_linf():
    model, x, _ = hyperplane(0.05, 0)
    result = attacks.get("hopskipjump")(queries=10000)(model, x, np.zeros(1, int), norm="linf")
    assert result.success.all() and 0.05 <= result.linf[0] < 0.085


def test_the_boundary_attack_comes_towards_it():
    model, x, _ = hyperplane(1.0, 2)
    sizes = [attacks.get("boundary")(queries=queries)(model, x, np.zeros(1, int)).l2[0] for queries in (30, 300, 5000)]
    assert sizes[0] > sizes[1] > sizes[2] and 1.0 <= sizes[2] < 1.25


def test_zoo_comes_to_the_nearest_point_of_a_plane():
    """Newton's step knows the curvature of a quadratic: it arrives."""
    w = np.zeros(784)
    w[100:140] = np.random.default_rng(1).normal(size=40) + 2
    x = np.full((1, 28, 28, 1), 0.5, np.float32)
    model = two_class(w, 0.8 * np.linalg.norm(w) - 0.5 * w.sum())
    result = attacks.get("zoo_attack")(queries=20000, search_steps=8)(model, x, np.zeros(1, int))
    assert result.success.all() and 0.8 <= result.l2[0] < 0.85


def test_the_guess_of_nes_points_where_the_gradient_does():
    """With s pairs in 784 dimensions the cosine is about sqrt(s / (s + 784)); the plane's step shows it."""
    w = np.random.default_rng(5).normal(size=784)
    model, x = two_class(w), np.full((40, 28, 28, 1), 0.5, np.float32)
    x += np.random.default_rng(6).uniform(-0.01, 0.01, x.shape).astype(np.float32)
    for pairs in (25, 200):
        attack = attacks.get("nes")(queries=2 * pairs + 1, pairs=pairs, momentum=0.0, step_size=1.0)
        result = attack(model, x, np.zeros(len(x), int), eps=1e-2, norm="l2")
        change = result.change.reshape(len(x), -1)
        cosine = -change @ w / np.linalg.norm(change, axis=1) / np.linalg.norm(w)
        np.testing.assert_allclose(cosine.mean(), np.sqrt(pairs / (pairs + 784)), atol=0.03)


def test_square_brings_every_pixel_to_the_right_end_of_a_linear_model():
    """The best that Linf allows is eps against the sign of w: with queries enough, squares of one pixel find it."""
    rows = np.arange(28)[:, None] // 7 + np.arange(28)[None] // 7
    w = np.where(rows % 2, 1.0, -1.0).reshape(-1)  # patches of seven by seven: squares can learn them
    x = np.full((2, 28, 28, 1), 0.5, np.float32)
    model = two_class(w, 100.0)
    before = margin(model, x)
    result = attacks.get("square")(queries=2500)(model, x, np.zeros(2, int), eps=0.1)
    gained = before - margin(model, result.adversarial)
    assert (gained > 0.97 * 0.1 * 784).all() and (gained <= 0.1 * 784 * (1 + 1e-4)).all()
    np.testing.assert_allclose(np.abs(result.change), 0.1, atol=1e-6)


@pytest.mark.parametrize(("norm", "order"), [("l2", 2), ("l1", 1)])
def test_square_keeps_to_its_budget_and_uses_it(plain, few, norm, order):
    result = attacks.get("square")(queries=300)(plain, *few, eps=realistic(norm), norm=norm)
    assert (result.size <= realistic(norm) + 1e-6).all() and (result.size > 0.8 * realistic(norm)).all()
    for side in (3, 5, 25):
        upright, lying = bumps(order)[side].reshape(2, 56, 56)[:, 28 : 28 + side, 28 : 28 + side]
        np.testing.assert_allclose(np.linalg.norm(upright.ravel(), order), 1, rtol=1e-5)
        np.testing.assert_allclose(lying, upright.T, rtol=1e-5)
        assert (upright[: side // 2] > 0).all() and (upright[side // 2 :] < 0).all()


def test_the_squares_shrink_by_the_papers_schedule():
    """p is halved at 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of 10,000 queries: sides of sqrt(p 784)."""
    paper = sides("linf", 0.8, 10000)
    at = [0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4001, 6001, 8001, 9999]
    halvings = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 9]
    np.testing.assert_array_equal(paper[at], [max(round(np.sqrt(0.8 * 784 / 2**halving)), 1) for halving in halvings])
    np.testing.assert_array_equal(sides("linf", 0.8, 1000), paper[::10])
    odd = sides("l2", 0.8, 100)
    assert (odd % 2 == 1).all() and odd.min() == 3


# ----------------------------------------------------------------------------------------------------------- targets


@pytest.mark.parametrize(("name", "norm"), DECISION)
def test_a_decision_attack_hits_its_target(plain, few, name, norm):
    aim = next_class(few[1])
    early, late = (attacks.get(name)(queries=queries)(plain, *few, norm=norm, target=aim) for queries in (150, 1500))
    assert early.success.all() and late.success.all() and (late.prediction == aim).all()
    assert (late.size <= early.size + 1e-6).all() and np.median(late.size) < 0.9 * np.median(early.size)


@pytest.mark.parametrize(("name", "norm"), SCORES)
def test_a_score_attack_hits_more_targets_than_noise(plain, few, name, norm):
    aim = next_class(few[1])
    hits = attacks.get(name)(queries=4000)(plain, *few, eps=3 * realistic(norm), norm=norm, target=aim).success
    control = attacks.get("noise")(draws=20)(plain, *few, eps=3 * realistic(norm), norm=norm, target=aim).success
    assert hits.mean() >= control.mean() + 0.2


@pytest.mark.parametrize(("name", "norm"), DECISION)
def test_an_image_that_is_read_as_wanted_already_stays_as_it_is(plain, few, name, norm):
    x, y = few
    result = attacks.get(name)(queries=100)(plain, x, next_class(y), norm=norm, target=y)
    np.testing.assert_array_equal(result.adversarial, x)
    assert result.success.all() and (result.forwards == 1).all()


# ------------------------------------------------------------------------------------------------------------- peers


@pytest.mark.parametrize("name", ["hopskipjump", "boundary"])
def test_some_digits_end_no_farther_than_foolboxs_at_as_many_queries(plain, name):
    fb = peers.foolbox()
    x, y = some_digits(10, start=100)
    # Foolbox starts from noise, and finds no start for a digit of the class that the model reads in noise.
    noise = np.random.default_rng(0).uniform(size=(200, 28, 28, 1)).astype(np.float32)
    fit = ~np.isin(y, plain.predict(noise))
    x, y = x[fit], y[fit]
    assert len(x) >= 5, "too few digits to compare"
    shown = []

    class Counting(fb.models.TensorFlowModel):
        def __call__(self, inputs):
            shown.append(len(inputs))
            return super().__call__(inputs)

    first = fb.attacks.LinearSearchBlendedUniformNoiseAttack(directions=20, steps=20)
    theirs = (
        fb.attacks.HopSkipJumpAttack(steps=2, init_attack=first)
        if name == "hopskipjump"
        else fb.attacks.BoundaryAttack(steps=200, init_attack=first)
    )
    wrapped = Counting(plain.keras, bounds=(0, 1), device="/CPU:0")
    adversarial = np.asarray(theirs.run(wrapped, tf.constant(x), fb.criteria.Misclassification(tf.constant(y))))
    queries = sum(shown) // len(x)
    right = plain.predict(x) == y
    size = norms.get("l2").size(adversarial.astype(np.float64) - x)
    size = np.where(plain.predict(adversarial) != y, size, np.inf)
    for start in ("digit", "noise"):
        result = attacks.get(name)(queries=min(queries, 10000), start=start)(plain, x, y)
        assert result.success[right].all()
        assert np.median(result.l2[right]) <= np.median(size[right])
