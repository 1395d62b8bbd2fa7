"""What the scrubber is sent decodes to the result, as near as bytes allow."""

import numpy as np
import pytest

from core import attacks
from core.sweep import sweep
from pages.components import cache, scrubber
from tests.pages.driving import pictures
from tests.support import pairs

ROW_LISTS = ("epsilons", "scales", "success", "linf", "l2", "touched", "gradients", "forwards")


def question(attack: str, norm: str, x: np.ndarray, y: int) -> tuple:
    return ("plain_cnn", "version", attack, (), x.tobytes(), y, norm, None, 0)


@pytest.mark.parametrize(("name", "norm"), pairs())
def test_a_packed_sweep_decodes_to_its_result(plain, few, name, norm):
    x, y = few[0][3], int(few[1][3])
    done = sweep(plain, x, y, attacks.get(name)(), norm=norm, count=7)
    packed = scrubber.pack(done)
    original, change, probabilities = pictures(packed)
    result = done.result
    np.testing.assert_allclose(original, x.ravel(), atol=1e-6)
    exact = (result.adversarial.astype(np.float64) - result.clean).reshape(7, -1)
    largest = np.abs(exact).max(axis=1)
    assert (np.abs(change - exact).max(axis=1) <= largest / 254 + 1e-7).all()
    np.testing.assert_allclose(probabilities, result.probabilities, atol=1e-6)
    assert packed["success"] == result.success.tolist() and packed["touched"][0] == 0
    np.testing.assert_allclose(packed["linf"], result.linf)
    assert {len(packed[key]) for key in ROW_LISTS} == {7}


@pytest.mark.parametrize("eps", [0.0007, 0.123, 0.2999])
def test_one_more_row_lies_at_its_place_and_moves_no_other(plain, few, eps):
    asked = question("pgd", "linf", few[0][0], int(few[1][0]))
    grid, row = cache.swept(*asked), cache.swept(*asked, epsilons=(eps,))
    joined = scrubber.with_row(grid, row)
    at = joined["epsilons"].index(eps)
    assert joined["epsilons"] == sorted(joined["epsilons"]) and joined["stamp"] == eps
    assert all(len(joined[key]) == 62 for key in ROW_LISTS)
    for before, after, own in zip(pictures(grid)[1:], pictures(joined)[1:], pictures(row)[1:], strict=True):
        np.testing.assert_array_equal(np.delete(after, at, axis=0), before)
        np.testing.assert_array_equal(after[at], own[0])
    assert len(grid["epsilons"]) == 61  # the cached grid is as it was


def test_a_row_that_lies_on_the_grid_equals_the_grid_s(plain, few):
    """The same attack alone and among sixty others: batch mates change nothing that can be seen."""
    asked = question("pgd", "linf", few[0][1], int(few[1][1]))
    grid = cache.swept(*asked)
    alone = cache.swept(*asked, epsilons=(grid["epsilons"][40],))
    assert grid["success"][40] == alone["success"][0]
    np.testing.assert_allclose(pictures(grid)[2][40], pictures(alone)[2][0], atol=2e-3)


def test_a_film_holds_every_step(plain, few):
    asked = question("bim", "linf", few[0][0], int(few[1][0]))
    film = cache.filmed(*asked, 0.2)
    assert len(film["scales"]) == 11 and film["scales"][0] == 0 and max(film["scales"]) <= 0.2 + 1e-6
    _, change, probabilities = pictures({**film, "original": ""})
    last = pictures(cache.swept(*asked, epsilons=(0.2,)))
    assert np.abs(change[-1] - last[1][0]).max() < 0.2 / 100
    np.testing.assert_allclose(probabilities[-1], last[2][0], atol=1e-3)
