"""What detectors see in each digit's features, neighbours, gradient or loss: closed forms, and that poison is found."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import poisoning, zoo
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError
from core.objectives import cross_entropy
from core.poisoning import _sides
from core.poisoning.activation_clustering import best_split, reduced
from core.poisoning.gradient_influence import agreement
from core.poisoning.knn_labels import disagreement
from core.poisoning.loss_filter import losses
from core.poisoning.spectral_signatures import direction
from tests.support import build, linear, some_digits

DRAW = 3  # the seed of all that is made up


def flagged(name: str, model: Classifier, poisoned: poisoning.Poisoned, **knobs) -> tuple[float, float]:
    """Precision and recall of what that detector flags."""
    found = poisoning.get(name)(**knobs).find(model, poisoned.digits, seed=1)
    score = poisoning.found(found.flagged, poisoned.touched)
    return score.precision, score.recall


def flagged_share(name: str, model: Classifier, digits: Digits, **knobs) -> float:
    return float(poisoning.get(name)(**knobs).find(model, digits, seed=1).flagged.mean())


def shown(points: np.ndarray, labels: np.ndarray) -> tuple[Classifier, Digits]:
    """A network whose hidden layer sees just these features (n, d) in [0, 1], and digits that have them."""
    width = points.shape[1]
    model = build(keras.layers.Flatten(), keras.layers.Dense(width), keras.layers.Dense(10))
    model.set_weights([np.eye(784, width), np.zeros(width), np.zeros((width, 10)), np.zeros(10)])
    images = np.zeros((len(points), 784), np.float32)
    images[:, :width] = points
    return Classifier(model, name="shown"), Digits(images.reshape(-1, 28, 28, 1), labels)


@pytest.fixture(scope="module")
def onwards(sets) -> tuple[poisoning.Poisoned, Classifier]:
    """A stamp that leads each digit to its next class, so that a tenth of every label is poison, and who learnt it."""
    done = poisoning.get("badnets")(leads="next", seed=1)(sets.train)
    return done, poisoning.learn(zoo.load("plain_mlp"), done.digits, seed=1)


class TestActivationClustering:
    def test_a_planted_group_is_found_as_far_away_as_it_lies(self):
        """Two clouds of variance 1 are as many deviations apart, by Ashman's D, as their centres are."""
        draw = np.random.default_rng(DRAW)
        points = draw.standard_normal((1000, 30))
        way = draw.standard_normal(30)
        group = np.arange(1000) < 100
        points[group] += 12.0 * way / np.linalg.norm(way)
        split = best_split(reduced(points, 20, 0), 10, 0)
        assert np.array_equal(split.group, group) or np.array_equal(split.group, ~group)
        assert split.gap == pytest.approx(12.0, rel=0.08)

    def test_one_cloud_is_split_no_wider_than_chance(self):
        split = best_split(reduced(np.random.default_rng(DRAW).standard_normal((1000, 30)), 20, 0), 10, 0)
        assert split.gap < 4.5

    def test_the_gap_by_hand_and_a_group_that_is_too_small(self):
        # Means 0 and 10, deviations 1 and 1: sqrt(2) * 10 / sqrt(1 + 1).
        values = np.array([-1.0, 1.0] * 20 + [9.0, 11.0] * 3)[:, None]
        split = best_split(values, 6, 0)
        assert split.gap == pytest.approx(10.0) and split.group.sum() in (6, 40)
        assert best_split(values, 7, 0).gap == 0

    def test_features_that_do_not_vary_have_no_components(self):
        assert reduced(np.ones((50, 4)), 2, 0).shape == (50, 0)
        flat = np.zeros((50, 4))
        flat[:, 2] = np.arange(50)
        assert reduced(flat, 4, 0).shape == (50, 1)

    def test_it_finds_a_stamp_and_nothing_where_nothing_is(self, sets, stamped, owned, honest):
        found = poisoning.get("activation_clustering")().find(owned, stamped.digits, seed=1)
        assert poisoning.found(found.flagged, stamped.touched).f1 > 0.95
        assert np.argmax(found.classes) == 4 and found.points is not None
        assert flagged_share("activation_clustering", honest, sets.train) == 0


