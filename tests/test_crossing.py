"""Where falling curves cross 0: found within the precision, never beyond it, and in few looks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.defenses._crossing import crossing

PRECISION = 5e-4


class Looked:
    """Curves that fall through the roots (n,), and how often each was looked at."""

    def __init__(self, roots, shape):
        self.roots, self.shape, self.count = np.asarray(roots, float), shape, np.zeros(len(roots), int)

    def __call__(self, rows, places):
        assert len(rows) == len(places) > 0
        self.count[rows] += 1
        return self.shape(places, self.roots[rows])


SHAPES = {
    "a line": lambda at, root: 14 * (root - at),
    "ever faster": lambda at, root: 14 * (1 - np.expm1(40 * at) / np.expm1(40 * root)),
    "as bounds fall": lambda at, root: 14 * (1 - (at / root) ** 3),
    "flat, then steep": lambda at, root: np.where(at <= root, 14.0, -1e4),
    "flat from the crossing on": lambda at, root: np.where(at < root, 1e-9, -1e-9),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@settings(max_examples=40)
@given(roots=st.lists(st.floats(1e-3, 0.999), min_size=1, max_size=5), most=st.sampled_from([1.0, 28.0]))
def test_the_place_lies_less_than_the_precision_before_the_crossing(shape, roots, most):
    roots = np.array(roots) * most
    curve = Looked(roots, lambda at, root: shape(at / most, root / most))
    found = crossing(curve, np.full(len(roots), 14.0), most, PRECISION * most)
    assert (curve(np.arange(len(roots)), found) > 0)[found > 0].all()
    assert (found <= roots).all() and (found >= roots - PRECISION * most).all()
    assert (curve.count <= 27).all()


def test_smooth_curves_take_few_looks():
    roots = np.geomspace(0.002, 0.4, 60)
    for name, most in (("a line", 6.5), ("ever faster", 7), ("as bounds fall", 8)):
        curve = Looked(roots, SHAPES[name])
        crossing(curve, SHAPES[name](0.0, roots), 1.0, PRECISION)
        assert curve.count.mean() <= most, name
    # A guess of the start that is far off, or nothing, costs looks and never the outcome.
    for start in (0.0, 1e-3, 1e5):
        found = crossing(Looked(roots, SHAPES["as bounds fall"]), np.full(60, start), 1.0, PRECISION)
        assert (found <= roots).all() and (found >= roots - PRECISION).all()


def test_the_ends():
    """Nowhere above 0, above 0 everywhere, and no curve at all."""
    none = crossing(lambda rows, at: np.full(len(at), -3.0), np.full(2, 14.0), 1.0, PRECISION)
    np.testing.assert_array_equal(none, 0.0)
    everywhere = crossing(lambda rows, at: np.full(len(at), 3.0), np.full(2, 14.0), 28.0, PRECISION)
    np.testing.assert_array_equal(everywhere, 28.0)
    assert crossing(lambda rows, at: at, np.empty(0), 1.0, PRECISION).shape == (0,)


def test_what_is_no_number_counts_as_not_above():
    def broken(rows, at):
        return np.where(at < 0.1, 14.0, np.where(at < 0.3, np.nan, -np.inf))

    found = crossing(broken, np.full(1, 14.0), 1.0, PRECISION)
    assert 0.1 - PRECISION <= found[0] < 0.1
