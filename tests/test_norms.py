"""Norms against NumPy: sizes, exact projections, steepest directions, and what a random start is distributed like."""

import numpy as np
import pytest
import tensorflow as tf

from core import norms
from core.errors import InputError
from core.seeds import Stream

ALL = norms.names()
ORDER = {"linf": np.inf, "l2": 2, "l1": 1, "l0": 0}
DUAL = {"linf": 1, "l2": 2, "l1": np.inf, "l0": np.inf}


def changes(count: int = 6, seed: int = 0) -> np.ndarray:
    """Changes of very different sizes (n, 28, 28, 1), the last about as large as the box allows."""
    draw = (
        np.random.default_rng(seed).normal(size=(count, 28, 28, 1))
        * 10.0 ** np.arange(1 - count, 1)[:, None, None, None]
    )
    return draw.astype(np.float32)


def flat(d: np.ndarray) -> np.ndarray:
    return np.asarray(d, np.float64).reshape(len(d), -1)


def project(name: str, d: np.ndarray, eps: float) -> np.ndarray:
    return norms.get(name).project(tf.constant(d), tf.fill([len(d)], np.float32(eps))).numpy()


def onto_simplex(size: np.ndarray, total: float) -> np.ndarray:
    """The textbook projection of one non-negative vector onto {sum <= total} by sorting (Duchi et al., 2008)."""
    if size.sum() <= total:
        return size
    falling = np.sort(size)[::-1]
    excess = (np.cumsum(falling) - total) / np.arange(1, len(size) + 1)
    return np.maximum(size - excess[np.flatnonzero(falling > excess)[-1]], 0)


def test_there_are_four_norms_with_their_titles_and_diameters():
    assert ALL == ("linf", "l2", "l1", "l0")
    assert [norms.get(name).title for name in ALL] == ["L∞", "L2", "L1", "L0"]
    assert [norms.get(name).diameter for name in ALL] == [1, 28, 784, 784]
    with pytest.raises(InputError, match=r"no norm named 'l3'.*linf, l2, l1, l0"):
        norms.get("l3")


@pytest.mark.parametrize("name", ALL)
def test_sizes_are_numpys(name):
    d = changes()
    np.testing.assert_allclose(norms.get(name).size(d), np.linalg.norm(flat(d), ord=ORDER[name], axis=1), rtol=1e-12)


def test_l0_counts_the_pixels_that_changed():
    d = np.zeros((2, 28, 28, 1), np.float32)
    d[1, :3, 0] = -1e-7
    assert norms.l0(d).tolist() == [0, 3]


@pytest.mark.parametrize("name", ALL)
def test_the_diameter_is_the_largest_change_the_box_allows(name):
    whole = np.ones((1, 28, 28, 1), np.float32)
    assert norms.get(name).size(whole)[0] == pytest.approx(norms.get(name).diameter)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("eps", [0.0, 0.05, 1.0, 20.0])
def test_projection_lands_in_the_ball_and_leaves_what_is_inside(name, eps):
    d = changes()
    there = project(name, d, eps)
    assert np.isfinite(there).all()
    assert (norms.get(name).size(there) <= eps * (1 + 1e-5)).all()
    inside = norms.get(name).size(d) <= eps
    np.testing.assert_array_equal(there[inside], d[inside])
    np.testing.assert_allclose(project(name, there, eps), there, atol=1e-6 * max(1, eps))


@pytest.mark.parametrize("eps", [0.05, 1.0, 20.0])
def test_projections_are_the_nearest_points(eps):
    d = changes()
    np.testing.assert_allclose(project("linf", d, eps), np.clip(d, -eps, eps), atol=1e-7)
    scale = np.minimum(1, eps / np.linalg.norm(flat(d), axis=1))[:, None, None, None]
    np.testing.assert_allclose(project("l2", d, eps), d * scale, rtol=1e-4, atol=1e-7)
    exact = [np.sign(row) * onto_simplex(np.abs(row), eps) for row in flat(d)]
    np.testing.assert_allclose(flat(project("l1", d, eps)), exact, atol=2e-4 * eps)


def test_the_l0_projection_keeps_the_pixels_that_changed_most():
    d = changes()
    kept = flat(project("l0", d, 20.9))
    assert (np.count_nonzero(kept, axis=1) == 20).all()
    order = np.sort(np.abs(flat(d)), axis=1)
    np.testing.assert_array_equal(np.abs(kept).max(axis=1), order[:, -1])
    np.testing.assert_array_equal(np.where(kept == 0, 9, np.abs(kept)).min(axis=1), order[:, -20])
    equal = np.full((1, 28, 28, 1), 0.5, np.float32)
    assert np.count_nonzero(project("l0", equal, 5.0)) == 5


