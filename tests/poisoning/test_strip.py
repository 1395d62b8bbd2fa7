"""STRIP: its entropies by hand, whom it flags, and whom it alarms at."""

import numpy as np
import pytest

from core import poisoning
from core.digits import Digits
from core.errors import InputError
from tests.support import linear, some_digits


def entropies(logits: np.ndarray) -> np.ndarray:
    """Of the softmax of each row of logits (n, 10)."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)


class TestEntropy:
    def test_a_network_that_knows_nothing_has_that_of_ten_classes_and_one_that_is_sure_none(self, six_hundred):
        x = six_hundred.images[:5]
        strip = poisoning.get("strip")(overlays=8)
        np.testing.assert_allclose(strip.entropy(linear(np.zeros((784, 10))), x, six_hundred), np.log(10), rtol=1e-5)
        sure = linear(np.zeros((784, 10)), 100.0 * np.eye(10)[3])
        np.testing.assert_allclose(strip.entropy(sure, x, six_hundred), 0.0, atol=1e-5)

    @pytest.mark.parametrize("together", [1, 3])
    def test_under_one_picture_it_is_that_of_the_brighter_of_both(self, six_hundred, together):
        weights = np.random.default_rng(0).standard_normal((784, 10)) * 0.1
        x, over = six_hundred.images[:7], six_hundred[100:101]
        strip = poisoning.get("strip")(overlays=4, together=together)
        both = np.maximum(x, over.images).reshape(7, 784)
        np.testing.assert_allclose(strip.entropy(linear(weights), x, over), entropies(both @ weights), atol=1e-4)

    def test_under_several_it_is_the_mean_whoever_else_is_looked_at(self, six_hundred):
        weights = np.random.default_rng(0).standard_normal((784, 10)) * 0.1
        x, over = six_hundred.images[:140], six_hundred[:30]  # more than are looked at in one go
        strip = poisoning.get("strip")(overlays=100, together=1)
        found = strip.entropy(linear(weights), x, over, seed=5)
        np.testing.assert_allclose(strip.entropy(linear(weights), x[130:], over, seed=5), found[130:], atol=1e-5)
        alone = [entropies(np.maximum(x, each).reshape(140, 784) @ weights) for each in over.images]
        assert (np.min(alone, axis=0) < found).all() and (found < np.max(alone, axis=0)).all()
        np.testing.assert_allclose(found, np.mean(alone, axis=0), atol=0.25)  # each is drawn three times, or so
        assert not np.array_equal(found, strip.entropy(linear(weights), x, over, seed=6))

    def test_without_digits_to_lay_over_it_refuses(self, six_hundred):
        x, _ = some_digits(3)
        with pytest.raises(InputError, match="no digit to lay over others"):
            poisoning.get("strip")().entropy(linear(np.zeros((784, 10))), x, six_hundred[:0])


class TestFinding:
    def test_what_is_read_with_certainty_under_anything_is_flagged(self):
        """The network reads a 4 where the last pixel is white, and is otherwise as unsure as the first pixel says."""
        weights = np.zeros((784, 10))
        weights[783, 4], weights[0, 0] = 60.0, 2.0
        images = np.zeros((200, 784), np.float32)
        images[:, 0] = np.linspace(0, 1, 200)
        images[:10, 783] = 1.0
        labels = np.full(200, 7)
        labels[:10] = 4
        digits = Digits(images.reshape(-1, 28, 28, 1), labels)
        # Ten in two hundred have the pixel, so one overlay at a time leaves most of the others without it.
        found = poisoning.get("strip")(together=1, overlays=20).find(linear(weights), digits)
        assert np.flatnonzero(found.flagged)[:10].tolist() == list(range(10)) and (found.score[:10] > -1e-3).all()
        assert found.classes[4] == 1 and found.classes[0] == 0 and found.classes[7] < 0.15

    def test_stamps_are_found_and_few_others(self, sets, stamped, owned, honest):
        strip = poisoning.get("strip")()
        found = strip.find(owned, stamped.digits, seed=1)
        score = poisoning.found(found.flagged, stamped.touched)
        assert score.recall > 0.9 and score.precision > 0.6 and np.argmax(found.classes) == 4
        assert strip.find(honest, sets.train[:1000], seed=1).flagged.mean() < 0.04

    @pytest.mark.parametrize(("share", "beyond"), [(0.01, -3.747), (0.05, -2.132)])
    def test_the_threshold_lies_where_students_t_with_four_degrees_of_freedom_has_that_share(
        self, sets, honest, share, beyond
    ):
        """Its scale is that of the upper quartile, which in a table of that t lies at 0.741."""
        found = poisoning.get("strip")(false_alarms=share).find(honest, sets.test, seed=1)
        entropy = -found.score
        middle, upper = np.quantile(entropy, (0.5, 0.75))
        np.testing.assert_array_equal(found.flagged, entropy < middle + beyond / 0.741 * (upper - middle))

    def test_who_ends_it_leaves_the_others_unsuspected(self, sets, honest):
        done = []

        def watch(count, total, metrics):
            done.append((count, total, metrics["entropy"]))
            return False

        found = poisoning.get("strip")(overlays=5).find(honest, sets.test, watch=watch)
        (count, total, entropy), *others = done
        assert not others and 0 < count < total == 1000 and 0 < entropy < np.log(10)
        assert not found.flagged[count:].any() and (found.score[count:] <= found.score.min()).all()


class TestWatching:
    def test_stamped_digits_raise_the_alarm_and_clean_ones_seldom(self, sets, stamped, owned):
        watchman = poisoning.get("strip")().watch_over(owned, sets.trusted, seed=1)
        meant = sets.test.images[sets.test.labels != 4][:300]
        assert watchman.flags(stamped.attack.stamp(meant)).mean() > 0.85
        assert watchman.flags(meant).mean() < 0.12
        assert len(watchman.clean) == 400  # a fifth of 500 is laid over what is judged

    def test_a_threshold_takes_a_few_dozen_digits(self, sets, honest):
        with pytest.raises(InputError, match=r"There are 60 clean digits; at least 62 were expected"):
            poisoning.get("strip")().watch_over(honest, sets.trusted[:60])
