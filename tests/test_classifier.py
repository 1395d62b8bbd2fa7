"""The classifier: always logits, a version that follows the weights, and no model of another shape."""

import keras
import numpy as np
import pytest

from core.classifier import Classifier
from core.model_archives import ModelRefused
from tests.support import build, small, some_digits

LAYERS = keras.layers


class TestClassifier:
    def test_it_returns_logits_classes_and_probabilities(self, plain):
        x, y = some_digits(30)
        logits = plain.logits(x)
        assert logits.shape == (30, 10) and logits.dtype == np.float32
        np.testing.assert_allclose(logits, np.asarray(plain.keras(x, training=False)), rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(plain.predict(x), logits.argmax(axis=1))
        assert plain.predict(x).dtype == np.int64 and (plain.predict(x) == y).mean() > 0.9
        shares = plain.probabilities(x)
        assert shares.dtype == np.float32
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(shares.argmax(axis=1), plain.predict(x))

    def test_probabilities_of_huge_logits_are_numbers(self):
        model = small()
        model.set_weights([weight * 1e6 for weight in model.get_weights()])
        assert np.isfinite(Classifier(model).probabilities(some_digits(5)[0])).all()

    def test_a_large_batch_is_the_same_as_its_parts(self, plain):
        x, _ = some_digits(1100)
        whole = plain.logits(x)
        np.testing.assert_allclose(whole[:7], plain.logits(x[:7]), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(whole[-7:], plain.logits(x[-7:]), rtol=1e-3, atol=1e-3)

    def test_the_version_follows_architecture_and_weights(self):
        keras.utils.set_random_seed(0)
        one = small()
        twin = keras.models.clone_model(one)
        twin.set_weights(one.get_weights())
        assert Classifier(one).version == Classifier(one).version
        weights = one.get_weights()
        weights[0] = weights[0] + np.float32(1e-6)
        twin.set_weights(weights)
        assert Classifier(twin).version != Classifier(one).version

    def test_its_title_and_size(self):
        classifier = Classifier(small(), name="my_model")
        assert classifier.name == "my_model" and classifier.title
        assert classifier.parameters == small().count_params()

    @pytest.mark.parametrize(
        ("model", "said"),
        [
            (lambda: keras.Sequential([LAYERS.Input((32, 32, 1)), LAYERS.Flatten(), LAYERS.Dense(10)]), r"28, 28, 1"),
            (lambda: keras.Sequential([LAYERS.Input((28, 28, 3)), LAYERS.Flatten(), LAYERS.Dense(10)]), r"28, 28, 1"),
            (lambda: build(LAYERS.Flatten(), LAYERS.Dense(7)), r"10"),
            (lambda: build(LAYERS.Conv2D(10, 3)), r"10"),
            (lambda: keras.Sequential([LAYERS.Flatten(), LAYERS.Dense(10)]), r"28, 28, 1"),
        ],
        ids=["32 x 32", "colour", "seven classes", "a picture out", "not built"],
    )
    def test_a_model_of_another_shape_is_refused(self, model, said):
        with pytest.raises(ModelRefused, match=said):
            Classifier(model())
