"""Attacks of other shapes: the warp, the sticker, and one change for all digits, against what is known beforehand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import attacks, digits
from core.attacks import _many
from core.attacks._warp import warp
from core.classifier import Classifier
from core.errors import InputError
from tests.support import linear, some_digits, two_class

SHAPES = ("spatial", "patch", "universal")
RULED = np.zeros((784, 10))  # a model that reads nothing at all


def moved(x: np.ndarray, angle: float = 0.0, right: float = 0.0, down: float = 0.0) -> np.ndarray:
    """x (n, 28, 28, 1) turned by `angle` degrees and shifted."""
    given = (np.full(len(x), value, np.float32) for value in (np.deg2rad(angle), right, down))
    return warp(tf.constant(x), *given).numpy()


def shifted(x: np.ndarray, right: int, down: int) -> np.ndarray:
    """The same by slicing, for whole pixels."""
    wide = np.pad(x, ((0, 0), (28, 28), (28, 28), (0, 0)))
    return wide[:, 28 - down : 56 - down, 28 - right : 56 - right]


class TestTheWarp:
    def test_nothing_is_the_identity_bit_for_bit(self, hundred):
        np.testing.assert_array_equal(moved(hundred[0]), hundred[0])

    @pytest.mark.parametrize(("right", "down"), [(1, 0), (0, -2), (-3, 3), (27, 0), (28, 0), (0, -28)])
    def test_whole_pixels_are_exact_and_black_comes_in(self, hundred, right, down):
        np.testing.assert_array_equal(moved(hundred[0], right=right, down=down), shifted(hundred[0], right, down))

    @pytest.mark.parametrize("turns", [1, 2, 3])
    def test_right_angles_are_exact(self, hundred, turns):
        turned = np.rot90(hundred[0], turns, axes=(1, 2))  # counterclockwise, as one sees it
        np.testing.assert_allclose(moved(hundred[0], angle=90 * turns), turned, atol=1e-4)

    def test_half_a_pixel_is_the_mean_of_two(self, hundred):
        x = hundred[0]
        np.testing.assert_allclose(moved(x, right=0.5), (x + shifted(x, 1, 0)) / 2, atol=1e-6)

    def test_its_gradient_is_the_slope(self, hundred):
        x = tf.constant(hundred[0][:5])
        at = tf.constant(np.array([[0.2, 0.3, -1.4]] * 5, np.float32))
        weight = tf.constant(np.random.default_rng(0).normal(size=(28, 28, 1)).astype(np.float32))

        def height(at):
            return tf.reduce_sum(warp(x, *tf.unstack(at, axis=1)) * weight, axis=(1, 2, 3))

        with tf.GradientTape() as tape:
            tape.watch(at)
            value = height(at)
        slope = tape.gradient(value, at).numpy()
        for axis in range(3):
            step = 1e-3 * np.eye(3, dtype=np.float32)[axis]
            rise = (height(at + step) - height(at - step)).numpy() / 2e-3
            np.testing.assert_allclose(slope[:, axis], rise, rtol=0.05, atol=0.3)


class TestSpatial:
    def test_the_grid_finds_the_one_cell_that_fools(self):
        """One lit pixel, and a network that minds only the place three to the right and three up of it."""
        x = np.zeros((1, 28, 28, 1), np.float32)
        x[0, 14, 14] = 1
        w = np.zeros((28, 28))
        w[11, 17] = -10
        found = attacks.get("spatial")(degrees=0.0)(two_class(w.ravel(), bias=1.0), x, np.array([0]), eps=1.0)
        assert found.success[0] and found.size[0] == 1.0
        np.testing.assert_array_equal(found.adversarial, shifted(x, 3, -3))
        assert found.forwards[0] == 25

    @pytest.mark.parametrize("search", ["grid", "gradient"])
    def test_the_size_is_the_largest_share(self, plain, few, search):
        """The answer is the very warp whose share the result tells."""
        attack = attacks.get("spatial")(search=search, degrees=0.0, shift=4.0)
        eps = np.linspace(0.25, 1, len(few[0]))
        found = attack(plain, *few, eps=eps)
        assert (found.size <= eps + 1e-6).all() and (found.size > 0).any()
        only_turn = attacks.get("spatial")(search=search, degrees=20.0, shift=0.0)(plain, *few, eps=eps)
        for row, share in enumerate(only_turn.size):
            both = [moved(few[0][row : row + 1], angle=sign * 20 * share) for sign in (1, -1)]
            assert min(np.abs(each - only_turn.adversarial[row]).max() for each in both) < 1e-4

    def test_the_gradient_search_climbs(self, plain, hundred):
        one, many = (attacks.get("spatial")(search="gradient", restarts=1, steps=steps) for steps in (1, 20))
        assert many(plain, *hundred, eps=1.0).success.mean() >= one(plain, *hundred, eps=1.0).success.mean() + 0.2

    def test_every_forward_of_the_grid_and_of_the_climb_is_booked(self, plain, few):
        grid = attacks.get("spatial")(angles=3, shifts=3)(plain, *few, eps=0.5)
        assert (grid.forwards == 27).all() and not grid.gradients.any()
        climb = attacks.get("spatial")(search="gradient", steps=4, restarts=3)(plain, *few, eps=0.5)
        assert (climb.gradients == 12).all() and (climb.forwards == 15).all()

    def test_no_room_to_move_is_the_digit_itself(self, plain, few):
        for search in ("grid", "gradient"):
            still = attacks.get("spatial")(search=search, degrees=0.0, shift=0.0)(plain, *few, eps=1.0)
            np.testing.assert_array_equal(still.adversarial, few[0])


class TestPatch:
    @pytest.mark.parametrize("place", ["anywhere", "centre", "corner"])
    @pytest.mark.parametrize(("eps", "side"), [(0.9, 0), (1, 1), (8, 2), (36, 6), (48.9, 6), (49, 7), (784, 28)])
    def test_it_changes_nothing_outside_of_its_square(self, plain, few, place, eps, side):
        found = attacks.get("patch")(steps=2, place=place)(plain, *few, eps=eps)
        assert (found.l0 <= side * side).all()
        for change in found.change[..., 0]:
            rows, columns = np.nonzero(change)
            if len(rows):
                assert np.ptp(rows) < side and np.ptp(columns) < side
        assert side < 2 or (found.l0 > 0).all()

    def test_the_sticker_itself_stands_on_the_digit(self, plain, few):
        attack = attacks.get("patch")(steps=3, place="corner")
        sticker = attack.sticker(plain, 30)
        assert sticker.shape == (5, 5, 1) and sticker.min() >= 0 and sticker.max() <= 1
        np.testing.assert_array_equal(
            attack(plain, *few, eps=30).adversarial[:, 23:, 23:], np.repeat(sticker[None], 16, 0)
        )
        assert attack.sticker(plain, 0.5).shape == (0, 0, 1)

    def test_on_a_linear_model_it_is_black_and_white_as_the_weights_say(self):
        w = np.random.default_rng(0).normal(size=784)
        sticker = attacks.get("patch")(place="centre", step_size=1.0).sticker(two_class(w), 36, target=0)
        weights = w.reshape(28, 28, 1)[11:17, 11:17]
        np.testing.assert_array_equal(sticker, (weights > 0).astype(np.float32))

    def test_it_lands_elsewhere_for_another_seed_and_not_at_all_by_lot_in_a_corner(self, plain, few):
        def lands(place: str, seed: int) -> list[int]:
            found = attacks.get("patch")(steps=1, place=place)(plain, *few, eps=16, seed=seed)
            return [int(np.flatnonzero(change.any(axis=(1, 2)))[0]) for change in found.change]

        assert lands("anywhere", 0) != lands("anywhere", 1) and len(set(lands("anywhere", 0))) > 3
        assert set(lands("corner", 0)) == {24}

    def test_a_target_is_hit_from_every_class(self, plain, hundred):
        x, y = hundred
        rows = y != 3
        found = attacks.get("patch")(place="centre")(plain, x[rows], y[rows], eps=144, target=3)
        assert found.success.mean() > 0.5


class TestUniversal:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_on_a_linear_model_it_is_the_closed_form(self, norm):
        """Towards class 0: eps times the weights' signs in L-infinity, and along the weights in L2."""
        w = np.random.default_rng(1).normal(size=784)
        eps = {"linf": 0.17, "l2": 2.0}[norm]
        change = attacks.get("universal")().perturbation(two_class(w), eps, norm, target=0).ravel()
        expected = np.sign(w) * eps if norm == "linf" else w / np.linalg.norm(w) * eps
        np.testing.assert_allclose(change, expected, atol=1e-4)

    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_one_and_the_same_change_goes_onto_every_digit(self, plain, hundred, norm):
        eps = {"linf": 0.2, "l2": 3.0}[norm]
        attack = attacks.get("universal")(steps=10)
        change = attack.perturbation(plain, eps, norm)
        found = attack(plain, *hundred, eps=eps, norm=norm)
        np.testing.assert_allclose(found.adversarial, np.clip(hundred[0] + change, 0, 1), atol=1e-5)
        size = np.abs(change).max() if norm == "linf" else np.linalg.norm(change)
        assert 0.9 * eps < size <= eps * (1 + 1e-5)

    def test_scaling_down_is_as_good_as_learning_there(self, plain):
        """What the ladder rests on: from the top of a rung nearly down to the next, one lesson serves."""
        x, y = some_digits(200, start=300)
        attack = attacks.get("universal")()
        rung, below = (attack(plain, x, y, eps=eps).success.mean() for eps in (0.3, 0.21))
        assert rung > 0.7 and below > 0.4

    def test_it_fools_digits_that_it_never_saw(self, plain):
        """Learned on ten digits only, it carries over to others far better than chance does."""
        x, y = some_digits(100, start=400)
        found = attacks.get("universal")(digits=100)(plain, x, y, eps=0.3)
        noise = attacks.get("noise")()(plain, x, y, eps=0.3)
        assert found.success.mean() > noise.success.mean() + 0.4


