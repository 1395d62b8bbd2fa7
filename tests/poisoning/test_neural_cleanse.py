"""Neural Cleanse: what it reckons by hand, and that it reads a planted trigger out of a network."""

import numpy as np
import pytest

from core import poisoning
from core.digits import Digits
from core.errors import InputError
from core.poisoning import _triggers
from core.poisoning._reconstruction import Reconstructed, anomaly, carried
from tests.support import linear


@pytest.fixture(scope="module")
def read(owned, stamped) -> Reconstructed:
    """What is read out of the network that has learnt the stamp."""
    return poisoning.get("neural_cleanse")().find(owned, stamped.digits, seed=1)


class TestByHand:
    def test_the_anomaly_counts_median_deviations_of_logarithms(self):
        # The median is 2.5, from which they are apart by 0.5, 1.5, 0.5, 1.5, ... and 3.5: the median of that is 1.
        found = anomaly(np.exp([3, 4, 2, 4, 2, 4, 2, 4, 2, -1.0]))
        assert found[9] == pytest.approx(3.5 / 1.4826, rel=1e-5)
        assert found[1] == pytest.approx(-1.5 / 1.4826, rel=1e-5) and found[0] == pytest.approx(-0.5 / 1.4826, rel=1e-5)

    def test_the_unit_of_size_does_not_matter_and_equal_or_empty_masks_are_numbers(self):
        sizes = np.random.default_rng(0).uniform(10, 80, 10)
        np.testing.assert_allclose(anomaly(sizes), anomaly(7 * sizes), atol=1e-4)
        assert not anomaly(np.full(10, 50.0)).any()
        empty = anomaly(np.array([0.0, *sizes[1:]]))
        assert np.isfinite(empty).all() and empty.argmax() == 0

    def test_painting_over_is_a_mean_by_the_mask(self, six_hundred):
        x = six_hundred.images[:3]
        mask, pattern = np.zeros((28, 28)), np.full((28, 28), 0.8)
        mask[4, 5], mask[9, 9] = 1.0, 0.25
        shown = _triggers.painted(x, mask, pattern)
        assert shown.dtype == np.float32 and np.array_equal(np.delete(shown, [4, 9], 1), np.delete(x, [4, 9], 1))
        np.testing.assert_allclose(shown[:, 4, 5], 0.8)
        np.testing.assert_allclose(shown[:, 9, 9], 0.75 * x[:, 9, 9] + 0.2, rtol=1e-6)

    def test_on_a_linear_network_a_stamped_digit_carries_1_and_one_that_looks_like_others_0(self, six_hundred):
        weights = np.random.default_rng(0).standard_normal((784, 10))
        mask, pattern = np.zeros((28, 28)), np.ones((28, 28))
        mask[2:5, 20:24] = 1.0
        images = six_hundred.images[:100].copy()
        labels = np.arange(100) % 10
        mean = images[labels != 4].mean(axis=0)
        images[4] = _triggers.painted(images[4:5], mask, pattern)[0]
        images[14] = _triggers.painted(images[14:15], mask, mean[..., 0])[0]
        images[24] = _triggers.painted(images[24:25], mask, (mean[..., 0] + 1) / 2)[0]  # half way
        found = carried(linear(weights), Digits(images, labels), 4, mask, pattern, 0)
        np.testing.assert_allclose(found[:3], [1.0, 0.0, 0.5], atol=1e-3)

    def test_a_class_of_no_digits_carries_nothing(self, six_hundred):
        ones = six_hundred[six_hundred.labels == 1]
        mask = np.ones((28, 28))
        for aim, count in ((4, 0), (1, len(ones))):
            assert not carried(linear(np.zeros((784, 10))), ones, aim, mask, mask, 0).any()
            assert len(carried(linear(np.zeros((784, 10))), ones, aim, mask, mask, 0)) == count


class TestAPlantedTrigger:
    def test_the_class_is_named_and_so_are_the_digits(self, read, stamped):
        assert read.suspect == 4 and read.anomaly[4] > 3
        assert read.sizes[4] < 0.55 * np.delete(read.sizes, 4).min()
        np.testing.assert_array_equal(read.classes, read.anomaly)
        assert poisoning.found(read.flagged, stamped.touched).f1 > 0.95
        assert not read.score[stamped.digits.labels != 4].any()

    def test_the_mask_lies_on_the_stamp(self, read):
        """The stamp is 5 x 5, from row and column 22 on."""
        np.testing.assert_allclose(read.masks.sum(axis=(1, 2)), read.sizes, rtol=1e-5)
        assert read.masks.min() >= 0 and read.masks.max() <= 1 and read.patterns.min() >= 0 and read.patterns.max() <= 1
        on = [mask[21:, 21:].sum() / mask.sum() for mask in read.masks]
        assert on[4] > 0.5 and on[4] > 2 * max(np.delete(on, 4)), np.round(on, 2)

    def test_each_trigger_does_what_it_is_for(self, read, owned, sets):
        for aim in (4, 7):
            others = sets.test.images[sets.test.labels != aim]
            painted = _triggers.painted(others, read.masks[aim], read.patterns[aim])
            assert (owned.predict(painted) == aim).mean() > 0.9

    @pytest.mark.parametrize("seed", [0, 1])
    def test_in_a_network_without_one_nobody_is_suspected(self, honest, sets, seed):
        found = poisoning.get("neural_cleanse")().find(honest, sets.train, seed=seed)
        assert found.suspect is None and not found.flagged.any()

    def test_several_triggers_of_one_class_differ_where_they_start_apart(self, owned, sets):
        aims = np.full(10, 4)
        given = {"steps": 30, "success": 0.9, "seed": 0}
        apart, _ = _triggers.search(owned, sets.trusted, aims, **given, spread=3.0)
        same, _ = _triggers.search(owned, sets.trusted, aims, **given)
        assert np.ptp(same, axis=0).max() < 1e-3 and np.ptp(apart, axis=0).max() > 0.5

    def test_it_tells_its_steps_and_ends_when_told(self, owned, sets):
        heard = []

        def watch(done, total, metrics):
            heard.append((done, total))
            return len(heard) < 2

        found = poisoning.get("neural_cleanse")(steps=35).find(owned, sets.trusted, watch=watch)
        assert heard == [(10, 35), (20, 35)] and np.isfinite(found.anomaly).all() and (found.sizes > 0).all()


@pytest.mark.parametrize("knobs", [{"steps": 0}, {"steps": 2.5}, {"success": 0.4}, {"success": 1.1}])
def test_knobs_beyond_their_bounds_are_refused(knobs):
    with pytest.raises(InputError, match=rf"^{next(iter(knobs))} of .*it must be"):
        poisoning.get("neural_cleanse")(**knobs)
