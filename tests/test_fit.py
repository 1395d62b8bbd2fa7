"""The training loop: it learns, resumes bit for bit, stops when told, and refuses what it cannot use."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from core import digits, fit, lowering, objectives
from core.errors import InputError
from core.fit import Plan
from core.objectives import Adversarial, CrossEntropy, Shifted


@pytest.fixture(scope="module")
def few():
    """600 bundled digits, 60 a class."""
    return digits.bundled()[np.arange(0, 5000, 8)[:600]]


def network(dropout: float = 0.3) -> keras.Model:
    """A small convolutional network with dropout; its weights are the same at each call."""
    keras.utils.set_random_seed(5)
    stack = [
        keras.Input((28, 28, 1)),
        layers.Conv2D(4, 4, 2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dropout(dropout),
        layers.Dense(10),
    ]
    return keras.Sequential(stack, name="small")


def weights(model: keras.Model) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


PLAN = Plan(epochs=3, batch=100, rate=3e-3, warmup=0.2, decay="cosine", average=0.9, seed=3)


def test_it_learns(few):
    model = network(dropout=0.1)
    told = []
    fitted = fit.fit(
        model, few, Plan(epochs=8, batch=50, rate=5e-3), watch=lambda *news: told.append(news) or None, every=5
    )
    assert fitted.done == fitted.total == 8 * 12 and not fitted.stopped
    assert len(fitted.history) == 8 and fitted.history[-1]["epoch"] == 8
    assert fitted.history[-1]["loss"] < 0.5 * fitted.history[0]["loss"]
    assert np.mean(model.predict(few.images, verbose=0).argmax(1) == few.labels) > 0.9
    steps = [done for done, _, _ in told]
    assert steps == sorted({*range(5, 97, 5), *range(12, 97, 12)})
    assert all(total == 96 and set(metrics) == {"epoch", "loss", "accuracy", "rate"} for _, total, metrics in told)


def test_same_seed_same_weights_and_another_seed_others(few):
    ends = []
    for seed in (3, 3, 4):
        model = network()
        fit.fit(model, few, Plan(epochs=1, batch=100, seed=seed))
        ends.append(weights(model))
    np.testing.assert_array_equal(ends[0], ends[1])
    assert np.abs(ends[0] - ends[2]).max() > 1e-4


@pytest.mark.parametrize("stop_at", [6, 8], ids=["at an epoch's end", "within an epoch"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_training_that_resumes_ends_as_one_that_was_not_cut_off(few, tmp_path, stop_at, optimiser):
    """Bit for bit: weights, optimiser, average, dropout masks, shuffles, attack starts, and the history told."""
    plan = Plan(**{**PLAN.__dict__, "optimiser": optimiser})
    objective = Adversarial(steps=2, ramp=0.5)
    whole = network()
    untouched = fit.fit(whole, few, plan, objective=objective)

    first = network()
    path = tmp_path / "deep" / "state.npz"
    cut = fit.fit(
        first, few, plan, objective=objective, watch=lambda done, *_: done < stop_at, every=1, checkpoint=path
    )
    assert cut.stopped and cut.done == stop_at
    again = network()
    resumed = fit.fit(again, few, plan, objective=objective, checkpoint=path)

    np.testing.assert_array_equal(weights(whole), weights(again))
    assert resumed.history == untouched.history and resumed.done == resumed.total and not resumed.stopped
    # What is left is a finished training: the same call once more has nothing to do and gives the same model.
    finished = network()
    assert fit.fit(finished, few, plan, objective=objective, checkpoint=path).done == untouched.total
    np.testing.assert_array_equal(weights(whole), weights(finished))
    assert [file.name for file in path.parent.iterdir()] == ["state.npz"]


def test_a_crash_costs_no_more_than_the_epoch(few, tmp_path):
    path = tmp_path / "state.npz"

    def crash(done, *_):
        if done == 9:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fit.fit(network(), few, PLAN, watch=crash, every=1, checkpoint=path)
    seen = []
    again, whole = network(), network()
    fit.fit(again, few, PLAN, watch=lambda done, *_: seen.append(done), every=1, checkpoint=path)
    fit.fit(whole, few, PLAN)
    assert seen[0] == 7
    np.testing.assert_array_equal(weights(again), weights(whole))


def test_a_checkpoint_of_another_training_is_refused(few, tmp_path):
    path = tmp_path / "state.npz"
    fit.fit(network(), few, PLAN, checkpoint=path)
    others = [
        (network(), few, Plan(epochs=4, batch=100), None),
        (network(), few[:500], PLAN, None),
        (network(), few, PLAN, CrossEntropy(smoothing=0.1)),
        (network(dropout=0.2), few, PLAN, None),
    ]
    for model, data, plan, objective in others:
        before = weights(model)
        with pytest.raises(InputError, match="belongs to another training"):
            fit.fit(model, data, plan, objective=objective, checkpoint=path)
        np.testing.assert_array_equal(before, weights(model))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_refused_with_what_to_do(few, tmp_path, share):
    path = tmp_path / "state.npz"
    fit.fit(network(), few, Plan(epochs=1, batch=100), checkpoint=path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"state\.npz is damaged .*Delete it"):
        fit.fit(network(), few, Plan(epochs=1, batch=100), checkpoint=path)


def test_a_failed_save_leaves_the_checkpoint_that_was_there(few, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    fit.fit(network(), few, Plan(epochs=1, batch=100), checkpoint=path)
    before = path.read_bytes()
    training = fit._Training(network(), few, Plan(epochs=1, batch=100), CrossEntropy())

    def full(_):
        raise OSError("no space left on the disk")

    monkeypatch.setattr(fit.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        training.save(path)
    assert path.read_bytes() == before


def test_the_step_is_traced_once(few):
    traced = []

    class Counting(CrossEntropy):
        def __call__(self, model, x, y, moment):
            traced.append(1)
            return super().__call__(model, x, y, moment)

    fit.fit(network(), few, Plan(epochs=2, batch=64, decay="cosine"), objective=Counting())
    assert len(traced) == 1


def test_the_average_is_what_the_model_gets(few):
    ends = {}
    for average in (0.0, 0.9):
        model = network(dropout=0.0)
        fit.fit(model, few, Plan(epochs=2, batch=100, rate=1e-2, average=average))
        ends[average] = weights(model)
    start = weights(network(dropout=0.0))
    # The average lags behind: it is nearer to where the training began.
    assert 0 < np.linalg.norm(ends[0.9] - start) < np.linalg.norm(ends[0.0] - start)


def test_fewer_digits_than_a_batch_and_none(few):
    assert fit.fit(network(), few[:7], Plan(epochs=2, batch=100)).total == 2
    with pytest.raises(InputError, match="no digits"):
        fit.fit(network(), few[:0], PLAN)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("epochs", 0),
        ("batch", 0),
        ("rate", 0.0),
        ("rate", math.nan),
        ("warmup", 1.5),
        ("decay", "steep"),
        ("optimiser", "adagrad"),
        ("momentum", 1.0),
        ("weight_decay", -1),
        ("average", 1.0),
        ("seed", -1),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(knob, value):
    with pytest.raises(InputError, match=rf"plan's {knob} is .*; it must be"):
        Plan(**{knob: value})


def test_the_learning_rate():
    plan = Plan(rate=1.0, warmup=0.2, decay="cosine")
    assert plan.rate_at(0) == 0 and plan.rate_at(0.1) == pytest.approx(0.5) and plan.rate_at(0.2) == pytest.approx(1)
    assert plan.rate_at(0.6) == pytest.approx(0.5) and plan.rate_at(1) == pytest.approx(0)
    linear = Plan(rate=1.0, decay="linear")
    assert linear.rate_at(0) == 1 and linear.rate_at(0.75) == pytest.approx(0.25)
    assert Plan(rate=0.5).rate_at(0.9) == 0.5
    assert Plan(rate=1.0, warmup=1.0, decay="linear").rate_at(0.5) == 0.5


# ------------------------------------------------------------------------------------------------------- objectives


def test_cross_entropy_is_the_closed_form():
    logits = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    y = np.array([0, 1, 2, 3, 4, 9])
    log_shares = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    given = tf.constant(logits), tf.constant(y)
    np.testing.assert_allclose(objectives.cross_entropy(*given), -log_shares[np.arange(6), y], rtol=1e-5)
    truth = 0.8 * np.eye(10)[y] + 0.02
    np.testing.assert_allclose(objectives.cross_entropy(*given, 0.2), -(truth * log_shares).sum(1), rtol=1e-5)


def test_shifted_digits_are_the_digits_moved(few):
    """Each picture is one of the (2 * pixels + 1) ** 2 that moving it can make; all of them come, alike often."""
    x, pixels = few.images[:300], 2
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


def test_training_on_shifted_digits_reads_shifted_digits(few):
    moved = objectives.shifted(tf.constant(few.images), 2, tf.constant([7, 7])).numpy()
    plan = Plan(epochs=12, batch=50, rate=5e-3)
    right = {}
    for objective in (CrossEntropy(), Shifted(pixels=2)):
        model = network(dropout=0.0)
        fit.fit(model, few, plan, objective=objective)
        right[type(objective).__name__] = np.mean(model.predict(moved, verbose=0).argmax(1) == few.labels)
    assert right["Shifted"] > right["CrossEntropy"] + 0.05
    x, y, moment = (
        tf.constant(few.images),
        tf.constant(few.labels),
        objectives.Moment(tf.constant(0.0), tf.constant([0, 1])),
    )
    model = network(dropout=0.0)
    unmoved, plain = Shifted(pixels=0)(model, x, y, moment), CrossEntropy()(model, x, y, moment)
    np.testing.assert_array_equal(unmoved[0], plain[0])


def test_the_inner_attack_stays_in_the_ball_and_does_harm(few):
    model = network()
    fit.fit(model, few, Plan(epochs=4, batch=50, rate=5e-3))
    x, y = tf.constant(few.images[:200]), tf.constant(few.labels[:200])
    attacked = Adversarial(steps=8).attack(lowering.forward(model), x, y, tf.constant(0.2), tf.constant([1, 2])).numpy()
    assert np.abs(attacked - x).max() <= 0.2 + 1e-6 and attacked.min() >= 0 and attacked.max() <= 1
    noise = np.clip(x + np.random.default_rng(0).uniform(-0.2, 0.2, (200, 28, 28, 1)), 0, 1).astype(np.float32)

    def loss(images):
        return float(tf.reduce_mean(objectives.cross_entropy(model(images, training=False), y)))

    assert loss(attacked) > 2 * loss(noise)
    again = Adversarial(steps=8).attack(lowering.forward(model), x, y, tf.constant(0.2), tf.constant([1, 2])).numpy()
    other = Adversarial(steps=8).attack(lowering.forward(model), x, y, tf.constant(0.2), tf.constant([1, 3])).numpy()
    np.testing.assert_array_equal(attacked, again)
    assert np.abs(attacked - other).max() > 0.01


def test_adversarial_training_hardens(few):
    """Against the inner attack at 0.1, on the digits it has seen: a few seconds are not enough for more."""
    x, y = tf.constant(few.images), tf.constant(few.labels)
    right = {}
    for objective in (CrossEntropy(), Adversarial(eps=0.1, steps=4, ramp=0.3)):
        model = network(dropout=0.0)
        fit.fit(model, few, Plan(epochs=12, batch=50, rate=5e-3), objective=objective)
        forward = lowering.forward(model)
        attacked = Adversarial(steps=10).attack(forward, x, y, tf.constant(0.1), tf.constant([0, 0]))
        right[type(objective).__name__] = np.mean(model(attacked).numpy().argmax(1) == few.labels)
    assert right["Adversarial"] > right["CrossEntropy"] + 0.2


def test_a_training_describes_itself():
    described = fit.describe(PLAN, Adversarial(eps=0.2))
    assert described["plan"]["epochs"] == 3 and described["plan"]["seed"] == 3
    assert described["objective"] == {
        "name": "Adversarial",
        "eps": 0.2,
        "steps": 10,
        "step_size": 0.25,
        "ramp": 0.2,
        "smoothing": 0.0,
    }
