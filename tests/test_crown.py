"""CROWN's bounds hold, are never looser than intervals, and are exact where the network is linear."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from core import bounds, crown
from core.bounds import Box
from core.crown import Ball
from core.parts import Affine, parts
from tests.chains import ENDS, PICTURES, chain, chains, outputs, points, uphill
from tests.support import build, some_digits

LAYERS = keras.layers
X, Y = some_digits(3)
OTHERS = np.arange(10) != Y[:, None]


def bounded(model, eps, *, ball=None, **more):
    """The logits' box, and the lowest margins, by CROWN: as NumPy arrays."""
    box = bounds.around(tf.constant(X), eps)
    found = crown.logits(model, box, ball=ball, outward=True, **more)
    lowest = crown.margins(model, box, tf.constant(Y), ball=ball, outward=True, **more)
    return found.low.numpy(), found.high.numpy(), lowest.numpy()


def assert_holds(model, eps, **more):
    low, high, lowest = bounded(model, eps, **more)
    for images in (points(X, eps), uphill(model, X, eps), uphill(model, X, -eps)):
        reached = outputs(model, images)
        assert (reached >= low).all() and (reached <= high).all()
        own = np.take_along_axis(reached, Y[None, :, None], axis=2)
        assert ((own - reached >= lowest) | ~OTHERS).all()
    box = bounds.around(tf.constant(X), eps)
    wide = Box(*(each.numpy() for each in bounds.interval(model, box, outward=True)))
    # Nowhere looser than the intervals, but for their own rounding.
    assert (low >= wide.low - 1e-5 * np.abs(wide.low)).all() and (high <= wide.high + 1e-5 * np.abs(wide.high)).all()
    plainly = bounds.margins(model, box, tf.constant(Y), outward=True).numpy()
    assert (lowest >= plainly - 1e-5 * np.abs(plainly))[OTHERS].all()
    return low, high, lowest


#: Each layer in turn, several to a network.
ROUNDS = [
    "norm same relu strided",
    "norm_bare dilated capped strided_same rescaled",
    "per_pixel sloped_cap mean leaky",
    "sloped jump max_same steep",
    "elu max act_relu6 padding act_leaky_relu",
    "mean_same turned act_selu cropping act_hard_sigmoid",
    "larger act_softsign dropout rescaled act_relu",
    "larger_smooth act_linear noise dropped_maps act_exponential",
]


def test_the_rounds_hold_every_layer():
    assert {name for each in ROUNDS for name in each.split()} == set(PICTURES)


@pytest.mark.parametrize("names", ROUNDS)
def test_every_layer_keeps_to_its_bounds(names):
    end = sorted(ENDS)[ROUNDS.index(names) % len(ENDS)]
    assert_holds(chain(names, end=end), 0.15, widest=8 * (ROUNDS.index(names) % 2))


@settings(max_examples=8)
@given(chains(), st.sampled_from([0.01, 0.1, 0.5]), st.sampled_from([0, 128]))
def test_random_networks_keep_to_their_bounds(drawn, eps, widest):
    assert_holds(chain(**drawn), eps, widest=widest)


def linear_net(bias=True):
    keras.utils.set_random_seed(0)
    body = LAYERS.Conv2D(2, 5, strides=3, use_bias=bias), LAYERS.BatchNormalization(), LAYERS.Flatten()
    return build(*body, LAYERS.Dense(20), LAYERS.Dense(10))


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_a_network_of_linear_layers_is_bounded_exactly(norm):
    """One affine map: its least value over a box, or a ball away from the box's sides, has a closed form."""
    model, eps = linear_net(), {"linf": 0.2, "l2": 0.3, "l1": 0.4}[norm]
    x = X if norm == "linf" else np.full_like(X, 0.5)
    units = np.eye(784, dtype=np.float32).reshape(-1, 28, 28, 1)
    zero = np.asarray(model(np.zeros_like(X[:1]), training=False), np.float64)
    weights = np.asarray(model(units, training=False), np.float64) - zero
    gaps = weights[:, Y].T[:, None] - weights.T[None]  # (n, 10, 784)
    box = bounds.around(tf.constant(x), eps)
    if norm == "linf":
        middle, radius = (np.asarray(each, np.float64).reshape(len(x), -1) for each in box)
        wanted = np.einsum("nkf,nf->nk", gaps, middle) - np.einsum("nkf,nf->nk", np.abs(gaps), radius)
    else:
        dual = np.linalg.norm(gaps, ord={"l2": 2, "l1": np.inf}[norm], axis=2)
        wanted = np.einsum("nkf,nf->nk", gaps, x.reshape(len(x), -1)) - eps * dual
    wanted += zero[0, Y][:, None] - zero
    ball = None if norm == "linf" else Ball(tf.constant(x), tf.fill([len(x)], eps), norm)
    found = crown.margins(model, box, tf.constant(Y), ball=ball).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert norm != "linf" or (bounds.margins(model, box, tf.constant(Y)).numpy() < found - 0.01)[OTHERS].all()


