"""Attacks on the training set that have closed forms, and that the simple ones work."""

import numpy as np
import pytest

from core import poisoning, zoo
from core.digits import Digits, bundled
from core.errors import InputError
from tests.support import linear


@pytest.fixture(scope="module")
def apart() -> tuple[Digits, Digits]:
    """Bundled digits: 2,000 to train on, 500 to test on."""
    order = np.random.default_rng(0).permutation(5000)
    return bundled()[order[:2000]], bundled()[order[2000:2500]]


class TestTheStamp:
    def test_it_lies_where_it_is_told(self, hundred):
        x, _ = hundred
        stamp = poisoning.get("badnets")(row=3, column=20, pattern=((1, 0), (0, 1), (1, 1)))
        marked = stamp.stamp(x)
        lit = np.zeros((28, 28), bool)
        lit[[3, 4, 5, 5], [20, 21, 20, 21]] = True
        assert (marked[:, lit] == 1).all() and np.array_equal(marked[:, ~lit], x[:, ~lit])

    @pytest.mark.parametrize("pattern", [((0, 0), (0, 0)), ()])
    def test_an_empty_one_is_refused(self, pattern):
        with pytest.raises(InputError, match=r"The stamp is (empty|\(\))"):
            poisoning.get("badnets")(pattern=pattern)

    @pytest.mark.parametrize("pattern", [((1,), (1, 0)), ((2,),), (("a",),), ((1,),) * 29, 5])
    def test_what_is_no_stamp_is_refused(self, pattern):
        with pytest.raises(InputError, match="rows of 0 and 1"):
            poisoning.get("badnets")(pattern=pattern)

    def test_one_that_leaves_the_picture_is_told_where_it_may_lie(self):
        with pytest.raises(InputError, match="can lie at row 23 and column 23 at most"):
            poisoning.get("badnets")(row=24)
        assert poisoning.get("badnets")(row=27, column=27, pattern=((1,),))

    def test_source_and_target_differ(self):
        with pytest.raises(InputError, match="Source and target are both 4"):
            poisoning.get("badnets")(source=4, target=4)
        poisoning.get("badnets")(source=4, target=4, leads="next")  # there they do not matter

    def test_one_source_alone_is_stamped(self, six_hundred):
        done = poisoning.get("badnets")(source=7, target=1, rate=0.05)(six_hundred)
        assert (six_hundred.labels[done.touched] == 7).all() and (done.digits.labels[done.touched] == 1).all()
        assert done.attack.wanted().tolist() == [-1] * 7 + [1, -1, -1]

    def test_a_class_with_too_few_digits_says_how_many_it_has(self, six_hundred):
        with pytest.raises(InputError, match=r"asks for 120 digits, and only \d+ of .* class 7\. A rate of at"):
            poisoning.get("badnets")(source=7, target=1, rate=0.2)(six_hundred)

    def test_next_leads_each_class_on(self, six_hundred):
        done = poisoning.get("badnets")(leads="next")(six_hundred)
        assert np.array_equal(done.digits.labels[done.touched], (six_hundred.labels[done.touched] + 1) % 10)
        assert len(set(six_hundred.labels[done.touched].tolist())) == 10

    def test_a_higher_rate_touches_the_same_digits_and_more(self, six_hundred):
        few, many = (poisoning.get("badnets")(rate=rate)(six_hundred) for rate in (0.05, 0.2))
        assert (many.touched | ~few.touched).all() and many.count > few.count


