"""The sweep: one digit over many budgets in one batch, equal to attacking it once for each."""

import numpy as np
import pytest

from core import attacks
from core.sweep import COUNT, EPS_MAX, grid, sweep
from tests.support import brief, pairs, two_class


@pytest.fixture(scope="module")
def digit(few):
    return few[0][3], int(few[1][3])


@pytest.mark.parametrize(("name", "norm"), pairs())
def test_it_runs_from_the_digit_itself_to_the_largest_budget(plain, digit, name, norm):
    x, y = digit
    swept = sweep(plain, x, y, brief(attacks.get(name)), norm=norm)
    assert swept.epsilons.shape == (61,) and swept.epsilons.dtype == np.float64
    assert swept.epsilons[0] == 0 and swept.epsilons[-1] == pytest.approx(EPS_MAX[norm])
    even = np.arange(61) * EPS_MAX[norm] / 60
    np.testing.assert_allclose(swept.epsilons, np.floor(even + 0.5) if norm == "l0" else even)
    result = swept.result
    assert len(result) == 61 and result.norm == norm and (result.labels == y).all()
    np.testing.assert_array_equal(result.adversarial[0], x)
    np.testing.assert_array_equal(result.clean, np.repeat(x[None], 61, axis=0))
    assert (result.size <= swept.epsilons + 1e-6).all()


@pytest.mark.parametrize(("name", "norm"), [("pgd", "linf"), ("pgd", "l2"), ("fgsm", "linf"), ("noise", "l1")])
def test_each_row_is_the_attack_at_that_budget(plain, digit, name, norm):
    x, y = digit
    swept = sweep(plain, x, y, attacks.get(name)(), norm=norm, seed=4)
    for row in (7, 30, 60):
        alone = attacks.get(name)()(plain, x[None], np.array([y]), eps=swept.epsilons[row], norm=norm, seed=4)
        assert alone.success[0] == swept.result.success[row]
        assert np.mean(np.abs(alone.adversarial[0] - swept.result.adversarial[row]) > 1e-3) < 0.05


def test_first_fooled_is_the_first_budget_that_succeeds(plain, digit):
    x, y = digit
    swept = sweep(plain, x, y, attacks.get("pgd")())
    first = int(np.flatnonzero(swept.result.success)[0])
    assert first > 0 and swept.first_fooled == swept.epsilons[first]
    hopeless = sweep(plain, x, y, attacks.get("pgd")(), eps_max=1e-3, count=5)
    assert hopeless.first_fooled is None


def test_first_fooled_brackets_the_closed_form():
    """On a linear model the digit falls at its margin over the dual norm: the first budget of the grid beyond that."""
    w = np.random.default_rng(0).normal(size=784)
    grey = np.full((28, 28, 1), 0.5, np.float32)
    falls_at = 0.1234
    model = two_class(w, bias=falls_at * np.abs(w).sum() - 0.5 * w.sum())
    swept = sweep(model, grey, 0, attacks.get("fgsm")())
    assert swept.first_fooled == pytest.approx(0.125)


def test_the_path_keeps_every_row_of_every_iterate(plain, digit):
    x, y = digit
    swept = sweep(plain, x, y, attacks.get("pgd")(steps=12), count=9, path=True)
    path = swept.result.path
    assert path is not None and path.shape == (13, 9, 28, 28, 1)
    np.testing.assert_array_equal(path[:, 0], np.repeat(x[None], 13, axis=0))
    np.testing.assert_allclose(path[-1], swept.result.adversarial, atol=1e-6)


def test_epsilons_of_ones_own_and_a_target(plain, digit):
    x, y = digit
    aim = (y + 1) % 10
    swept = sweep(plain, x, y, attacks.get("pgd")(), epsilons=[0.05, 0.1, 0.3], target=aim)
    np.testing.assert_array_equal(swept.epsilons, [0.05, 0.1, 0.3])
    assert swept.result.target is not None and (swept.result.target == aim).all()
    np.testing.assert_array_equal(swept.result.success, swept.result.prediction == aim)


def test_the_confidence_in_the_label_falls_smoothly(plain, digit):
    """All rows start in the same direction, so the curve that the page draws has no jitter from row to row."""
    x, y = digit
    curve = sweep(plain, x, y, attacks.get("fgsm")(), eps_max=0.1).result.probabilities[:, y]
    assert np.abs(np.diff(curve)).max() < 0.35
    assert (np.diff(curve) < 0.02).mean() > 0.9


def test_the_epsilons_of_l0_are_whole_pixels():
    for eps_max, count in [(None, COUNT), (100, 61), (7, 61), (1, 1)]:
        epsilons = grid("l0", eps_max, count)
        assert (epsilons == epsilons.astype(int)).all() and (np.diff(epsilons) >= 1).all() and epsilons[0] == 0
        assert len(epsilons) <= count and (
            count == 1 or epsilons[-1] == (EPS_MAX["l0"] if eps_max is None else eps_max)
        )