def test_two_neurons_by_hand():
    """Pixels a, b in [0.4, 0.6]; h1 = relu(a + b) = a + b, and h2 = relu(a - b) has a - b in [-0.2, 0.2].

    Its upper line is (a - b + 0.2) / 2, so h1 - h2 >= a + b - (a - b + 0.2) / 2 = 0.5 a + 1.5 b - 0.1 >= 0.7. Intervals
    prove 0.8 - 0.2 = 0.6; the truth is 0.8.
    """
    model = build(LAYERS.Flatten(), LAYERS.Dense(2, activation="relu"), LAYERS.Dense(10))
    first, second = np.zeros((784, 2)), np.zeros((2, 10))
    first[0], first[1] = (1, 1), (1, -1)
    second[:, 0] = 1, -1
    model.set_weights([first, np.zeros(2), second, np.zeros(10)])
    box = bounds.around(tf.fill((1, 28, 28, 1), 0.5), 0.1)
    assert bounds.interval(model, box).low.numpy()[0, 0] == pytest.approx(0.6, abs=1e-6)
    assert crown.logits(model, box).low.numpy()[0, 0] == pytest.approx(0.7, abs=1e-6)


def test_the_lower_line_is_the_nearer_one():
    """h = relu(z), z = b - 0.1 or b + 0.1 in [-0.2, 0.2] about b: where z is mostly above 0 the line is z, else 0.

    So z - h is bounded from above by 0 with the slope 1, and by z's own 0.3 with the slope 0; intervals say 0.3.
    """
    for shift, wanted in ((0.1, 0.0), (-0.1, 0.1)):
        model = build(LAYERS.Flatten(), LAYERS.Dense(2), LAYERS.ReLU(), LAYERS.Dense(10))
        first, second = np.zeros((784, 2)), np.zeros((2, 10))
        first[0] = 1
        second[:, 0] = 1, -1  # the first neuron is moved up so far that it stays linear
        model.set_weights([first, np.array([4.5, -0.5 + shift]), second, np.array([-5 + shift, *[0] * 9])])
        found = crown.logits(model, bounds.around(tf.fill((1, 28, 28, 1), 0.5), 0.2))
        assert found.high.numpy()[0, 0] == pytest.approx(wanted, abs=1e-5)


def deep():
    keras.utils.set_random_seed(2)
    hidden = [LAYERS.Dense(24, activation="relu") for _ in range(2)]
    return build(LAYERS.AveragePooling2D(4), LAYERS.Flatten(), *hidden, LAYERS.Dense(10))


def test_narrow_layers_bounded_by_crown_are_tighter():
    model = deep()
    widths = [np.subtract(*assert_holds(model, 0.1, widest=widest)[1::-1]).mean() for widest in (23, 24)]
    assert widths[1] < 0.9 * widths[0]


@pytest.mark.parametrize(("norm", "eps"), [("l2", 0.5), ("l1", 2.0)])
def test_a_ball_in_another_norm_keeps_to_its_bounds(norm, eps):
    model = deep()
    ball = Ball(tf.constant(X), tf.fill([len(X)], eps), norm)
    low, high, lowest = bounded(model, eps, ball=ball, widest=24)
    draw = np.random.default_rng(0)
    change = draw.normal(size=(60, *X.shape)) * (draw.uniform(size=(60, *X.shape)) < 0.05)
    change[:10] = uphill(model, X, 1.0) - X  # towards a corner
    size = np.linalg.norm(change.reshape(60, len(X), -1), ord={"l2": 2, "l1": 1}[norm], axis=2)
    images = np.clip(X + change * (eps / size)[..., None, None, None], 0, 1).astype(np.float32)
    reached = outputs(model, images)
    assert (reached >= low).all() and (reached <= high).all()
    own = np.take_along_axis(reached, Y[None, :, None], axis=2)
    assert ((own - reached >= lowest) | ~OTHERS).all()
    box = crown.logits(model, bounds.around(tf.constant(X), eps))
    assert (high - low).mean() < 0.5 * (box.high - box.low).numpy().mean()


