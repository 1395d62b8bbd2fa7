"""What trainings minimise, and what they do to a batch first: shifting it, attacking it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import fit, lowering, norms, objectives
from core.fit import Plan
from core.objectives import CrossEntropy, Denoising, Shifted
from tests.support import build, untrained


def test_cross_entropy_is_the_closed_form():
    logits = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    y = np.array([0, 1, 2, 3, 4, 9])
    log_shares = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    given = tf.constant(logits), tf.constant(y)
    np.testing.assert_allclose(objectives.cross_entropy(*given), -log_shares[np.arange(6), y], rtol=1e-5)
    truth = 0.8 * np.eye(10)[y] + 0.02
    np.testing.assert_allclose(objectives.cross_entropy(*given, 0.2), -(truth * log_shares).sum(1), rtol=1e-5)


def test_shifted_digits_are_the_digits_moved(six_hundred):
    """Each picture is one of the (2 * pixels + 1) ** 2 that moving it can make; all of them come, alike often."""
    x, pixels = six_hundred.images[:300], 2
    moved = objectives.shifted(tf.constant(x), pixels, tf.constant([1, 2])).numpy()
    assert moved.shape == x.shape and moved.dtype == x.dtype
    framed = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    places = [(down, across) for down in range(2 * pixels + 1) for across in range(2 * pixels + 1)]
    every = np.stack([framed[:, down : down + 28, across : across + 28] for down, across in places])
    hits = (every == moved).all(axis=(2, 3, 4))
    assert hits.any(axis=0).all()
    counts = np.bincount(hits.argmax(axis=0), minlength=len(places))
    assert counts.min() >= 3 and counts.max() <= 30  # 12 on average
    again, other = (objectives.shifted(tf.constant(x), pixels, tf.constant([1, last])).numpy() for last in (2, 3))
    np.testing.assert_array_equal(moved, again)
    assert (moved != other).any(axis=(1, 2, 3)).mean() > 0.8


def test_training_on_shifted_digits_reads_shifted_digits(six_hundred):
    moved = objectives.shifted(tf.constant(six_hundred.images), 2, tf.constant([7, 7])).numpy()
    plan = Plan(epochs=12, batch=50, rate=5e-3)
    right = {}
    for objective in (CrossEntropy(), Shifted(pixels=2)):
        model = untrained(dropout=0.0)
        fit.fit(model, six_hundred, plan, objective=objective)
        right[type(objective).__name__] = np.mean(model.predict(moved, verbose=0).argmax(1) == six_hundred.labels)
    assert right["Shifted"] > right["CrossEntropy"] + 0.05
    x, y, moment = (
        tf.constant(six_hundred.images),
        tf.constant(six_hundred.labels),
        objectives.Moment(tf.constant(0.0), tf.constant([0, 1])),
    )
    model = untrained(dropout=0.0)
    unmoved, plain = Shifted(pixels=0)(model, x, y, moment), CrossEntropy()(model, x, y, moment)
    np.testing.assert_array_equal(unmoved[0], plain[0])


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.2), ("l2", 2.0)])
def test_the_inner_attack_stays_in_the_ball_and_does_harm(six_hundred, norm, eps):
    model = untrained()
    fit.fit(model, six_hundred, Plan(epochs=4, batch=50, rate=5e-3))
    x, y = tf.constant(six_hundred.images[:200]), tf.constant(six_hundred.labels[:200])

    def attack(seed, count=200):
        given = {"eps": tf.constant(eps), "steps": 8, "step_size": 0.25, "norm": norm}
        forward, slope = lowering.forward(model), objectives.away_from(y[:count])
        return objectives.attacked(forward, x[:count], slope, seed=tf.constant([1, seed]), **given).numpy()

    attacked = attack(2)
    change = (attacked - x).numpy()
    assert norms.get(norm).size(change).max() <= eps + 1e-5 and attacked.min() >= 0 and attacked.max() <= 1
    noise = np.random.default_rng(0).uniform(-1, 1, (200, 28, 28, 1)).astype(np.float32)
    noise *= eps / norms.get(norm).size(noise)[:, None, None, None].astype(np.float32)

    def loss(images):
        return float(tf.reduce_mean(objectives.cross_entropy(model(images, training=False), y)))

    assert loss(attacked) > 2 * loss(np.clip(x + noise, 0, 1).astype(np.float32))
    np.testing.assert_array_equal(attacked, attack(2))
    assert np.abs(attacked - attack(3)).max() > 0.01


def test_what_grows_reaches_its_full_at_the_ramps_end():
    def at(share, ramp):
        return float(objectives.grown(0.3, ramp, objectives.Moment(tf.constant(share), tf.constant([0, 0]))))

    assert at(0.0, 0.5) == 0 and at(0.25, 0.5) == pytest.approx(0.15) and at(0.5, 0.5) == pytest.approx(0.3)
    assert at(0.9, 0.5) == pytest.approx(0.3) and at(0.5, 0.0) == pytest.approx(0.3)


def test_denoising_rebuilds_what_was_clean_and_tells_no_accuracy(six_hundred):
    x, y = tf.constant(six_hundred.images[:64]), tf.constant(six_hundred.labels[:64])
    moment = objectives.Moment(tf.constant(0.5), tf.constant([1, 2]))

    def copied(images, training):
        return images

    losses, logits = Denoising(noise=0.0)(copied, x, y, moment)
    assert logits is None and losses.shape == (64,) and float(tf.reduce_max(losses)) == 0
    losses, _ = Denoising(noise=0.5)(copied, x, y, moment)
    # Noise of a deviation drawn from 0 to s has a mean square of s * s / 3; half of it is clipped off the background.
    assert 0.3 < float(tf.reduce_mean(losses)) / (0.25 / 3) < 0.8
    np.testing.assert_array_equal(losses, Denoising(noise=0.5)(copied, x, y, moment)[0])
    assert np.ptp(losses) > 0.05, "all digits have noise of one strength"

    network = build(keras.layers.Conv2D(4, 3, padding="same", activation="relu"), keras.layers.Conv2D(1, 1))
    history = fit.fit(network, six_hundred, Plan(epochs=6, batch=50, rate=1e-2), objective=Denoising()).history
    assert history[-1]["loss"] < 0.5 * history[0]["loss"] and np.isnan(history[-1]["accuracy"])
