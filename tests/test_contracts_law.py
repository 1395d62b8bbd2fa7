"""The law that binds every attack: its ball and box, its seed, its batch, and what it was given."""

import numpy as np
import pytest

from core import attacks, norms
from core.result import Result
from tests.support import BY_NAME, WITH_NORM, attacked, brief, next_class, pairs, realistic


class TestTheLaw:
    @WITH_NORM
    def test_the_change_stays_in_the_ball_and_the_image_in_the_box(self, plain, few, name, norm):
        most = min(3 * realistic(norm), norms.get(norm).diameter)
        for eps in (realistic(norm), np.linspace(0, most, len(few[0]))):
            result = attacked(name, norm, plain, few, eps=eps)
            if not attacks.get(name).minimises:
                assert (result.size <= eps + 1e-6).all()
            assert (result.size[result.success] <= np.broadcast_to(eps, len(few[0]))[result.success] + 1e-6).all()
            assert result.adversarial.min() >= 0 and result.adversarial.max() <= 1

    @WITH_NORM
    def test_eps_zero_returns_the_image_itself_bit_for_bit(self, plain, few, name, norm):
        result = attacked(name, norm, plain, few, eps=0.0)
        np.testing.assert_array_equal(result.adversarial, few[0])
        assert not result.success.any()

    @WITH_NORM
    def test_eps_zero_among_others_is_the_identity_too(self, plain, few, name, norm):
        eps = np.where(np.arange(len(few[0])) % 2, realistic(norm), 0.0)
        result = attacked(name, norm, plain, few, eps=eps)
        np.testing.assert_array_equal(result.adversarial[::2], few[0][::2])
        assert (result.size[1::2] > 0).mean() >= (0.5 if attacks.get(name).minimises else 1)

    @pytest.mark.parametrize(("name", "norm"), [pair for pair in pairs() if attacks.get(pair[0]).minimises])
    def test_who_looks_for_the_smallest_change_needs_no_budget_and_gives_back_what_it_cannot_fool(
        self, plain, few, name, norm
    ):
        attack, (x, y) = brief(attacks.get(name)), few
        free = attack(plain, x, y, norm=norm)
        assert free.eps is None and free.success.mean() >= 0.5
        np.testing.assert_array_equal(free.adversarial[~free.fooled], x[~free.fooled])
        judged = attack(plain, x, y, eps=float(np.median(free.size)), norm=norm)
        assert judged.success.any() and not judged.success.all()

    @WITH_NORM
    def test_the_same_seed_gives_the_same_answer(self, plain, few, name, norm):
        one, two = (attacked(name, norm, plain, few, seed=5) for _ in range(2))
        np.testing.assert_array_equal(one.adversarial, two.adversarial)
        np.testing.assert_array_equal(one.logits_adversarial, two.logits_adversarial)

    @WITH_NORM
    def test_no_global_random_state_moves_it_or_is_moved(self, plain, few, name, norm):
        import keras

        np.random.seed(1)  # noqa: NPY002
        keras.utils.set_random_seed(1)
        one = attacked(name, norm, plain, few, seed=5)
        np.random.seed(2)  # noqa: NPY002
        keras.utils.set_random_seed(2)
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        two = attacked(name, norm, plain, few, seed=5)
        np.testing.assert_array_equal(one.adversarial, two.adversarial)
        np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002

    @WITH_NORM
    def test_an_image_does_not_depend_on_its_batch_mates(self, plain, few, name, norm):
        x, y = few
        together = attacked(name, norm, plain, few, seed=2)
        for row in (0, 7):
            alone = attacked(name, norm, plain, (x[row : row + 1], y[row : row + 1]), seed=2)
            assert alone.success[0] == together.success[row]
            if attacks.get(name).minimises:
                assert as_near(together, row, alone)
                continue
            np.testing.assert_allclose(alone.logits_adversarial[0], together.logits_adversarial[row], atol=0.2)
            assert mostly_equal(alone.adversarial[0], together.adversarial[row])
        backwards = attacked(name, norm, plain, (x[::-1].copy(), y[::-1].copy()), seed=2)
        assert (backwards.success[::-1] == together.success).all()

    @WITH_NORM
    def test_one_eps_an_image_equals_running_each_alone(self, plain, few, name, norm):
        x, y = few
        eps = realistic(norm) * np.linspace(0.2, 2, len(x))
        together = attacked(name, norm, plain, few, eps=eps)
        for row in (1, 9, 15):
            alone = attacked(name, norm, plain, (x[row : row + 1], y[row : row + 1]), eps=float(eps[row]))
            if attacks.get(name).minimises:
                assert as_near(together, row, alone)
                continue
            assert alone.success[0] == together.success[row]
            assert mostly_equal(alone.adversarial[0], together.adversarial[row])

    @WITH_NORM
    def test_what_it_was_given_is_left_as_it_was(self, plain, few, name, norm):
        x, y = few[0].copy(), few[1].copy()
        eps, aim = np.full(len(x), realistic(norm)), next_class(y)
        weights = [weight.copy() for weight in plain.keras.get_weights()]
        target = aim if attacks.get(name).targetable else None
        attacks.get(name)()(plain, x, y, eps=eps, norm=norm, target=target)
        np.testing.assert_array_equal(x, few[0])
        np.testing.assert_array_equal(y, few[1])
        np.testing.assert_array_equal(aim, next_class(y))
        assert (eps == realistic(norm)).all()
        for before, after in zip(weights, plain.keras.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)

    @BY_NAME
    def test_read_only_and_strided_images_and_other_floats_are_taken(self, plain, few, name):
        x, y = few
        norm = attacks.get(name).norms[0]
        frozen = x.copy()
        frozen.flags.writeable = False
        wide = np.repeat(x, 2, axis=0)[::2]
        usual = attacked(name, norm, plain, few)
        for given in (frozen, wide, x.astype(np.float64)):
            np.testing.assert_array_equal(attacked(name, norm, plain, (given, y)).adversarial, usual.adversarial)

    @BY_NAME
    def test_the_result_is_not_a_window_onto_the_callers_array(self, plain, few, name):
        x = few[0].copy()
        result = attacked(name, attacks.get(name).norms[0], plain, (x, few[1]), eps=0.0)
        x[:] = 0.123
        np.testing.assert_array_equal(result.clean, few[0])
        np.testing.assert_array_equal(result.adversarial, few[0])


def mostly_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal images up to a few pixels: in a larger batch, rounding may turn the sign of a gradient near zero."""
    return np.mean(np.abs(one - other) > 1e-3) <= 0.05


def as_near(together: Result, row: int, alone: Result) -> bool:
    """Whether a change found in company is as small as the one found alone: both end on the border, but where on it
    rounding may decide, and a few steps leave more to it than many."""
    both = together.fooled[row] == alone.fooled[0]
    return bool(both and together.size[row] == pytest.approx(alone.size[0], rel=0.05))