def test_a_warp_is_no_change_of_pixels():
    assert "warp" not in ALL and not norms.get("warp").of_pixels and norms.get("warp").diameter == 1
    with pytest.raises(TypeError, match="cannot be told from pixels"):
        norms.get("warp").size(changes())


def test_the_l1_projection_is_no_rescaling():
    """Rescaling onto the L1 ball leaves every pixel touched: the projection sets the small ones to zero."""
    d = changes()[-1:]
    assert norms.l0(project("l1", d, 1.0))[0] < 50 < norms.l0(d)[0]


@pytest.mark.parametrize("name", ALL)
def test_steepest_has_norm_one_and_gains_the_dual_norm(name):
    g = changes()
    step = norms.get(name).steepest(tf.constant(g)).numpy()
    np.testing.assert_allclose(norms.get(name).size(step), 1, rtol=1e-5)
    gained = (flat(step) * flat(g)).sum(axis=1)
    np.testing.assert_allclose(gained, np.linalg.norm(flat(g), ord=DUAL[name], axis=1), rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_a_step_along_a_tiny_gradient_is_the_same_and_along_none_is_nothing(name):
    norm, x, g = norms.get(name), np.full((6, 28, 28, 1), 0.5, np.float32), changes()
    g /= np.abs(g).max(axis=(1, 2, 3), keepdims=True)
    length = tf.fill([6], np.float32(0.3))
    step = norm.step(tf.constant(x), tf.constant(g), length).numpy()
    tiny = norm.step(tf.constant(x), tf.constant(g * np.float32(1e-20)), length).numpy()
    np.testing.assert_allclose(tiny, step, atol=1e-6)
    none = norm.step(tf.constant(x), tf.zeros_like(g), length).numpy()
    np.testing.assert_array_equal(none, x)


def test_an_l1_step_fills_pixels_in_the_order_of_their_gradients_within_the_box():
    x = np.full((1, 28, 28, 1), 0.75, np.float32)
    g = np.zeros((1, 28, 28, 1), np.float32)
    x[0, 0, 0] = 0.9
    g[0, 0, 0], g[0, 0, 1], g[0, 0, 2] = 3.0, -2.0, 1.0
    step = norms.get("l1").step(tf.constant(x), tf.constant(g), tf.constant([0.4])).numpy() - x
    np.testing.assert_allclose(step[0, 0, :3, 0], [0.1, -0.25, 0.05], atol=1e-6)
    assert norms.l0(step)[0] == 3


class TestRandomStarts:
    """The start is uniform in the ball of its norm, not merely inside it."""

    COUNT = 2000

    def draw(self, name: str, seed: int = 0) -> np.ndarray:
        images = np.random.default_rng(1).uniform(size=(self.COUNT, 28, 28, 1)).astype(np.float32)
        return norms.get(name).uniform(Stream(images, seed))

    @pytest.mark.parametrize("name", ALL)
    def test_it_is_in_the_ball_centred_and_seeded(self, name):
        d = self.draw(name)
        assert d.shape == (self.COUNT, 28, 28, 1) and d.dtype == np.float32
        assert (norms.get(name).size(d) <= 1 + 1e-5).all()
        spread = d.std()
        assert abs(d.mean()) < 5 * spread / np.sqrt(d.size)
        assert np.abs(d.mean(axis=0)).max() < 6 * spread / np.sqrt(self.COUNT)
        np.testing.assert_array_equal(d, self.draw(name))
        assert not np.array_equal(d, self.draw(name, seed=1))

    @pytest.mark.parametrize("name", ["l2", "l1"])
    def test_radius_to_the_power_of_the_dimension_is_uniform(self, name):
        """Nearly all of a ball in 784 dimensions is near its surface: half of it lies beyond 99.9 % of the radius."""
        rank = np.sort(norms.get(name).size(self.draw(name)) ** 784)
        even = (np.arange(self.COUNT) + 0.5) / self.COUNT
        assert np.abs(rank - even).max() < 1.95 / np.sqrt(self.COUNT)  # Kolmogorov and Smirnov, at 0.1 %

    def test_linf_is_uniform_in_each_pixel(self):
        values = np.sort(self.draw("linf")[:, ::7, ::7].ravel())
        even = np.linspace(-1, 1, len(values))
        assert np.abs(values - even).max() < 2 * 1.95 / np.sqrt(len(values))

    def test_l1_pixels_are_laplacian_not_gaussian(self):
        """In the uniform L1 ball a pixel is nearly Laplace: its kurtosis is 6, where the L2 ball's pixel has 3."""
        for name, kurtosis in (("l1", 6.0), ("l2", 3.0)):
            d = flat(self.draw(name)).ravel()
            assert np.mean(d**4) / np.mean(d**2) ** 2 == pytest.approx(kurtosis, rel=0.05)
