"""Poison that is made along gradients: its ball, its labels, whom it is after, and that it does what it says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import features, poisoning
from core.classifier import Classifier
from core.digits import Digits, bundled
from core.errors import InputError
from core.poisoning.gradient_matching import matching
from tests.support import build, linear

AIMED = ["feature_collision", "gradient_matching"]
EPS = 0.2


@pytest.fixture(scope="module")
def some() -> tuple[Digits, Digits]:
    """1,500 digits to train on, 1,000 others."""
    every = bundled()[np.random.default_rng(4).permutation(5000)]
    return every[:1500], every[1500:2500]


@pytest.fixture(scope="module")
def network(some) -> Classifier:
    """What the attacker has: a network that reads such digits."""
    model = build(keras.layers.Flatten(), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10))
    return poisoning.learn(Classifier(model, name="mlp"), some[0], epochs=8)


@pytest.fixture(scope="module")
def victim(some, network) -> Digits:
    """A 9 that the network reads rightly and that is in no training set."""
    rows = np.flatnonzero((some[1].labels == 9) & (network.predict(some[1].images) == 9))
    return some[1][rows[:1]]


@pytest.fixture(scope="module", params=AIMED)
def aimed(request, some, network, victim) -> poisoning.Poisoned:
    attack = poisoning.get(request.param)(target=4, eps=EPS, rate=0.03, steps=20)
    return attack(some[0], model=network, victim=victim)


class TestAfterOneDigit:
    def test_labels_stay_and_only_the_class_is_touched_that_it_shall_be_read_as(self, aimed, some):
        assert aimed.count == 45 and not aimed.relabelled.any()
        assert (some[0].labels[aimed.touched] == 4).all()

    def test_no_pixel_leaves_the_ball(self, aimed):
        assert 0.5 * EPS < aimed.budget["linf"] <= EPS + 1e-6

    def test_the_digits_nearest_to_the_victim_are_those_that_are_moved(self, aimed, some, victim):
        far = np.square(some[0].images - victim.images).sum(axis=(1, 2, 3))
        left = (some[0].labels == 4) & ~aimed.touched
        assert far[aimed.touched].max() <= far[left].min()

    def test_a_victim_of_the_class_itself_is_refused(self, aimed, some, network, victim):
        attack = type(aimed.attack)(target=9)
        with pytest.raises(InputError, match="The victim is a 9, and target is 9"):
            attack(some[0], model=network, victim=victim)

    def test_whoever_watches_may_end_it(self, aimed, some, network, victim):
        heard = []

        def watch(done, total, metrics):
            heard.append(done / total)
            return len(heard) < 2

        attack = type(aimed.attack)(target=4, eps=EPS, rate=0.03, steps=20)
        ended = attack(some[0], model=network, victim=victim, watch=watch)
        assert len(heard) == 2 and 0 < heard[0] < heard[1] < 1
        assert ended.count == 45 and not np.array_equal(ended.digits.images, aimed.digits.images)


def test_a_collision_brings_the_features_together(some, network, victim):
    """Most of the way, and much further than as much noise does."""
    done = poisoning.get("feature_collision")(target=4, eps=EPS, rate=0.03)(some[0], model=network, victim=victim)
    see, _ = features.halves(network)
    goal = see(tf.constant(victim.images))

    def distance(images):
        return float(tf.reduce_mean(tf.norm(see(tf.constant(images)) - goal, axis=1)))

    clean = some[0].images[done.touched]
    noise = np.clip(clean + EPS * np.sign(np.random.default_rng(0).standard_normal(clean.shape)), 0, 1)
    assert distance(done.digits.images[done.touched]) < 0.3 * distance(clean)
    assert distance(noise.astype(np.float32)) > 0.8 * distance(clean)


@pytest.fixture(scope="module")
def matched(some, network, victim) -> poisoning.Poisoned:
    """What gradient matching makes of 45 of the 4s."""
    attack = poisoning.get("gradient_matching")(target=4, eps=EPS, rate=0.03, steps=20, networks=4)
    return attack(some[0], model=network, victim=victim)


class TestGradientMatching:
    def given(self, some) -> tuple[np.ndarray, np.ndarray]:
        """Seven 4s and a 9."""
        return tuple(some[0].images[some[0].labels == label][:count] for label, count in ((4, 7), (9, 1)))

    def test_on_a_linear_network_it_is_the_angle_between_outer_products(self, some):
        """The gradient by the weights is then the pixels times the errors of the probabilities."""
        x, v = self.given(some)
        model = linear(np.random.default_rng(0).standard_normal((784, 10)) / 28)

        def direction(images):
            pixels = np.pad(images.reshape(len(images), 784).astype(np.float64), ((0, 0), (0, 1)), constant_values=1.0)
            gradient = pixels.T @ (model.probabilities(images) - np.eye(10)[4]) / len(images)
            return gradient / np.linalg.norm(gradient)

        loss, _ = matching(model.keras)(tf.constant(x), tf.constant(v), tf.constant([4], tf.int64))
        assert float(loss) == pytest.approx(1.0 - (direction(x) * direction(v)).sum(), abs=1e-5)
        none, _ = matching(model.keras)(tf.constant(v), tf.constant(v), tf.constant([4], tf.int64))
        assert float(none) == pytest.approx(0.0, abs=1e-5)

    def test_its_gradient_says_where_it_falls(self, some, network):
        x, v = self.given(some)
        measure = matching(network.keras)

        def at(images):
            return measure(tf.constant(images), tf.constant(v), tf.constant([4], tf.int64))

        way = np.sign(at(x)[1].numpy())
        ahead, behind = (float(at((x + step * way).astype(np.float32))[0]) for step in (1e-3, -1e-3))
        assert ahead - behind == pytest.approx(2e-3 * np.abs(at(x)[1]).sum(), rel=0.1)

    def test_a_pixel_moves_towards_that_of_the_victim_or_not_at_all(self, matched, some, victim):
        before, now = (each.images[matched.touched] for each in (some[0], matched.digits))
        assert ((now - before) * (victim.images - before) >= 0).all()
        assert (np.abs(now - before) <= np.abs(victim.images - before) + 1e-6).all()

    def test_the_gradients_align_on_a_network_that_was_not_there(self, matched, some, network, victim):
        """Where the poison lies that was made for others; as much noise parts them."""
        stranger = poisoning.learn(network, some[0], epochs=2, seed=99)
        measure, target = matching(stranger.keras), tf.constant([4], tf.int64)

        def apart(images):
            return float(measure(tf.constant(images), tf.constant(victim.images), target)[0])

        clean = some[0].images[matched.touched]
        noise = np.clip(clean + EPS * np.sign(np.random.default_rng(0).standard_normal(clean.shape)), 0, 1)
        assert apart(matched.digits.images[matched.touched]) < 0.5 * apart(clean)
        assert apart(noise.astype(np.float32)) > 0.8 * apart(clean)

    @pytest.mark.parametrize("label, target", [(9, 4), (3, 5), (2, 6)])
    def test_a_network_trained_from_scratch_misreads_the_victim_and_no_other(self, some, network, label, target):
        rows = np.flatnonzero((some[1].labels == label) & (network.predict(some[1].images) == label))
        victim = some[1][rows[:1]]
        attack = poisoning.get("gradient_matching")(target=target, rate=0.03, steps=20, networks=4)
        poisoned = attack(some[0], model=network, victim=victim)
        clean, fooled = (poisoning.learn(network, each, seed=50) for each in (some[0], poisoned.digits))
        assert poisoning.attack_success(clean, poisoned, some[1]) == 0
        assert poisoning.attack_success(fooled, poisoned, some[1]) == 1
        assert poisoning.accuracy(fooled, some[1]) > poisoning.accuracy(clean, some[1]) - 0.03


class TestCleanLabelStamp:
    def test_labels_stay_and_the_rest_of_the_picture_moves_within_the_ball(self, some, network):
        attack = poisoning.get("clean_label")(target=6, eps=EPS, rate=0.05, steps=10)
        done = attack(some[0], model=network)
        assert done.count == 75 and not done.relabelled.any() and (some[0].labels[done.touched] == 6).all()
        stamp = (attack.stamp(np.zeros((1, 28, 28, 1))) > 0)[0]
        now, before = done.digits.images[done.touched], some[0].images[done.touched]
        assert (now[:, stamp] == 1).all()
        assert EPS / 2 < np.abs(now - before)[:, ~stamp].max() <= EPS + 1e-6

    def test_the_digits_become_hard_to_read_and_without_a_budget_only_the_stamp_is_there(self, some, network):
        def made(eps):
            done = poisoning.get("clean_label")(target=6, eps=eps, rate=0.05, steps=10)(some[0], model=network)
            return done, (network.predict(done.digits.images[done.touched]) == 6).mean()

        (hard, read), (stamped, still) = made(EPS), made(0.0)
        assert read < 0.2 < 0.8 < still
        clean = some[0].images[stamped.touched]
        assert np.array_equal(stamped.digits.images[stamped.touched], stamped.attack.stamp(clean))
        assert np.array_equal(hard.touched, stamped.touched)