class TestSides:
    @pytest.mark.parametrize("rate", [0.03, 0.2])
    def test_the_poisoned_side_is_suspected_be_it_the_smaller_or_the_larger(self, sets, rate):
        done = poisoning.get("badnets")(rate=rate, seed=1)(sets.train)
        rows = np.flatnonzero(done.digits.labels == 4)
        poison = done.touched[rows]
        assert (poison.mean() < 0.5) == (rate == 0.03), "the test shows nothing: the sides are not as was meant"
        for group in (poison, ~poison):
            assert np.array_equal(_sides.suspects(done.digits, rows, group, 0), poison)


class TestSpectralSignatures:
    def test_the_score_is_the_squared_way_from_the_other_group_by_how_far_apart_they_are(self):
        draw = np.random.default_rng(DRAW)
        labels = np.arange(600) % 3
        points = 0.3 + 0.03 * draw.standard_normal((600, 6)) * np.arange(1, 7) ** 0.5
        planted = np.arange(1, 61, 3)  # twenty of the 200 digits that are called 1
        points[planted, 1] += 0.6
        found = poisoning.get("spectral_signatures")(components=6, expected=0.02).find(*shown(points, labels))
        centred = points - np.array([points[labels == label].mean(axis=0) for label in range(3)])[labels]
        white = centred @ np.linalg.inv(np.linalg.cholesky(centred.T @ centred / 599)).T
        for label in range(3):
            mine, score = white[labels == label], found.score[labels == label]
            ways = np.linalg.eigh(mine.T @ mine)[1]
            along = mine @ ways[:, -1]
            side = score > 0
            cuts = [along > cut for cut in np.sort(along)[:-1]]
            best = min(cuts, key=lambda up: along[up].var() * up.sum() + along[~up].var() * (~up).sum())
            assert np.array_equal(side, best) or np.array_equal(side, ~best)
            within = (along[side].var() * side.sum() + along[~side].var() * (~side).sum()) / 200
            apart = (along.var() - within) / within
            assert found.classes[label] == pytest.approx(apart, rel=1e-3)
            np.testing.assert_allclose(score[side], apart * (along[side] - along[~side].mean()) ** 2, rtol=1e-3)
        assert set(np.argsort(-found.score)[:20]) == set(planted) and np.nanargmax(found.classes) == 1
        assert np.array_equal(np.flatnonzero(found.flagged), np.sort(np.argsort(-found.score)[:18]))  # 1.5 * 0.02 * 600

    def test_the_direction_has_length_1_and_is_the_one_of_most_energy(self):
        points = np.outer(np.arange(-5, 6), [0.6, 0.8]) + 0.01 * np.random.default_rng(DRAW).standard_normal((11, 2))
        way = direction(points)
        assert abs(way @ [0.6, 0.8]) == pytest.approx(1.0, abs=1e-4) and np.linalg.norm(way) == pytest.approx(1.0)

    def test_it_finds_a_tenth_of_every_label(self, onwards):
        done, model = onwards
        precision, recall = flagged("spectral_signatures", model, done, components=10)
        assert recall > 0.7 and precision == pytest.approx(recall / 1.5, rel=0.01)  # it flags half as many again


class TestNeighboursLabels:
    def test_disagreement_by_hand(self):
        labels = np.array([0, 0, 1, 1, 2])
        near = np.array(
            [
                [0, 1, 2, 3],  # itself, then 0, 1, 1
                [4, 1, 0, 2],  # itself in second place: 2, 0, 1 count
                [3, 4, 0, 1],  # it has so many twins that it is not there itself: the first three count
            ]
        )
        shares = disagreement(near, np.array([0, 1, 2]), labels, 3)
        assert shares.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3])
        assert disagreement(near[:, :3], np.array([0, 1, 2]), labels, 2).tolist() == pytest.approx(
            [1 / 2, 1 / 2, 1 / 2]
        )
        assert disagreement(near[:, :2], np.array([0, 1, 2]), labels, 1).tolist() == [0, 1, 0]

    @pytest.mark.parametrize("where", ["pixels", "features"])
    def test_one_wrong_label_among_twins_stands_alone(self, where):
        points = np.repeat(np.eye(4), 50, axis=0)
        labels = np.repeat([0, 1, 2, 3], 50)
        labels[7] = 2
        found = poisoning.get("knn_labels")(where=where, neighbours=5).find(*shown(points, labels))
        assert np.flatnonzero(found.flagged).tolist() == [7] and found.score[7] == 1
        assert found.score[50:].max() == 0

    def test_it_finds_flips_and_half_of_many_stamps(self, sets, flipped, stamped, owned, misled, honest):
        precision, recall = flagged("knn_labels", misled, flipped)
        assert precision > 0.55 and recall > 0.95
        assert flagged_share("knn_labels", honest, sets.train) < 0.12
        assert flagged("knn_labels", owned, stamped)[1] > 0.35