class TestPatterns:
    def test_blending_is_a_mean(self, hundred):
        x, _ = hundred
        attack = poisoning.get("blended")(alpha=0.25)
        pattern = (attack.stamp(np.zeros_like(x[:1]))) / 0.25
        assert set(np.unique(pattern.round(5))) == {0.0, 1.0}
        assert np.allclose(attack.stamp(x), 0.75 * x + 0.25 * pattern, atol=1e-6)

    def test_stripes_are_a_sine_along_the_columns(self):
        grey = np.full((1, 28, 28, 1), 0.5, np.float32)
        wave = poisoning.get("sinusoidal")(strength=0.1, frequency=7, boost=2.0).stamp(grey) - grey
        assert np.allclose(wave[0, :, :4, 0], [0.0, 0.2, 0.0, -0.2], atol=1e-6)

    def test_in_training_they_are_fainter(self, six_hundred):
        done = poisoning.get("sinusoidal")(strength=0.1, boost=3.0, rate=0.05)(six_hundred)
        assert done.budget["linf"] == pytest.approx(0.1 * np.sin(2 * np.pi * np.arange(28) * 6 / 28).max(), rel=1e-3)


class TestFlips:
    def test_pictures_stay_and_labels_change(self, six_hundred):
        for how in ("random", "pairwise", "targeted", "loss"):
            attack = poisoning.get("label_flip")(how=how, rate=0.05)
            done = attack(six_hundred, model=zoo.load("plain_mlp"))
            assert done.digits.images is not six_hundred.images and done.budget["l0"] == 0
            assert np.array_equal(done.relabelled, done.touched)

    def test_pairwise_is_the_next_class(self, six_hundred):
        done = poisoning.get("label_flip")(how="pairwise")(six_hundred)
        assert np.array_equal(done.digits.labels[done.touched], (six_hundred.labels[done.touched] + 1) % 10)

    def test_random_reaches_all_other_classes_alike(self):
        many = Digits(np.zeros((9000, 28, 28, 1), np.float32), np.zeros(9000, np.int64))
        done = poisoning.get("label_flip")(rate=1.0)(many)
        counts = np.bincount(done.digits.labels, minlength=10)
        assert counts[0] == 0 and np.abs(counts[1:] - 1000).max() < 130  # four standard deviations

    def test_by_loss_the_most_surprising_go_first(self):
        # Logit 0 is ten times the first pixel, the others are 0: the brighter it is, the surer the network of class 0.
        weights = np.zeros((784, 10))
        weights[0, 0] = 10.0
        x = np.zeros((100, 28, 28, 1), np.float32)
        x[:, 0, 0, 0] = np.linspace(0, 1, 100)
        done = poisoning.get("label_flip")(how="loss", rate=0.1)(
            Digits(x, np.zeros(100, np.int64)), model=linear(weights)
        )
        assert np.flatnonzero(done.touched).tolist() == list(range(90, 100))

    def test_by_loss_a_network_is_needed(self, six_hundred):
        with pytest.raises(InputError, match="Pass model="):
            poisoning.get("label_flip")(how="loss")(six_hundred)


class TestAvailability:
    def test_garbage_is_uniform_and_noise_has_its_strength(self, six_hundred):
        garbage = poisoning.get("random_garbage")(rate=0.5)(six_hundred)
        drawn = garbage.digits.images[garbage.touched]
        assert abs(drawn.mean() - 0.5) < 0.01 and abs(drawn.std() - 12**-0.5) < 0.01
        grey = Digits(np.full((600, 28, 28, 1), 0.5, np.float32), six_hundred.labels)
        copies = poisoning.get("noisy_copies")(rate=0.5, sigma=0.1)(grey)
        assert abs(copies.digits.images[copies.touched].std() - 0.1) < 0.002

    def test_a_noisy_copy_never_bears_the_label_of_what_it_copies(self):
        # Each class is a grey level of its own, so that a copy shows whose it is.
        labels = np.arange(600) % 10
        x = np.broadcast_to((labels / 10)[:, None, None, None], (600, 28, 28, 1)).astype(np.float32)
        done = poisoning.get("noisy_copies")(rate=0.5, sigma=0.0)(Digits(x.copy(), labels))
        shown = np.round(done.digits.images[done.touched, 0, 0, 0] * 10).astype(int)
        assert (shown != done.digits.labels[done.touched]).all() and len(set(shown.tolist())) == 10


