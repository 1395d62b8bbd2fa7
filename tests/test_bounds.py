"""Interval bounds hold whatever an image of the box can bring forth, and are exact where they can be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from core import bounds
from core.errors import InputError
from tests.chains import ENDS, PICTURES, chain, chains, outputs, points, uphill
from tests.support import build, some_digits

LAYERS = keras.layers
X, Y = some_digits(3)


def ends_of(box):
    return box.low.numpy(), box.high.numpy()


def assert_holds(model, eps, x=X):
    low, high = ends_of(bounds.interval(model, bounds.around(tf.constant(x), eps), outward=True))
    for images in (points(x, eps), uphill(model, x, eps), uphill(model, x, -eps)):
        reached = outputs(model, images)
        assert (reached >= low).all() and (reached <= high).all()
    return low, high


@pytest.mark.parametrize("name", PICTURES)
def test_every_layer_keeps_to_its_bounds(name):
    assert_holds(chain(["norm", name]), 0.2)


@pytest.mark.parametrize("end", ENDS)
def test_every_way_to_flatten_keeps_to_its_bounds(end):
    assert_holds(chain("same", end=end), 0.2)


@settings(max_examples=10)
@given(chains(), st.floats(0, 1))
def test_random_networks_keep_to_their_bounds(drawn, eps):
    assert_holds(chain(**drawn), eps)


@settings(max_examples=8)
@given(chains())
def test_without_a_change_the_bounds_are_the_logits(drawn):
    model = chain(**drawn)
    low, high = ends_of(bounds.interval(model, bounds.around(tf.constant(X), 0.0)))
    logits = np.asarray(model(X, training=False))
    np.testing.assert_allclose(low, logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(low, high)


SINGLE = {
    "dense": lambda: [LAYERS.Flatten(), LAYERS.Dense(10)],
    "convolution": lambda: [LAYERS.Conv2D(10, 28), LAYERS.Flatten()],
    "mean": lambda: [LAYERS.AveragePooling2D((14, 5)), LAYERS.Flatten()],
    "rescaled": lambda: [LAYERS.Rescaling(-3.0, 1.0), LAYERS.Cropping2D(((9, 9), (13, 14))), LAYERS.Flatten()],
}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.7])
def test_one_affine_layer_is_bounded_exactly(name, eps):
    """The corner that a logit's gradient points to reaches the bound."""
    keras.utils.set_random_seed(1)
    model = build(*SINGLE[name]())
    low, high = ends_of(bounds.interval(model, bounds.around(tf.constant(X), eps)))
    for found, sign in ((high, 1), (low, -1)):
        corners = outputs(model, uphill(model, X, sign * eps))
        np.testing.assert_allclose(found, np.einsum("knk->nk", corners), rtol=1e-4, atol=1e-5)


def test_a_bound_is_never_looser_for_a_smaller_box():
    model = chain("same norm capped max")
    widths = [np.subtract(*ends_of(bounds.interval(model, bounds.around(tf.constant(X), e)))[::-1]) for e in (0.1, 0.2)]
    assert (widths[0] <= widths[1] + 1e-6).all() and widths[0].mean() < 0.7 * widths[1].mean()


class TestMargins:
    @settings(max_examples=10)
    @given(chains(), st.sampled_from([0.0, 0.05, 0.3]))
    def test_they_hold_and_are_at_least_the_difference_of_two_bounds(self, drawn, eps):
        model = chain(**drawn)
        box = bounds.around(tf.constant(X), eps)
        lowest = bounds.margins(model, box, tf.constant(Y), outward=True).numpy()
        reached = outputs(model, points(X, eps))
        own = np.take_along_axis(reached, Y[None, :, None], axis=2)
        others = np.arange(10) != Y[:, None]
        assert ((own - reached >= lowest) | ~others).all() and (lowest[~others] == 0).all()
        low, high = ends_of(bounds.interval(model, box))
        apart = np.take_along_axis(low, Y[:, None], axis=1) - high
        plain = bounds.margins(model, box, tf.constant(Y)).numpy()
        assert (plain >= apart - 1e-4 * np.abs(apart).max() - 1e-5)[others].all()

    def test_a_last_layer_that_moves_all_logits_alike_takes_nothing_from_the_margins(self):
        """Ten equal columns but for the bias: each logit is wide open, each difference is known exactly."""
        model = build(LAYERS.Flatten(), LAYERS.Dense(10))
        kernel = np.repeat(np.random.default_rng(0).normal(size=(784, 1)), 10, axis=1)
        model.set_weights([kernel, np.arange(10.0)])
        lowest = bounds.margins(model, bounds.around(tf.constant(X), 0.3), tf.constant(Y)).numpy()
        np.testing.assert_allclose(lowest, Y[:, None] - np.arange(10.0)[None], atol=1e-5)

    def test_a_last_layer_with_an_activation_is_bounded_too(self):
        model = build(LAYERS.Flatten(), LAYERS.Dense(10, activation="tanh"))
        box = bounds.around(tf.constant(X), 0.01)
        low, high = ends_of(bounds.interval(model, box))
        apart = (np.take_along_axis(low, Y[:, None], axis=1) - high) * (np.arange(10) != Y[:, None])
        np.testing.assert_allclose(bounds.margins(model, box, tf.constant(Y)), apart, atol=1e-6)


