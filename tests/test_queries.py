"""What attacks without a gradient spend: no image is shown more often than allowed, and every look is counted."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import attacks
from core.classifier import Classifier
from core.errors import InputError
from tests.support import ASKING, next_class, realistic


@keras.saving.register_keras_serializable("tests")
class Teller(keras.layers.Layer):
    """Passes images on and writes down how many came: what a service that is asked over a network would see."""

    def __init__(self, **more):
        super().__init__(**more)
        self.rows: list[int] = []

    def call(self, x):
        def note(images):
            self.rows.append(len(images))
            return images

        if not isinstance(x, tf.Tensor):
            return x
        passed = tf.numpy_function(note, [x], tf.float32, stateful=True)
        passed.set_shape(x.shape)
        return passed

    def compute_output_shape(self, shape):
        return shape


@pytest.fixture(scope="module")
def counting(plain):
    """The plain network, and the layer that counts what it is shown."""
    teller = Teller()
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, plain.keras(teller(inputs)))
    return Classifier(model, name="counting"), teller


@pytest.mark.parametrize(("name", "norm"), ASKING)
@pytest.mark.parametrize("queries", [1, 2, 7, 23, 150])
def test_no_image_is_shown_more_often_than_allowed(plain, few, name, norm, queries):
    for target in (None, next_class(few[1])):
        result = attacks.get(name)(queries=queries)(plain, *few, eps=realistic(norm), norm=norm, target=target)
        assert (result.forwards <= queries).all() and (result.forwards >= 1).all()
        assert not result.gradients.any()


@pytest.mark.parametrize(("name", "norm"), ASKING)
def test_a_budget_of_no_query_is_refused(name, norm):
    with pytest.raises(InputError, match=r"queries of \w+ is 0; it must be a whole number from 1 to"):
        attacks.get(name)(queries=0)


@pytest.mark.parametrize(("name", "norm"), ASKING)
@pytest.mark.parametrize("queries", [1, 7, 300])
def test_every_row_that_the_network_sees_is_counted_and_no_other(counting, few, name, norm, queries):
    model, teller = counting
    attack = attacks.get(name)(queries=queries)
    attack(model, *few, eps=realistic(norm), norm=norm)
    teller.rows.clear()
    result = attack(model, *few, eps=realistic(norm), norm=norm)
    judges_own = 2 * len(few[0])
    assert sum(teller.rows) == result.forwards.sum() + judges_own


def test_a_digit_that_is_fooled_costs_square_and_nes_nothing_more(plain, hundred):
    for name in ("square", "nes"):
        result = attacks.get(name)(queries=400)(plain, *hundred, eps=0.2)
        stood = ~result.success & ~result.already_wrong
        assert stood.any() and (result.forwards[stood] >= 380).all()
        assert np.median(result.forwards[result.success]) < 300
        assert (result.forwards[result.already_wrong] < 400).all()


@pytest.mark.parametrize(("name", "norm"), ASKING)
def test_the_film_knows_what_each_frame_had_cost(plain, few, name, norm):
    result = attacks.get(name)(queries=500)(plain, *few, eps=realistic(norm), norm=norm, path=True)
    told = result.path_forwards
    assert told is not None and told.shape == result.path.shape[:2] and told.dtype == np.int64
    assert 5 <= len(told) <= 65
    assert not told[0].any() and (np.diff(told, axis=0) >= 0).all()
    np.testing.assert_array_equal(told[-1], result.forwards)
    np.testing.assert_allclose(result.path[-1][result.success], result.adversarial[result.success], atol=1e-6)
    unseen = attacks.get(name)(queries=500)(plain, *few, eps=realistic(norm), norm=norm)
    np.testing.assert_array_equal(unseen.adversarial, result.adversarial)


@pytest.mark.parametrize("name", ["noise", "pgd", "fgsm", "fgm", "transfer"])
def test_the_others_tell_it_too(plain, few, name):
    result = attacks.get(name)()(plain, *few, eps=0.1 if name != "fgm" else 1.0, path=True)
    assert result.path_forwards.shape == result.path.shape[:2]
    assert (np.diff(result.path_forwards, axis=0) >= 0).all() and (result.path_forwards <= result.forwards).all()
    assert attacks.get(name)()(plain, *few, eps=0.0, path=True).path_forwards.shape == (1, len(few[0]))


def test_the_network_that_is_attacked_by_transfer_is_not_asked(counting, few):
    model, teller = counting
    teller.rows.clear()
    result = attacks.get("transfer")(source="plain_mlp")(model, *few, eps=0.2)
    assert sum(teller.rows) == 2 * len(few[0]), "the judge alone asks"
    assert not result.forwards.any() and not result.gradients.any() and not result.notes


def test_transfer_from_the_attacked_network_itself_owns_up_to_it(plain, few):
    result = attacks.get("transfer")(source="plain_cnn", steps=12, method="pgd")(plain, *few, eps=0.2)
    own = attacks.get("pgd")(steps=12)(plain, *few, eps=0.2)
    np.testing.assert_array_equal(result.adversarial, own.adversarial)
    np.testing.assert_array_equal(result.gradients, own.gradients)
    np.testing.assert_array_equal(result.forwards, own.forwards)
    assert "white-box" in result.notes[0]