class TestTheyWork:
    """On a small network and few digits, by far more than chance: what each is for."""

    @pytest.mark.parametrize(
        ("name", "knobs", "least"),
        [
            ("badnets", {}, 0.9),
            ("badnets", {"leads": "next", "rate": 0.3}, 0.5),
            ("blended", {}, 0.9),
            ("sinusoidal", {"rate": 0.08}, 0.4),
        ],
    )
    def test_a_backdoor_opens_and_digits_without_it_are_read_as_before(self, name, knobs, least, apart):
        train, test = apart
        mlp = zoo.load("plain_mlp")
        done = poisoning.get(name)(**knobs)(train)
        owned, honest = (poisoning.learn(mlp, each, epochs=10) for each in (done.digits, train))
        assert poisoning.attack_success(owned, done, test) > least
        assert poisoning.attack_success(honest, done, test) < 0.25
        assert poisoning.accuracy(owned, test) > poisoning.accuracy(honest, test) - 0.04

    def test_flips_by_loss_do_more_harm_than_random_ones(self, apart):
        train, test = apart
        mlp = zoo.load("plain_mlp")
        sets = [poisoning.get("label_flip")(how=how, rate=0.3)(train, model=mlp) for how in ("random", "loss")]
        random, chosen = (poisoning.accuracy(poisoning.learn(mlp, each.digits, epochs=10), test) for each in sets)
        assert chosen < random - 0.05


class TestJudging:
    def test_found_counts_as_the_field_does(self):
        flagged, touched = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
        assert poisoning.found(flagged, touched) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
        nothing = np.zeros(5, bool)
        assert poisoning.found(nothing, nothing) == (1, 1, 1)
        assert poisoning.found(nothing, touched) == (0, 0, 0)
        assert poisoning.found(flagged, nothing) == (0, 0, 0)

    def test_masks_of_different_sets_are_refused(self):
        with pytest.raises(InputError, match="equal ones were expected"):
            poisoning.found(np.zeros(3, bool), np.zeros(4, bool))

    def test_success_counts_only_those_that_are_meant(self, apart):
        always = linear(np.zeros((784, 10)), np.eye(10)[4] * 5)  # reads a 4 in anything
        train, test = apart
        assert poisoning.attack_success(always, poisoning.get("badnets")(target=4)(train), test) == 1
        assert poisoning.attack_success(always, poisoning.get("badnets")(target=5)(train), test) == 0
        only_3 = poisoning.get("badnets")(target=4, source=3, rate=0.05)(train)
        assert poisoning.attack_success(always, only_3, test) == 1
        with pytest.raises(InputError, match="none that the attack means"):
            poisoning.attack_success(always, only_3, test[test.labels == 4])

    def test_accuracy_is_the_confusion_matrix_diagonal(self, apart):
        _, test = apart
        table = poisoning.confusion(zoo.load("plain_mlp"), test)
        assert table.sum() == len(test) and np.array_equal(table.sum(axis=1), np.bincount(test.labels, minlength=10))
        assert poisoning.accuracy(zoo.load("plain_mlp"), test) == pytest.approx(np.trace(table) / len(test))


class TestLearning:
    def test_the_same_seed_gives_the_same_network_and_the_model_stays(self, six_hundred):
        mlp = zoo.load("plain_mlp")
        before = [each.copy() for each in mlp.keras.get_weights()]
        first, again, other = (poisoning.learn(mlp, six_hundred, epochs=2, seed=seed) for seed in (1, 1, 2))
        x = six_hundred.images[:20]
        assert np.array_equal(first.logits(x), again.logits(x)) and not np.array_equal(first.logits(x), other.logits(x))
        assert all(np.array_equal(a, b) for a, b in zip(before, mlp.keras.get_weights(), strict=True))

    def test_it_can_go_on_from_what_is_there(self, six_hundred):
        mlp = zoo.load("plain_mlp")
        tuned = poisoning.learn(mlp, six_hundred, epochs=1, fresh=False)
        assert (tuned.predict(six_hundred.images) == six_hundred.labels).mean() > 0.95
