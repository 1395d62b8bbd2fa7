"""Traps of masked gradients, tiny, saturated, missing or behind a softmax: what looks like strength, and is none."""

import keras
import numpy as np
import pytest

from core import attacks
from core.classifier import Classifier
from core.model_archives import ModelRefused
from tests.support import brief, build, linear, quick, realistic, scaled

GRADIENT = [name for name in attacks.names() if attacks.get(name).knowledge == "gradient"]
BY_GRADIENT = pytest.mark.parametrize("name", GRADIENT)
WITH_A_LOSS = pytest.mark.parametrize("name", [name for name in GRADIENT if hasattr(attacks.get(name), "loss")])


@pytest.fixture(scope="module")
def tiny(plain):
    return scaled(plain, 1e-10)


@pytest.fixture(scope="module")
def saturated(plain):
    return scaled(plain, 1000)


@WITH_A_LOSS
def test_the_size_of_the_gradient_does_not_matter(plain, tiny, few, name):
    """Logits times 1e-10: the same margin loss climbs in the same direction. CleverHans floored the gradient's norm."""
    for norm in attacks.get(name).norms:
        attack = attacks.get(name)(loss="margin")
        usual = attack(plain, *few, eps=realistic(norm), norm=norm)
        result = attack(tiny, *few, eps=realistic(norm), norm=norm)
        assert np.mean(np.abs(result.adversarial - usual.adversarial) > 1e-3) < 0.02, norm


@BY_GRADIENT
def test_no_gradient_at_all_gives_no_nan(few, name):
    """A constant model: torchattacks' MIM divided 0 by 0. Nothing can fall, and nothing may break."""
    constant = linear(np.zeros((784, 10)))
    for norm in attacks.get(name).norms:
        result = brief(attacks.get(name))(constant, *few, eps=realistic(norm), norm=norm)
        assert np.isfinite(result.adversarial).all() and np.isfinite(result.logits_adversarial).all()
        assert not result.success.any()


class Rounded(keras.layers.Layer):
    """Two grey levels: TensorFlow has no gradient for rounding, not even a zero."""

    def call(self, x):
        return keras.ops.round(x)


@BY_GRADIENT
def test_a_network_that_lets_no_gradient_through_breaks_nothing(plain, few, name):
    inputs = keras.Input((28, 28, 1))
    rounded = Classifier(keras.Model(inputs, plain.keras(Rounded()(inputs))), name="rounded")
    result = quick(attacks.get(name))(rounded, few[0][:3], few[1][:3], eps=realistic(attacks.get(name).norms[0]))
    assert np.isfinite(result.adversarial).all()


@WITH_A_LOSS
@pytest.mark.parametrize("loss", ["cross_entropy", "margin", "dlr"])
def test_saturated_logits_hide_nothing(plain, saturated, few, name, loss):
    """Logits times 1000: the softmax is 1 to the last bit and its gradient 0, yet as many digits fall as before."""
    norm = attacks.get(name).norms[0]
    eps = 4 * realistic(norm)
    attack = attacks.get(name)(loss=loss)
    usual = attack(plain, *few, eps=eps).success.mean()
    assert usual > 0.3
    assert attack(saturated, *few, eps=eps).success.mean() >= usual - 0.15


@pytest.mark.parametrize("where", ["in the last layer", "as a layer of its own", "as an activation layer"])
def test_a_softmax_at_the_end_is_taken_off(plain, few, where):
    """ART's issue 367: 16.9 % or 77.6 % under the same FGSM, by whether the wrapper saw logits or probabilities."""
    body = keras.models.clone_model(plain.keras)
    body.set_weights(plain.keras.get_weights())
    if where == "in the last layer":
        body.layers[-1].activation = keras.activations.softmax
        model = keras.models.clone_model(body)
        model.set_weights(body.get_weights())
    else:
        last = keras.layers.Softmax() if "own" in where else keras.layers.Activation("softmax")
        model = build(*body.layers, last)
    given = np.asarray(model(few[0], training=False))
    np.testing.assert_allclose(given.sum(axis=1), 1, rtol=1e-4)
    bare = Classifier(model)
    np.testing.assert_allclose(bare.logits(few[0]), plain.logits(few[0]), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(bare.probabilities(few[0]), given, rtol=1e-3, atol=1e-5)
    one, other = (attacks.get("fgsm")()(each, *few, eps=0.15) for each in (bare, plain))
    assert (one.success == other.success).all()
    np.testing.assert_allclose(np.asarray(model(few[0], training=False)), given, err_msg="the given model was changed")


def test_outputs_that_only_look_like_probabilities_are_named_as_such():
    inputs = keras.Input((28, 28, 1))
    share = keras.layers.Dense(10, activation="sigmoid")(keras.layers.Flatten()(inputs))
    mixed = keras.layers.Concatenate()([share, share])
    outputs = keras.layers.Dense(10, activation="softmax")(mixed)
    hidden = keras.Model(inputs, keras.layers.Rescaling(1.0)(outputs))
    with pytest.raises(ModelRefused, match="look like probabilities"):
        Classifier(hidden)