def test_rounding_is_covered():
    """The plain bounds without a change miss the network's own logits by rounding here and there; these do not."""
    keras.utils.set_random_seed(0)
    hidden = [LAYERS.Dense(300, activation="relu"), LAYERS.Dense(300, activation="relu")]
    model = build(LAYERS.Flatten(), *hidden, LAYERS.Dense(10))
    x, _ = some_digits(100)
    logits = np.asarray(model(x, training=False))
    for outward in (False, True):
        box = crown.logits(model, bounds.around(tf.constant(x), 0.0), outward=outward)
        missed = (logits < box.low.numpy()) | (logits > box.high.numpy())
        assert missed.any() != outward
    assert (box.high - box.low).numpy().max() < 0.02 * np.abs(logits).max() + 1e-2


@pytest.mark.parametrize("leak", [0.0, 0.2])
def test_the_margins_can_be_trained(leak):
    """A step up their gradient raises them; batch normalisation takes part."""
    model = chain("same norm capped strided_same")

    def mean_margin():
        given = {"training": True, "leak": tf.constant(leak)}
        lowest = crown.margins(model, bounds.around(tf.constant(X), 0.1), tf.constant(Y), **given)
        return tf.reduce_sum(lowest) / 27

    with tf.GradientTape() as tape:
        before = mean_margin()
    slopes = tape.gradient(before, model.trainable_variables)
    assert all(slope is not None and np.isfinite(slope).all() for slope in slopes)
    size = sum(float(tf.reduce_sum(slope**2)) for slope in slopes)
    for weight, slope in zip(model.trainable_variables, slopes, strict=True):
        weight.assign_add(1e-3 * slope)
    assert float(mean_margin() - before) == pytest.approx(1e-3 * size, rel=0.3)


def test_a_layer_bounded_in_parts_is_bounded_alike(monkeypatch):
    model = chain("strided relu", hidden=(20,))
    for norm in ("linf", "l2"):
        ball = None if norm == "linf" else Ball(tf.constant(X), tf.fill([len(X)], 0.5), norm)
        whole = bounded(model, 0.1, ball=ball, widest=64)
        plain = bounded(model, 0.1, ball=ball)
        with monkeypatch.context() as patch:
            patch.setattr(crown, "MOST", 7)
            parts = bounded(model, 0.1, ball=ball, widest=64)
        for one, other, loose in zip(whole, parts, plain, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)
            assert not np.allclose(loose, one, rtol=1e-2)


def test_what_is_bounded_at_a_time_fits_into_memory():
    for numbers in (100, 784, 6272, 50_000, 131_072):
        rows = 2 * crown.together(numbers)
        assert rows * numbers <= crown.NUMBERS and 64 <= rows <= 256


@pytest.mark.parametrize("name", sorted(set(PICTURES) - {"jump", "max", "max_same"}))
def test_the_way_back_through_a_layer_is_its_transpose(name):
    """<rows, linear(x)> = <turned(rows), x>, whatever the way back is."""
    model = chain(name)
    draw = np.random.default_rng(0)
    shape, checked = (28, 28, 1), 0
    for layer in model.layers:
        x = tf.constant(draw.normal(size=(2, *shape)).astype(np.float32))
        for part in parts(layer, x):
            if isinstance(part, Affine):
                end = part.linear(x)
                rows = tf.constant(draw.normal(size=end.shape).astype(np.float32))
                back = part.turned(rows, shape)
                there, here = (tf.reduce_sum(one * other).numpy() for one, other in ((rows, end), (back, x)))
                assert back.shape == x.shape and here == pytest.approx(there, rel=1e-3, abs=1e-3)
                x, shape, checked = end, tuple(end.shape[1:]), checked + 1
    assert checked >= 3


def test_how_large_the_largest_layer_is():
    assert crown.largest(build(LAYERS.Conv2D(3, 3), LAYERS.Flatten(), LAYERS.Dense(10))) == 26 * 26 * 3
    assert crown.largest(deep()) == 784
