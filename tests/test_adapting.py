"""Networks that people have: other shapes of the pixels, other ranges, probabilities at the end, files of Keras 2."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from core import attacks, lowering
from core.adapting import PIXELS, adapted
from core.classifier import Classifier, load
from tests.support import build, small, some_digits

LAYERS = keras.layers


@pytest.fixture(scope="module")
def few():
    return some_digits(6)


def scaled(x: np.ndarray, pixels: str) -> np.ndarray:
    return (PIXELS[pixels].scale * x + PIXELS[pixels].offset).astype(np.float32)


@pytest.mark.parametrize("pixels", PIXELS)
@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (784,), (1, 28, 28), (784, 1)])
def test_a_chain_reads_what_it_was_made_for(few, shape, pixels):
    model = keras.Sequential([keras.Input(shape), LAYERS.Flatten(), LAYERS.Dense(16, "relu"), LAYERS.Dense(10)])
    made = adapted(model, pixels)
    want = np.asarray(model(scaled(few[0], pixels).reshape(-1, *shape)))
    np.testing.assert_allclose(np.asarray(made(few[0])), want, rtol=1e-4, atol=1e-4)
    assert lowering.chain(made) is not None  # quick attacks and bounds see every layer


@pytest.mark.parametrize("end", ["softmax", "log_softmax", "sigmoid"])
@pytest.mark.parametrize("own_layer", [False, True], ids=["in the last layer", "a layer of its own"])
def test_what_squashes_the_logits_is_taken_off(few, end, own_layer):
    hidden = LAYERS.Dense(10, activation=None if own_layer else end)
    model = build(LAYERS.Flatten(), hidden, *([LAYERS.Activation(end)] if own_layer else []))
    bare = few[0].reshape(len(few[0]), -1) @ hidden.kernel + hidden.bias
    np.testing.assert_allclose(np.asarray(adapted(model)(few[0])), bare, rtol=1e-4, atol=1e-4)


def test_it_may_scale_its_pixels_itself(few):
    layers = [LAYERS.Rescaling(1 / 255), LAYERS.Reshape((784,)), LAYERS.Dense(10)]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    want = few[0].reshape(-1, 784) @ layers[-1].kernel
    np.testing.assert_allclose(np.asarray(adapted(model, "bytes")(few[0])), want, rtol=1e-3, atol=1e-4)


def test_branches_keep_their_shape(few):
    flat = keras.Input((784,))
    hidden = LAYERS.Dense(8, "relu")(flat)
    model = keras.Model(flat, LAYERS.Dense(10, "softmax")(LAYERS.Concatenate()([flat, hidden])))
    read = Classifier(model, pixels="bytes")
    want = np.asarray(model(255 * few[0].reshape(-1, 784)))
    np.testing.assert_allclose(read.probabilities(few[0]), want, rtol=1e-3, atol=1e-5)


def test_a_model_that_fits_is_itself():
    model = small()
    assert adapted(model) is model


def test_half_floats_become_single_ones(few):
    half = keras.Sequential([keras.Input((28, 28, 1)), LAYERS.Flatten(), LAYERS.Dense(10, dtype="mixed_float16")])
    logits = Classifier(half).logits(few[0])
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, np.asarray(half(few[0])), rtol=2e-2, atol=2e-2)


# ------------------------------------------------------------------------- the example that the literature begins with
HOW = {"told its input": [None, 784], "built by fit": [32, 784], "Flatten first": [None, 28, 28]}


def classic(how: str, few) -> tuple[keras.Model, np.ndarray]:
    """Dense(64, relu) and Dense(10, softmax), after a step of training, and the digits as it takes them."""
    first = {
        "told its input": [LAYERS.Input((784,))],
        "built by fit": [],
        "Flatten first": [LAYERS.Flatten(input_shape=(28, 28))],
    }[how]
    model = keras.Sequential([*first, LAYERS.Dense(64, activation="relu"), LAYERS.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = few[0].reshape(-1, *HOW[how][1:])
    model.fit(x, few[1], verbose=0)
    return model, x


def as_keras_2(model: keras.Model, how: str, path: Path) -> None:
    """The model as Keras 2 writes model.h5: other names in its configuration, other places of its weights."""
    batch = {"batch_input_shape": HOW[how]}
    layers = [{"class_name": "InputLayer", "config": {**batch, "dtype": "float32", "name": "dense_input"}}]
    if how == "Flatten first":
        layers.append({"class_name": "Flatten", "config": {"name": "flatten", "dtype": "float32", **batch}})
    for name, units, activation in (("dense", 64, "relu"), ("dense_1", 10, "softmax")):
        drawn = {"class_name": "GlorotUniform", "config": {"seed": None}}
        config = {"name": name, "trainable": True, "dtype": "float32", "units": units, "activation": activation}
        layers.append({"class_name": "Dense", "config": {**config, "use_bias": True, "kernel_initializer": drawn}})
    whole = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs.update(keras_version="2.15.0", backend="tensorflow", model_config=json.dumps(whole))
        file.attrs["training_config"] = json.dumps({"loss": "sparse_categorical_crossentropy"})
        group = file.create_group("model_weights")
        group.attrs.update(keras_version="2.15.0", backend="tensorflow")
        group.attrs["layer_names"] = [each["config"]["name"].encode() for each in layers[1:]]
        weights = iter(model.get_weights())
        for layer in layers[1:]:
            name = layer["config"]["name"]
            names = [f"{name}/kernel:0", f"{name}/bias:0"] if layer["class_name"] == "Dense" else []
            place = group.create_group(name)
            place.attrs["weight_names"] = [each.encode() for each in names]
            for each in names:
                place[each] = next(weights)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("file", ["model.h5 of Keras 2", "model.h5", "model.keras"])
def test_the_classic_loads_and_is_attacked_on_its_logits(file, how, few, tmp_path):
    model, x = classic(how, few)
    path = tmp_path / file.split()[0]
    if file.endswith("Keras 2"):
        as_keras_2(model, how, path)
    else:
        model.save(path)
    read = load(path)
    np.testing.assert_allclose(read.probabilities(few[0]), model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    assert not np.allclose(read.logits(few[0]).sum(axis=1), 1)
    result = attacks.get("pgd")(steps=5)(read, *few, eps=0.1)
    assert result.gradients[0] == 5 and (result.linf <= 0.1 + 1e-6).all()
