"""The lowered network is the Keras network: the same logits and the same input gradient, whatever the geometry."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import lowering, zoo
from core.classifier import Classifier
from tests.support import build, small, some_digits

LAYERS = keras.layers


def outputs_and_gradient(run, x):
    """run(x), and the gradient of a fixed mix of its outputs with respect to x."""
    weights = tf.constant(np.random.default_rng(1).normal(size=(len(x), 10)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = run(x)
    return logits.numpy(), tape.gradient(logits, x, output_gradients=weights).numpy()


def assert_same(model, *, products):
    x = tf.constant(np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype(np.float32))
    expected = outputs_and_gradient(lambda rows: model(rows, training=False), x)
    got = outputs_and_gradient(lowering.forward(model, products=products), x)
    for ours, keras_own in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, keras_own, atol=1e-5 * np.abs(keras_own).max())


@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 7])
def test_convolutions_of_every_geometry(size, stride, padding, products):
    keras.utils.set_random_seed(size)
    model = build(
        LAYERS.Conv2D(5, size, stride, padding=padding, activation="relu"),
        LAYERS.Conv2D(6, 3, stride, padding=padding, use_bias=False),
        LAYERS.Flatten(),
        LAYERS.Dense(10),
    )
    assert_same(model, products=products)


@pytest.mark.parametrize("products", [False, True])
def test_a_kernel_that_is_not_square(products):
    keras.utils.set_random_seed(0)
    assert_same(build(LAYERS.Conv2D(4, (3, 5), 2), LAYERS.Flatten(), LAYERS.Dense(10)), products=products)


@pytest.mark.parametrize("products", [False, True])
def test_other_layers_run_as_they_are(products):
    keras.utils.set_random_seed(0)
    model = build(
        LAYERS.Conv2D(4, 3, dilation_rate=2),
        LAYERS.BatchNormalization(),
        LAYERS.MaxPooling2D(),
        LAYERS.Dropout(0.5),
        LAYERS.Conv2D(6, 3, activation="elu"),
        LAYERS.GlobalAveragePooling2D(),
        LAYERS.Dense(10),
    )
    assert_same(model, products=products)


@pytest.mark.parametrize("name", zoo.names())
def test_every_model_of_the_zoo_is_lowered(name):
    model = zoo.load(name).keras
    assert lowering.suits_xla(model)
    assert_same(model, products=False)
    assert_same(model, products=True)


def test_a_sequential_model_that_grew_layer_by_layer_is_a_chain():
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for layer in (LAYERS.Conv2D(4, 4, 2), LAYERS.Flatten(), LAYERS.Dense(10)):
        model.add(layer)
    assert lowering.suits_xla(model)
    assert_same(model, products=True)


def test_a_network_that_branches_is_left_to_keras():
    x = keras.Input((28, 28, 1))
    h = LAYERS.Flatten()(x)
    model = keras.Model(x, LAYERS.Add()([LAYERS.Dense(10)(h), LAYERS.Dense(10)(h)]))
    assert not lowering.suits_xla(model)
    assert_same(model, products=False)


def test_weights_are_read_when_the_graph_is_built_anew():
    keras.utils.set_random_seed(0)
    model = build(LAYERS.Conv2D(4, 4, 2), LAYERS.Flatten(), LAYERS.Dense(10))
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert_same(model, products=False)


def test_a_layer_of_ones_own_that_does_not_tell_its_shape_runs_as_it_is():
    class Doubled(LAYERS.Layer):
        def call(self, x):
            return tf.concat([x, x], axis=-1)

    model = build(Doubled(), LAYERS.Flatten(), LAYERS.Dense(10))
    x = np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype(np.float32)
    np.testing.assert_allclose(lowering.forward(model)(tf.constant(x)), model(x), rtol=1e-5, atol=1e-5)


class TestLowering:
    """As the attacks meet it: for the network of a classifier."""

    BODIES = (
        [LAYERS.Conv2D(4, 3, strides=2, activation="relu")],
        [LAYERS.Conv2D(8, 5, strides=2, padding="same", activation="relu")],
        [LAYERS.Conv2D(8, 4, strides=2), LAYERS.Conv2D(6, 3, strides=(2, 1))],
        [LAYERS.Conv2D(8, 3, strides=3, use_bias=False), LAYERS.Conv2D(8, 5, strides=2, padding="same")],
        [LAYERS.Conv2D(8, 2, strides=4), LAYERS.ReLU()],
        [LAYERS.Conv2D(8, 3, dilation_rate=2), LAYERS.MaxPooling2D()],
        [LAYERS.Conv2D(8, 3), LAYERS.BatchNormalization(), LAYERS.ReLU(), LAYERS.AveragePooling2D(2)],
        [LAYERS.Rescaling(2.0, -1.0), LAYERS.Flatten(), LAYERS.Dropout(0.5), LAYERS.Dense(20, "tanh")],
    )

    @pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
    def test_the_rearranged_model_is_the_same_function_with_the_same_gradient(self, body):
        """Attacks run on core.lowering's form of the model: logits and input gradients equal the Keras model's own."""
        keras.utils.set_random_seed(3)
        net = Classifier(build(*body, LAYERS.Flatten(), LAYERS.Dense(10))).keras
        x = tf.constant(np.random.default_rng(0).uniform(size=(5, 28, 28, 1)).astype(np.float32))
        own, rearranged = (
            outputs_and_gradient(run, x) for run in (lambda x: net(x, training=False), lowering.forward(net))
        )
        for wanted, got in zip(own, rearranged, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("body", BODIES[:5], ids=range(5))
    def test_a_strided_convolution_of_one_channel_is_turned_as_its_gradient_is(self, body):
        """The way back that core.crown takes: TensorFlow's own gradient, whatever the rim."""
        keras.utils.set_random_seed(4)
        first = body[0]
        build(first, LAYERS.Flatten(), LAYERS.Dense(10))
        x = tf.constant(np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.conv2d(x, first.kernel, first.strides, first.padding.upper())
        rows = tf.constant(np.random.default_rng(1).normal(size=y.shape).astype(np.float32))
        wanted, got = tape.gradient(y, x, output_gradients=rows), lowering.turned(first, rows, (28, 28, 1))
        assert got is not None
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)

    def test_other_layers_are_left_to_their_gradient(self):
        body = LAYERS.Conv2D(4, 3), LAYERS.Conv2D(6, 3, strides=2), LAYERS.Flatten()
        build(*body, LAYERS.Dense(10))
        shapes = ((28, 28, 1), (26, 26, 4), (12, 12, 6))
        for layer, shape in zip(body, shapes, strict=True):
            assert lowering.turned(layer, tf.zeros((1, *layer.output.shape[1:])), shape) is None

    def test_a_model_with_branches_is_run_as_it_is(self):
        inputs = keras.Input((28, 28, 1))
        both = LAYERS.Add()([LAYERS.Conv2D(4, 3, strides=2)(inputs), LAYERS.Conv2D(4, 3, strides=2)(inputs)])
        net = keras.Model(inputs, LAYERS.Dense(10)(LAYERS.Flatten()(both)))
        x, _ = some_digits(3)
        np.testing.assert_allclose(np.asarray(lowering.forward(net)(x)), np.asarray(net(x)), rtol=1e-4, atol=1e-5)

    def test_a_graph_of_it_reads_the_live_weights(self):
        net = Classifier(small()).keras
        x, forward = some_digits(3)[0], tf.function(lambda x: lowering.forward(net)(x))
        before = np.asarray(forward(x))
        net.set_weights([weight * 2 for weight in net.get_weights()])
        np.testing.assert_allclose(np.asarray(forward(x)), np.asarray(net(x, training=False)), rtol=1e-3, atol=1e-4)
        assert not np.allclose(before, np.asarray(forward(x)))

    def test_the_attacks_see_the_zoo_models_as_they_are(self, plain):
        x, _ = some_digits(50)
        np.testing.assert_allclose(np.asarray(lowering.forward(plain.keras)(x)), plain.logits(x), rtol=1e-3, atol=1e-3)