class TestLessons:
    def test_a_second_digit_needs_no_second_lesson_and_books_as_much(self, plain, few, monkeypatch):
        attack = attacks.get("universal")(steps=7)
        first = attack(plain, few[0][:1], few[1][:1], eps=0.2, seed=77)
        monkeypatch.setattr(_many, "abreast", lambda *given: pytest.fail("It was learned again."))
        second = attack(plain, few[0][1:3], few[1][1:3], eps=0.2, seed=77)
        assert (first.gradients == 7 * _many.BATCH).all() and (second.gradients == 7 * _many.BATCH).all()

    def test_what_was_stopped_is_not_remembered(self, plain, few):
        attack = attacks.get("patch")(steps=41)
        stopped = attack(plain, *few, eps=36, seed=5, watch=lambda done, total, x: False)
        whole = attack(plain, *few, eps=36, seed=5)
        assert np.abs(stopped.adversarial - whole.adversarial).max() > 0.1

    def test_the_memory_forgets_the_oldest(self):
        memory = _many._Memory(2)
        for name in ("a", "b", "a", "c"):
            if memory.get(name) is None:
                memory.put(name, np.zeros(1))
        assert memory.get("b") is None and memory.get("a") is not None and memory.get("c") is not None

    def test_none_of_the_targets_own_class_is_learned_on(self):
        pool, labels, order, places = _many._class_room(target=3, count=200, steps=9, seed=1)
        assert pool.shape == (200, 28, 28, 1) and 3 not in labels.numpy() and len(set(labels.numpy())) == 9
        assert order.shape == (9, _many.BATCH) and len(np.unique(order.numpy()[:8])) == 200
        known = {image.tobytes() for image in digits.bundled().images}
        assert {image.tobytes() for image in pool.numpy()} <= known
        assert places.numpy().min() > 0 and places.numpy().max() < 1

    def test_no_such_target_is_refused(self, plain):
        for make in (attacks.get("universal")().perturbation, attacks.get("patch")().sticker):
            with pytest.raises(InputError, match="a class from 0 to 9"):
                make(plain, 0.1, target=10)


@pytest.mark.parametrize("name", SHAPES)
def test_models_that_give_nothing_to_go_by(few, name):
    """Constant outputs: nothing falls. Outputs that are no numbers: nothing breaks, and nothing counts as success."""
    attack, eps = attacks.get(name), {"spatial": 0.5, "patch": 40.0, "universal": 0.2}[name]
    for search in ("grid", "gradient") if name == "spatial" else ("",):
        made = attack(search=search) if search else attack(steps=5)
        constant = made(linear(RULED), *few, eps=eps)
        assert not constant.success.any() and np.isfinite(constant.adversarial).all()
        inputs = keras.Input((28, 28, 1))
        flat = keras.layers.Dense(10)(keras.layers.Flatten()(inputs))
        broken = keras.Model(inputs, flat)
        broken.set_weights([np.full((784, 10), np.nan, np.float32), np.zeros(10, np.float32)])
        result = made(Classifier(broken), *few, eps=eps)
        assert np.isfinite(result.adversarial).all() and result.adversarial.min() >= 0
        assert not (result.success & (few[1] == 0)).any()
