"""Trainings that resist poison: their closed forms, what they prove, and that they do resist."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import fit, poisoning
from core.classifier import Classifier
from core.digits import Digits, bundled
from core.errors import InputError
from core.objectives import CrossEntropy, Moment, cross_entropy
from core.poisoning import _each
from core.poisoning.partition_vote import certified, dealt
from core.poisoning.trimmed_loss import kept
from tests.support import build, some_digits

MOMENT = Moment(tf.constant(0.5), tf.constant([1, 2]))


def layered() -> keras.Model:
    """A small network with all the layers whose gradients are told apart, of weights that never change."""
    keras.utils.set_random_seed(3)
    return build(
        keras.layers.Conv2D(3, 5, 2, padding="same", activation="relu"),
        keras.layers.Conv2D(4, 3, padding="valid", dilation_rate=2, use_bias=False, activation="tanh"),
        keras.layers.Dense(3),
        keras.layers.Flatten(),
        keras.layers.Dense(12, activation="relu"),
        keras.layers.Dense(10),
    )


@pytest.fixture(scope="module")
def mlp() -> Classifier:
    return Classifier(
        build(keras.layers.Flatten(), keras.layers.Dense(24, activation="relu"), keras.layers.Dense(10)), name="mlp"
    )


@pytest.fixture(scope="module")
def noisy() -> tuple[Digits, Digits]:
    """1,500 digits of which 40 % have a wrong label, and 1,000 true ones."""
    draw = np.random.default_rng(1)
    every = bundled()[draw.permutation(5000)]
    labels = every.labels[:1500].copy()
    wrong = draw.permutation(1500)[:600]
    labels[wrong] = (labels[wrong] + draw.integers(1, 10, 600)) % 10
    return Digits(every.images[:1500].copy(), labels), every[1500:2500]


class TestGradientShaping:
    @pytest.mark.parametrize("cut", ["all", "some", "none"])
    def test_clipping_each_digits_gradient_equals_a_loop(self, cut):
        model = layered()
        x, y = (tf.constant(each) for each in some_digits(7))
        every = []
        for at in range(7):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(cross_entropy(model(x[at : at + 1]), y[at : at + 1]))
            every.append(tape.gradient(loss, model.trainable_variables))
        sizes = [float(tf.linalg.global_norm(own)) for own in every]
        length = {"all": 0.5 * min(sizes), "some": float(np.median(sizes)), "none": 2.0 * max(sizes)}[cut]
        losses, logits, gradients = _each.clipped(model, x, y, length)
        for place, found in enumerate(gradients):
            parts = [own[place].numpy() * min(1.0, length / size) for own, size in zip(every, sizes, strict=True)]
            np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=1e-4, atol=1e-5 * np.abs(parts).max())
        np.testing.assert_allclose(logits, model(x), atol=1e-5)
        np.testing.assert_allclose(losses, cross_entropy(model(x), y), rtol=1e-5, atol=1e-6)

    def test_the_noise_is_as_wide_as_told_and_new_in_each_step(self):
        model = layered()
        x, y = (tf.constant(each) for each in some_digits(8))

        def flat(noise, moment=MOMENT):
            shaping = poisoning.get("gradient_shaping")(clip=2.0, noise=noise)
            return np.concatenate([each.numpy().ravel() for each in shaping.gradients(model, x, y, moment)[2]])

        added = flat(3.0) - flat(0.0)
        assert added.std() == pytest.approx(3.0 * 2.0 / 8, rel=0.05) and abs(added.mean()) < 0.05
        later = flat(3.0, Moment(tf.constant(0.5), tf.constant([1, 3]))) - flat(0.0)
        assert abs(np.corrcoef(added, later)[0, 1]) < 0.1
        np.testing.assert_array_equal(flat(3.0), flat(3.0))

    def test_the_training_steps_along_the_objectives_own_gradients(self, six_hundred):
        class Still(CrossEntropy):
            def gradients(self, model, x, y, moment):
                losses, logits = self(model, x, y, moment)
                return losses, logits, [tf.zeros_like(each) for each in model.trainable_variables]

        model = layered()
        before = model.get_weights()
        fitted = fit.fit(model, six_hundred, fit.Plan(epochs=1), objective=Still())
        assert fitted.history[0]["loss"] > 1
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_what_it_cannot_tell_apart_is_refused(self, six_hundred):
        odd = build(keras.layers.Flatten(), keras.layers.BatchNormalization(), keras.layers.Dense(10))
        with pytest.raises(InputError, match=r"of type BatchNormalization, .* Choose a network without it\."):
            poisoning.get("gradient_shaping")().clean(Classifier(odd), six_hundred, epochs=1)
        image = keras.Input((28, 28, 1))
        flat = keras.layers.Flatten()(image)
        fork = keras.Model(image, keras.layers.Dense(10)(flat) + keras.layers.Dense(10)(flat))
        with pytest.raises(InputError, match=r"is no plain chain of layers, .* Choose a network"):
            poisoning.get("gradient_shaping")().clean(Classifier(fork), six_hundred, epochs=1)


class TestTrimmedLoss:
    def test_the_highest_losses_count_for_nothing_and_the_mean_is_that_of_the_others(self):
        losses = tf.constant([3.0, 1.0, 7.0, 1.0, 5.0])
        np.testing.assert_allclose(kept(losses, tf.constant(0.6)), [5.0, 5 / 3, 0.0, 5 / 3, 0.0], rtol=1e-6)
        assert float(tf.reduce_mean(kept(losses, tf.constant(0.6)))) == pytest.approx(5 / 3)
        np.testing.assert_array_equal(kept(losses, tf.constant(1.0)), losses)
        assert np.count_nonzero(kept(tf.ones(10), tf.constant(0.5))) == 5  # of equals, exactly so many
        assert np.count_nonzero(kept(losses, tf.constant(0.0))) == 1  # a step without any digit is none

    def test_it_reads_better_than_plain_training_where_labels_are_wrong(self, mlp, noisy):
        poisoned, true = noisy
        plain = poisoning.learn(mlp, poisoned, epochs=20)
        trimmed = poisoning.get("trimmed_loss")(share=0.4).clean(plain, poisoned, epochs=20)
        assert poisoning.accuracy(trimmed, true) > poisoning.accuracy(plain, true) + 0.05


class TestPartitionVote:
    def test_no_smaller_number_of_turned_votes_changes_the_winner_and_the_next_one_can(self):
        """All ways to hand seven votes to three classes, against all ways to turn some of them."""
        for votes in itertools.product(range(3), repeat=7):
            counts = np.bincount(votes, minlength=10)
            winner, radius = counts.argmax(), certified(counts[None])[0]
            ordered = sorted(votes, key=lambda vote: vote != winner)  # the winner's own are the first to be turned
            for turned, breaks in ((radius, False), (radius + 1, True)):
                ends = [
                    np.bincount([*[to] * turned, *ordered[turned:]], minlength=10).argmax() != winner
                    for to in range(3)
                    if turned <= counts[winner]
                ]
                assert any(ends) == breaks or (breaks and turned > counts[winner])

    def test_the_parts_hang_on_the_digits_alone(self, six_hundred):
        parts = dealt(six_hundred, 7)
        assert sum(len(part) for part in parts) == 600 and min(len(part) for part in parts) > 50
        order = np.random.default_rng(0).permutation(600)
        for part, again in zip(parts, dealt(six_hundred[order], 7), strict=True):
            np.testing.assert_array_equal(part.images, again.images)
            np.testing.assert_array_equal(part.labels, again.labels)
        less = dealt(six_hundred[1:], 7)
        assert sorted(len(a) - len(b) for a, b in zip(parts, less, strict=True)) == [0] * 6 + [1]

    def test_the_bound_is_never_broken_by_really_changing_that_many_digits(self, mlp):
        """The digits nearest to a test digit are put in, under the label of its runner-up."""
        every = bundled()[np.random.default_rng(2).permutation(5000)]
        train, spare, test = every[:120], every[150:3000], every[3000:3300]
        vote = poisoning.get("partition_vote")(parts=6)
        network = vote.clean(mlp, train, epochs=20)
        before = vote.votes(network, test.images)
        assert (before.counts.sum(axis=1) == 6).all() and set(before.certified) >= {0, 1, 2}
        assert np.array_equal(network.predict(test.images), before.counts.argmax(axis=1))
        changed = 0
        for number in (1, 2):
            aim = int(np.flatnonzero(before.certified == number - 1)[0])  # one more than is proven for this one
            winner = before.counts[aim].argmax()
            rival = np.where(np.arange(10) == winner, -1, before.counts[aim]).argmax()
            near = np.argsort(np.square(spare.images - test.images[aim]).sum(axis=(1, 2, 3)))[:number]
            labels = np.concatenate([train.labels, np.full(number, rival)])
            worse = Digits(np.concatenate([train.images, spare.images[near]]), labels)
            after = vote.votes(vote.clean(mlp, worse, epochs=20), test.images)
            assert np.abs(after.counts - before.counts).sum(axis=1).max() <= 2 * number
            same = after.counts.argmax(axis=1) == before.counts.argmax(axis=1)
            assert same[before.certified >= number].all()
            changed += (~same).sum()
        assert changed, "nothing that was put in had any effect: the test shows nothing"

    def test_votes_are_counted_whole_and_shares_are_what_a_softmax_shows(self, mlp, six_hundred):
        vote = poisoning.get("partition_vote")(parts=3)
        network = vote.clean(mlp, six_hundred, epochs=1)
        votes = vote.votes(network, six_hundred.images)
        np.testing.assert_allclose(network.probabilities(six_hundred.images), votes.counts / 3, atol=5e-3)
        split = votes.counts.max(axis=1) == 1
        lowest = (votes.counts[split] > 0).argmax(axis=1)
        assert split.any() and np.array_equal(network.predict(six_hundred.images[split]), lowest)

    def test_an_attacker_is_given_the_members_gradient(self, mlp, six_hundred):
        network = poisoning.get("partition_vote")(parts=3).clean(mlp, six_hundred, epochs=2)
        x = tf.constant(six_hundred.images[:8])
        with tf.GradientTape() as tape:
            tape.watch(x)
            top = tf.reduce_max(network.keras(x), axis=1)
        assert float(tf.reduce_max(tf.abs(tape.gradient(top, x)))) > 0  # pyright: ignore

    def test_another_network_has_no_votes(self, mlp, six_hundred):
        with pytest.raises(InputError, match=r"is no vote\. Pass one that Partition vote has made"):
            poisoning.get("partition_vote")().votes(mlp, six_hundred.images)