def test_rounding_is_covered_whatever_the_order_of_the_sums():
    """Float32 sums of 784 products, added up forwards and backwards: within the outward bounds, not the plain ones."""
    draw = np.random.default_rng(0)
    kernel, x = draw.normal(size=(784, 10)).astype(np.float32), draw.uniform(size=(200, 784)).astype(np.float32)
    model = build(LAYERS.Flatten(), LAYERS.Dense(10))
    model.set_weights([kernel, np.zeros(10, np.float32)])
    box = bounds.around(tf.constant(x.reshape(-1, 28, 28, 1)), 0.0)
    plain, outward = (ends_of(bounds.interval(model, box, outward=each)) for each in (False, True))
    products = x[:, :, None] * kernel
    missed = 0
    for order in (slice(None), slice(None, None, -1)):
        sums = np.cumsum(products[:, order], axis=1, dtype=np.float32)[:, -1]
        assert (sums >= outward[0]).all() and (sums <= outward[1]).all()
        missed += (sums < plain[0]).sum() + (sums > plain[1]).sum()
    assert missed > 1000
    assert np.max(outward[1] - outward[0]) < 0.1  # sums of about 300 in size


class Odd(LAYERS.Layer):
    def call(self, x):
        return x


def branching():
    inputs = keras.Input((28, 28, 1))
    flat = LAYERS.Flatten()(inputs)
    return keras.Model(inputs, LAYERS.Add()([LAYERS.Dense(10)(flat), LAYERS.Dense(10)(flat)]), name="two_ways")


REFUSED = {
    "a type of its own": (lambda: Odd(name="mine"), r"'mine' is of type Odd"),
    "a normalisation across features": (lambda: LAYERS.LayerNormalization(name="mine"), r"'mine' is of type Layer"),
    "gelu": (lambda: LAYERS.Dense(3, activation="gelu", name="mine"), r"'mine' has the activation gelu"),
    "softmax": (lambda: LAYERS.Activation("softmax", name="mine"), r"'mine' has the activation softmax"),
    "swish": (lambda: LAYERS.Conv2D(3, 3, activation="silu", name="mine"), r"'mine' has the activation silu"),
    "a layer as activation": (lambda: LAYERS.Dense(3, activation=LAYERS.Softmax(), name="mine"), r"'mine' has"),
    "groups": (lambda: LAYERS.Conv2D(2, 3, groups=2, name="mine"), r"'mine' is a convolution in groups"),
    "another axis": (lambda: LAYERS.BatchNormalization(axis=1, name="mine"), r"'mine' normalises another axis"),
    "negative weights": (
        lambda: LAYERS.UpSampling2D(2, interpolation="bicubic", name="mine"),
        r"'mine' interpolates by bicubic",
    ),
    "channels by their own scale": (lambda: LAYERS.Rescaling([1.0, 2.0], name="mine"), r"'mine' scales each channel"),
}


@pytest.mark.parametrize(("layer", "said"), REFUSED.values(), ids=REFUSED)
def test_a_layer_that_cannot_be_bounded_is_refused_by_name(layer, said):
    model = build(LAYERS.Conv2D(2, 3), layer(), LAYERS.Flatten(), LAYERS.Dense(10))
    with pytest.raises(InputError, match=said) as refusal:
        bounds.interval(model, bounds.around(tf.constant(X), 0.1))
    assert len(str(refusal.value)) < 500 and str(refusal.value).endswith(".")


def test_a_network_that_branches_is_refused():
    with pytest.raises(InputError, match=r"'two_ways' is no plain chain"):
        bounds.interval(branching(), bounds.around(tf.constant(X), 0.1))


def test_in_a_training_the_batch_is_normalised_by_its_middles_and_remembered():
    model = chain("norm")
    layer = next(each for each in model.layers if isinstance(each, LAYERS.BatchNormalization))
    before = layer.moving_mean.numpy()
    box = bounds.around(tf.constant(X), 0.1)
    trained = bounds.interval(model, box, training=True)
    inner = np.asarray(model.layers[0](box.middle))
    np.testing.assert_allclose(layer.moving_mean, 0.99 * before + 0.01 * inner.mean((0, 1, 2)), rtol=1e-4)
    layer.moving_mean.assign(inner.mean((0, 1, 2)))
    layer.moving_variance.assign(inner.var((0, 1, 2)))
    np.testing.assert_allclose(bounds.interval(model, box).low, trained.low, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("cap", [None, 0.4])
def test_a_leak_slopes_the_flat_parts_of_relus(cap):
    model = build(LAYERS.Flatten(), LAYERS.Dense(10), LAYERS.ReLU(max_value=cap))
    inner = np.asarray(model.layers[1](model.layers[0](X)))
    clipped = np.clip(inner, 0, cap)
    found = bounds.interval(model, bounds.around(tf.constant(X), 0.0), leak=0.25).low.numpy()
    wanted = np.where(inner > 0, inner, 0.25 * inner) if cap is None else 0.25 * inner + 0.75 * clipped
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
