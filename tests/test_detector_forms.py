"""What detectors compute, where it has a closed form or a peer, and the hidden layer that some of them look at."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import jensenshannon, mahalanobis
from sklearn.neighbors import KernelDensity as Peer

from core import defenses, features, zoo
from core.classifier import Classifier
from core.defenses import feature_squeezing, kernel_density, lid, reconstruction
from core.defenses import mahalanobis as cloud
from core.digits import Digits, bundled
from core.errors import InputError
from tests.support import build, linear

HIDDEN = ("lid", "mahalanobis", "kernel_density")  # those that look at a hidden layer


@pytest.fixture(scope="module")
def fresh() -> Digits:
    """200 bundled digits, twenty a class."""
    return bundled()[::25]


class TestTheHiddenLayer:
    def test_the_two_halves_make_the_network(self, plain, fresh):
        x = tf.constant(fresh.images[:7])
        for back, width in ((1, 128), (2, 1568), (3, 3136), (9, 3136)):
            hidden, logits = features.halves(plain, back)
            assert hidden(x).shape == (7, width)
            assert np.allclose(logits(hidden(x)), plain.logits(x), atol=1e-4)

    @pytest.mark.parametrize("name", HIDDEN)
    def test_a_network_without_one_is_refused_in_a_sentence(self, name, fresh):
        with pytest.raises(InputError, match=r"no hidden layer, .* Choose a network"):
            defenses.get(name)().fit(linear(np.zeros((784, 10))), fresh)

    @pytest.mark.parametrize("name", HIDDEN)
    def test_a_network_that_is_no_chain_is_refused(self, name, fresh):
        image = keras.Input((28, 28, 1))
        flat = keras.layers.Flatten()(image)
        branches = [keras.layers.Dense(10)(flat) for _ in range(2)]
        model = Classifier(keras.Model(image, keras.layers.Add()(branches)))
        with pytest.raises(InputError, match="no plain chain of layers"):
            defenses.get(name)().fit(model, fresh)

    def test_too_many_features_are_refused(self):
        wide = build(keras.layers.Conv2D(8, 3, padding="same"), keras.layers.Flatten(), keras.layers.Dense(10))
        with pytest.raises(InputError, match="6,272 features; a detector can look at 4,096"):
            features.halves(Classifier(wide))

    @pytest.mark.parametrize("name", ("mahalanobis", "kernel_density"))
    def test_a_class_that_nobody_showed_is_named(self, plain, fresh, name):
        with pytest.raises(InputError, match="there is no 7"):
            defenses.get(name)().fit(plain, fresh[fresh.labels != 7])


class TestClosedForms:
    def test_the_dimensionality_of_distances_that_double_is_known(self):
        crowd = np.diag(2.0 ** -np.arange(6)).astype(np.float32)[:, :7]
        found = lid.dimensionality(tf.zeros((1, 6)), tf.constant(crowd), 4)
        # The four nearest lie at 1/32, 1/16, 1/8, 1/4: their logs below the farthest's are 3, 2, 1 and 0 times log 2.
        assert found.numpy() == pytest.approx(1 / (1.5 * np.log(2)), rel=1e-5)

    @pytest.mark.parametrize("dimensions", [2, 8])
    def test_the_dimensionality_of_a_uniform_cube_is_its_dimension(self, dimensions):
        draw = np.random.default_rng(0)
        crowd = np.zeros((4000, 20), np.float32)
        crowd[:, :dimensions] = draw.uniform(size=(4000, dimensions))
        found = lid.dimensionality(tf.fill((1, 20), 0.5) * (np.arange(20) < dimensions), tf.constant(crowd), 100)
        assert found.numpy() == pytest.approx(dimensions, rel=0.25)

    def test_a_member_of_the_crowd_is_not_its_own_neighbour(self):
        crowd = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
        own = lid.dimensionality(tf.constant(crowd[:1]), tf.constant(crowd), 10)
        others = lid.dimensionality(tf.constant(crowd[:1]), tf.constant(crowd[1:]), 10)
        assert own.numpy() == pytest.approx(others.numpy(), rel=1e-5)

    def test_a_crowd_all_at_one_place_is_finite(self):
        crowd = tf.ones((30, 4))
        for point in (tf.ones((1, 4)), tf.zeros((1, 4))):
            assert np.isfinite(lid.dimensionality(point, crowd, 10).numpy()).all()

    def test_the_distance_is_scipys(self):
        draw = np.random.default_rng(0)
        labels, skew = np.arange(1000) % 10, draw.normal(size=(5, 5))
        points = draw.normal(size=(1000, 5)) @ skew + labels[:, None]
        means, white = cloud.clouds(points, labels, 0.0)
        about = points - np.stack([points[labels == c].mean(axis=0) for c in range(10)])[labels]
        inverse = np.linalg.inv(about.T @ about / 1000)
        for point in draw.normal(size=(5, 5)):
            for c in range(10):
                expected = mahalanobis(point, points[labels == c].mean(axis=0), inverse)
                assert np.linalg.norm((point - means[c]) @ white) == pytest.approx(expected, rel=1e-9)

    def test_clouds_of_one_point_each_are_no_trouble(self):
        _, white = cloud.clouds(np.ones((20, 3)), np.arange(20) % 10, 0.01)
        assert not white.any()

    def test_the_density_is_scikit_learns(self):
        draw = np.random.default_rng(0)
        crowd, points = draw.normal(size=(80, 6)), draw.normal(size=(9, 6))
        for width in (0.3, 1.0):
            expected = Peer(bandwidth=width).fit(crowd).score_samples(points)
            one, many = (tf.constant(each, tf.float32) for each in (points, crowd))
            found = kernel_density.log_density(one, many, width, tf.ones((9, 80), tf.bool))
            assert np.allclose(found, expected, rtol=1e-3, atol=1e-3)
            half = np.arange(80) % 2 == 0
            expected = Peer(bandwidth=width).fit(crowd[half]).score_samples(points)
            found = kernel_density.log_density(one, many, width, tf.constant(np.tile(half, (9, 1))))
            assert np.allclose(found, expected, rtol=1e-3, atol=1e-3)

    def test_the_uncertainty_is_the_variance_of_the_probabilities(self):
        draw = np.random.default_rng(0)
        h, masks, weights = draw.uniform(size=(4, 6)), draw.integers(0, 2, size=(3, 6)), draw.normal(size=(6, 10))
        raised = np.exp((h[:, None] * masks) @ weights)
        expected = (raised / raised.sum(axis=-1, keepdims=True)).var(axis=1).sum(axis=1)
        h, masks, weights = (tf.constant(each, tf.float32) for each in (h, masks, weights))
        found = kernel_density.uncertainty(h, lambda rows: rows @ weights, masks)
        assert np.allclose(found, expected, rtol=1e-4)

    def test_the_divergence_is_scipys(self):
        p, q = np.random.default_rng(0).dirichlet(np.ones(10), size=(2, 6))
        found = reconstruction.divergence(tf.constant(p, tf.float32), tf.constant(q, tf.float32))
        expected = [jensenshannon(*pair) ** 2 for pair in zip(p, q, strict=True)]
        assert np.allclose(found, expected, rtol=1e-3, atol=1e-6)

    def test_rounding_leaves_so_many_levels_and_a_gradient_at_their_borders(self):
        x = tf.constant(np.linspace(0, 1, 1001, dtype=np.float32))
        for bits in (1, 3):
            with tf.GradientTape() as tape:
                tape.watch(x)
                found = feature_squeezing.rounded(x, bits)
            slope = tape.gradient(found, x).numpy()
            assert (
                len(np.unique(found.numpy())) == 2**bits
                and np.abs(found.numpy() - x).max() <= 0.5 / (2**bits - 1) + 1e-6
            )
            jumps = np.flatnonzero(np.diff(found))
            assert (slope[jumps] > 0.95).all() and slope.max() <= 1 and slope[0] < 1e-2

    def test_black_and_white_is_not_changed_by_one_bit(self, plain, fresh):
        watchman = defenses.get("feature_squeezing")(window=1).fit(plain, fresh)
        assert watchman.score(np.round(fresh.images[:20])).max() < 1e-5

    def test_noise_on_a_network_that_sees_nothing_leaves_its_doubt(self, fresh):
        bias = np.log(np.array([0.55] + [0.05] * 9))
        watchman = defenses.get("noise_consistency")().fit(linear(np.zeros((784, 10)), bias), fresh)
        assert np.allclose(watchman.score(fresh.images[:5]), 0.45, atol=1e-5)

    @pytest.mark.parametrize(("power", "expected"), [(1, 0.25), (2, 0.0625)])
    def test_the_error_of_a_known_redrawing(self, plain, fresh, monkeypatch, power, expected):
        shift = build(keras.layers.Rescaling(1.0, offset=0.25))
        monkeypatch.setattr(zoo, "autoencoder", lambda: shift, raising=False)
        watchman = defenses.get("reconstruction")(power=power).fit(plain, fresh)
        assert np.allclose(watchman.score(fresh.images[:4]), expected, atol=1e-5)