class TestGradientInfluence:
    def test_agreement_equals_the_gradients_written_out(self):
        draw = np.random.default_rng(DRAW)
        errors, hidden, labels = draw.standard_normal((12, 10)), draw.standard_normal((12, 5)), np.arange(12) % 4
        labels[0] = 9  # the only one of its label agrees with nobody
        written = np.array([np.outer(e, h).ravel() for e, h in zip(errors, hidden, strict=True)])
        for row, found in enumerate(agreement(errors, hidden, labels)):
            others = (labels == labels[row]) & (np.arange(12) != row)
            expected = written[others].mean(axis=0) @ written[row] if others.any() else 0.0
            assert found == pytest.approx(expected)

    def test_the_scores_are_those_of_tensorflows_own_gradients(self):
        keras.utils.set_random_seed(DRAW)
        model = build(keras.layers.Flatten(), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(10))
        x, y = some_digits(100)
        slopes = []
        for at in range(100):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(cross_entropy(model(x[at : at + 1]), tf.constant(y[at : at + 1])))
            kernel, bias = tape.gradient(loss, model.layers[-1].trainable_variables)
            slopes.append(np.concatenate([kernel.numpy().ravel(), bias.numpy()]))
        slopes = np.array(slopes, np.float64)

        def score(how: str) -> np.ndarray:
            return poisoning.get("gradient_influence")(how=how).find(Classifier(model), Digits(x, y)).score

        np.testing.assert_allclose(score("self"), (slopes**2).sum(axis=1), rtol=1e-3)
        ways = slopes / np.linalg.norm(slopes, axis=1, keepdims=True)
        for row, found in enumerate(score("direction")):
            others = (y == y[row]) & (np.arange(100) != row)
            assert found == pytest.approx(1.0 - ways[others].mean(axis=0) @ ways[row], abs=1e-4)

    def test_it_finds_flips_and_stamps(self, flipped, misled, onwards):
        assert flagged("gradient_influence", misled, flipped)[0] > 0.9
        assert min(flagged("gradient_influence", onwards[1], onwards[0])) > 0.6

    def test_just_the_share_is_flagged(self, sets, honest):
        assert flagged_share("gradient_influence", honest, sets.train, share=0.03) == pytest.approx(0.03)


class TestLossFilter:
    def test_losses_are_keras_cross_entropies_and_never_endless(self, honest, sets):
        test = sets.test
        own = keras.ops.sparse_categorical_crossentropy(test.labels, honest.logits(test.images), from_logits=True)
        np.testing.assert_allclose(losses(honest, test), np.array(own), atol=1e-4)
        sure = linear(np.zeros((784, 10)), 1e6 * np.eye(10)[3])
        np.testing.assert_allclose(losses(sure, test), np.where(test.labels == 3, 0.0, 1e6))

    def test_the_other_folds_find_flips_that_the_network_knows_by_heart(self, sets):
        done = poisoning.get("label_flip")(seed=1)(sets.train[:600])
        model = poisoning.learn(zoo.load("plain_mlp"), done.digits, epochs=60, seed=1)
        assert poisoning.accuracy(model, done.digits) > 0.97, "the test shows nothing: it was not learnt by heart"
        assert flagged("loss_filter", model, done, judge="itself")[1] < 0.2
        precision, recall = flagged("loss_filter", model, done)
        assert precision > 0.45 and recall > 0.7

    def test_it_finds_flips_and_flags_few_where_none_are(self, sets, flipped, misled, honest):
        precision, recall = flagged("loss_filter", misled, flipped)
        assert precision > 0.75 and recall > 0.8
        assert flagged_share("loss_filter", honest, sets.test) < 0.12

    def test_whoever_ends_it_keeps_the_networks_own_losses(self, flipped, misled):
        found = poisoning.get("loss_filter")().find(misled, flipped.digits, watch=lambda *_: False)
        np.testing.assert_array_equal(found.score, losses(misled, flipped.digits))


def test_a_network_without_a_hidden_layer_is_refused(sets):
    flat = linear(np.zeros((784, 10)))
    for name in ("activation_clustering", "spectral_signatures", "gradient_influence"):
        with pytest.raises(InputError, match=r"has no hidden layer, .* Choose a network"):
            poisoning.get(name)().find(flat, sets.test)
