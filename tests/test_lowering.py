"""The lowered network is the Keras network: the same logits and the same input gradient, whatever the geometry."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import lowering, zoo

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
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            LAYERS.Conv2D(5, size, stride, padding=padding, activation="relu"),
            LAYERS.Conv2D(6, 3, stride, padding=padding, use_bias=False),
            LAYERS.Flatten(),
            LAYERS.Dense(10),
        ]
    )
    assert_same(model, products=products)


@pytest.mark.parametrize("products", [False, True])
def test_a_kernel_that_is_not_square(products):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28, 1)), LAYERS.Conv2D(4, (3, 5), 2), LAYERS.Flatten(), LAYERS.Dense(10)]
    assert_same(keras.Sequential(layers), products=products)


@pytest.mark.parametrize("products", [False, True])
def test_other_layers_run_as_they_are(products):
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((28, 28, 1)),
        LAYERS.Conv2D(4, 3, dilation_rate=2),
        LAYERS.BatchNormalization(),
        LAYERS.MaxPooling2D(),
        LAYERS.Dropout(0.5),
        LAYERS.Conv2D(6, 3, activation="elu"),
        LAYERS.GlobalAveragePooling2D(),
        LAYERS.Dense(10),
    ]
    assert_same(keras.Sequential(layers), products=products)


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
    model = keras.Sequential([keras.Input((28, 28, 1)), LAYERS.Conv2D(4, 4, 2), LAYERS.Flatten(), LAYERS.Dense(10)])
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert_same(model, products=False)


def test_a_layer_of_ones_own_that_does_not_tell_its_shape_runs_as_it_is():
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return tf.concat([x, x], axis=-1)

    model = keras.Sequential(
        [keras.layers.Input((28, 28, 1)), Doubled(), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    x = np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype(np.float32)
    np.testing.assert_allclose(lowering.forward(model)(tf.constant(x)), model(x), rtol=1e-5, atol=1e-5)
