"""The nearest point on a hyperplane within the box, against linear programming and least squares on small problems."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linprog, lsq_linear

from core.attacks._hyperplane import to_plane

ORDER = {"linf": np.inf, "l2": 2, "l1": 1}
P = 7


def problems(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points with pixels on the box's bounds, weights with zeros and equals among them, and gaps of both signs."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(count, P))
    points[rng.uniform(size=points.shape) < 0.3] = 0.0
    points[rng.uniform(size=points.shape) < 0.1] = 1.0
    w = rng.normal(size=(count, P)) * 10 ** rng.uniform(-3, 3, size=(count, 1))
    w[rng.uniform(size=w.shape) < 0.15] = 0.0
    alike = rng.uniform(size=w.shape) < 0.3
    w = np.where(alike, np.sign(w) * np.abs(w).max(axis=1, keepdims=True), w)
    reach = np.where(w > 0, 1 - points, -points)
    share = rng.uniform(0.02, 0.98, size=count)
    up, down = (w * reach).sum(axis=1), (w * np.where(w > 0, -points, 1 - points)).sum(axis=1)
    return points, w, share * np.where(rng.uniform(size=count) < 0.5, up, down)


def moved(norm: str, points: np.ndarray, w: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """to_plane on float32 tensors."""
    given = (tf.constant(each, tf.float32) for each in (points, w, gap))
    return to_plane(norm, *given).numpy().astype(np.float64)


def least(norm: str, point: np.ndarray, w: np.ndarray, gap: float) -> float:
    """The size of the smallest change, by a solver that knows nothing of the closed form."""
    if norm == "l2":
        # Least squares within bounds, with the plane as one more, very heavy, equation.
        rows, aims = np.vstack([np.eye(P), 1e4 * w / np.abs(w).max()]), np.append(np.zeros(P), 1e4 * gap)
        aims[P] /= np.abs(w).max()
        found = lsq_linear(rows, aims, bounds=(-point, 1 - point), method="bvls", tol=1e-14)
        assert found.success, found.message
        return float(np.linalg.norm(found.x))
    # d = up - down, with up and down at least 0; one more variable bounds them all in L-infinity.
    bound = norm == "linf"
    cost = [0.0] * 2 * P + [1.0] if bound else [1.0] * 2 * P
    each = np.concatenate([np.eye(P), np.eye(P)], axis=1)
    found = linprog(
        cost,
        A_eq=[np.concatenate([w, -w, [0.0] * bound]) / np.abs(w).max()],
        b_eq=[gap / np.abs(w).max()],
        A_ub=np.concatenate([each, -np.ones((P, 1))], axis=1) if bound else None,
        b_ub=np.zeros(P) if bound else None,
        bounds=[(0, room) for room in (*(1 - point), *point)] + [(0, None)] * bound,
    )
    assert found.success, found.message
    return found.fun


@pytest.mark.parametrize("norm", ORDER)
def test_it_is_the_smallest_change_that_a_solver_finds(norm):
    points, w, gap = problems(120, seed=3)
    d = moved(norm, points, w, gap)
    scale = np.abs(w).max(axis=1)
    np.testing.assert_allclose((w * d).sum(axis=1) / scale, gap / scale, atol=3e-6)
    assert (points + d >= -1e-6).all() and (points + d <= 1 + 1e-6).all()
    best = [least(norm, *each) for each in zip(points, w, gap, strict=True)]
    np.testing.assert_allclose(np.linalg.norm(d, ORDER[norm], axis=1), best, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ORDER)
def test_a_plane_beyond_the_box_is_met_at_the_nearest_corner(norm):
    points, w, _ = problems(40, seed=4)
    corner = np.where(w > 0, 1 - points, np.where(w < 0, -points, 0))
    reach = (w * corner).sum(axis=1)
    np.testing.assert_allclose(moved(norm, points, w, 3 * reach + 1), corner, atol=1e-6)


@pytest.mark.parametrize("norm", ORDER)
def test_in_many_dimensions_it_lands_on_the_plane_too(norm):
    rng = np.random.default_rng(0)
    points = np.clip(rng.normal(0.1, 0.5, size=(50, 784)), 0, 1)
    w = rng.normal(size=(50, 784)) * 10 ** rng.normal(0, 1, size=(50, 784))
    reach = (w * np.where(w > 0, 1 - points, -points)).sum(axis=1)
    gap = rng.uniform(0.01, 0.9, size=50) * reach
    d = moved(norm, points, w, gap)
    np.testing.assert_allclose((w * d).sum(axis=1), gap, rtol=2e-5)
    assert (points + d >= -1e-6).all() and (points + d <= 1 + 1e-6).all()


@pytest.mark.parametrize("norm", ORDER)
@pytest.mark.parametrize("factor", [1e-25, 1e-10, 1e10])
def test_the_scale_of_the_weights_does_not_matter(norm, factor):
    points, w, gap = problems(40, seed=5)
    np.testing.assert_allclose(moved(norm, points, w * factor, gap * factor), moved(norm, points, w, gap), atol=2e-5)


@pytest.mark.parametrize("norm", ORDER)
def test_no_weights_and_no_gap_move_nothing(norm):
    points, w, gap = problems(20, seed=6)
    assert not moved(norm, points, 0 * w, gap).any() and not moved(norm, points, w, 0 * gap).any()


@pytest.mark.parametrize("norm", ORDER)
def test_what_is_not_a_number_ends_and_spoils_no_neighbour(norm):
    points, w, gap = problems(6, seed=7)
    whole = moved(norm, points, w, gap)
    w[2], gap[3] = np.nan, np.nan
    spoilt = moved(norm, points, w, gap)
    rows = [0, 1, 4, 5]
    np.testing.assert_array_equal(spoilt[rows], whole[rows])
