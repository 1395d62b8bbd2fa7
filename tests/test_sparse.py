"""JSMA and sigma-zero, the attacks on few pixels: closed forms on linear models, an exhaustive search, peers, traps."""

import numpy as np
import pytest
import tensorflow as tf

from core import attacks
from core.attacks.jsma import _best_pair
from tests import peers
from tests.support import linear, next_class, two_class

GREY = np.full((3, 28, 28, 1), 0.5, np.float32)
ZERO = np.zeros(3, np.int64)
BOTH = pytest.mark.parametrize("name", ["jsma", "sigma_zero"])


def fewest(w: np.ndarray, gap: float, room: float = 0.5) -> int:
    """How many pixels, each moved by `room`, close the gap: the heaviest come first."""
    return int(np.searchsorted(np.cumsum(np.sort(np.abs(w))[::-1] * room), gap) + 1)


@pytest.fixture(scope="module")
def w() -> np.ndarray:
    return np.random.default_rng(7).normal(size=784)


@pytest.mark.parametrize("gap", [1.0, 10.0, 40.0])
def test_jsma_on_a_linear_model_takes_the_heaviest_pixels_in_pairs(w, gap):
    model = two_class(w, bias=gap - 0.5 * w.sum())
    result = attacks.get("jsma")(way="both", targets=1)(model, GREY, ZERO)
    least = fewest(w, gap)
    assert result.success.all() and (result.size == least + least % 2).all()


def test_jsma_that_may_only_lighten_takes_the_most_negative_weights(w):
    model = two_class(w, bias=10.0 - 0.5 * w.sum())
    result = attacks.get("jsma")(way="lighten", targets=1)(model, GREY, ZERO)
    least = fewest(np.minimum(w, 0), 10.0)
    assert result.success.all() and (result.size == least + least % 2).all()
    assert (result.adversarial >= GREY).all()
    darker = attacks.get("jsma")(way="darken", targets=1)(model, GREY, ZERO)
    assert darker.success.all() and (darker.adversarial <= GREY).all()


@pytest.mark.parametrize("gap", [1.0, 10.0, 40.0])
def test_sigma_zero_on_a_linear_model_comes_close_to_the_fewest_pixels(w, gap):
    model = two_class(w, bias=gap - 0.5 * w.sum())
    result = attacks.get("sigma_zero")(steps=300)(model, GREY, ZERO)
    least = fewest(w, gap)
    assert result.success.all() and (result.size >= least).all() and (result.size <= 1.1 * least + 1).all()


def test_the_best_pair_of_all_is_found():
    """Against all pairs of 1568 moves, with walls, odd signs, and images in which no pair does both."""
    rng = np.random.default_rng(0)
    n, p = 12, 784
    gain = rng.normal(size=(n, p)).astype(np.float32)
    relief = (0.5 * gain + rng.normal(size=(n, p))).astype(np.float32)
    gain[:3] = -np.abs(gain[:3])
    up, down = rng.uniform(size=(n, p)) < 0.8, rng.uniform(size=(n, p)) < 0.3
    down[:6] = False
    found = _best_pair(*(tf.constant(each) for each in (gain, relief)), [tf.constant(up), tf.constant(down)]).numpy()
    for row in range(n):
        may = np.concatenate([up[row], down[row]])
        a, b = (np.where(may, np.concatenate([each, -each]), -np.inf) for each in (gain[row], relief[row]))
        rises, falls = a[:, None] + a, b[:, None] + b
        score = np.where((rises > 0) & (falls > 0), rises * falls, -np.inf)
        np.fill_diagonal(score, -np.inf)
        if score.max() == -np.inf:
            score = np.where(rises + falls > 0, rises + falls, -np.inf)
            np.fill_diagonal(score, -np.inf)
        moves = np.unravel_index(score.argmax(), score.shape)
        expected = np.zeros(p)
        for move in moves:
            expected[move % p] += 1 if move < p else -1
        np.testing.assert_array_equal(found[row], expected)


def test_a_short_stroke_returns_to_its_pixels_and_changes_more_of_them(plain, few):
    x, y = few[0][:6], few[1][:6]
    long, short = (attacks.get("jsma")(theta=theta)(plain, x, y) for theta in (1.0, 0.25))
    assert long.success.all() and short.success.mean() >= 0.5
    moved = np.abs(short.change[short.success])
    assert (moved > 0.26).any(), "no pixel was chosen twice"


def test_jsma_stops_at_its_share_of_the_pixels(plain, few):
    result = attacks.get("jsma")(share=0.02)(plain, *few)
    assert (result.size <= 0.02 * 784).all() and not result.success.all()


def test_more_classes_find_no_more_pixels(plain, few):
    one, three = (attacks.get("jsma")(targets=targets)(plain, *few) for targets in (1, 3))
    assert (three.size[one.success] <= one.size[one.success]).all() and three.size.sum() < one.size.sum()


@BOTH
def test_a_target_is_reached(plain, few, name):
    result = attacks.get(name)()(plain, *few, target=next_class(few[1]))
    assert result.success.mean() >= 0.9


def test_without_a_target_jsma_goes_for_the_likeliest_other_class_and_not_the_next(plain, few):
    """torchattacks aims at (y + 1) % 10 and does not say so."""
    result = attacks.get("jsma")(targets=1)(plain, *few)
    others = result.logits_clean.copy()
    others[np.arange(len(others)), few[1]] = -np.inf
    fooled = result.fooled
    assert (result.prediction == others.argmax(axis=1))[fooled].mean() > (result.prediction == next_class(few[1]))[
        fooled
    ].mean()


def test_sigma_zero_needs_clearly_fewer_pixels_than_jsma(plain, few):
    modern, classic = (attacks.get(name)()(plain, *few) for name in ("sigma_zero", "jsma"))
    assert modern.success.all() and np.median(modern.size) <= 0.85 * np.median(classic.size[classic.success])


def test_jsma_fools_as_many_as_arts_with_no_more_pixels(plain, hundred):
    pytest.importorskip("art", reason="ART is not installed: pip install -r requirements-dev.txt")
    from art.attacks.evasion import SaliencyMapMethod

    x, y = hundred[0][:30], hundred[1][:30]
    right = plain.predict(x) == y
    x, y = x[right], y[right]
    aim = next_class(y)
    peer = SaliencyMapMethod(peers.art_model(plain), theta=1.0, gamma=0.3, batch_size=64, verbose=False)
    there = peer.generate(x, np.eye(10, dtype=np.float32)[aim])
    hit = plain.predict(there) == aim
    theirs = np.where(hit, np.count_nonzero((there != x).reshape(len(x), -1), axis=1), np.inf)
    result = attacks.get("jsma")()(plain, x, y, target=aim)
    ours = np.where(result.success, result.size, np.inf)
    assert result.success.mean() >= hit.mean() and np.median(ours) <= 1.02 * np.median(theirs)


@BOTH
def test_a_constant_model_a_wall_and_a_model_of_nan_give_the_original(few, w, name):
    x, y = few[0][:3], few[1][:3]
    for model in (
        linear(np.zeros((784, 10))),
        linear(np.full((784, 10), np.nan)),
        linear(np.zeros((784, 10)), 50 * np.eye(10)[y[0]]),
    ):
        result = attacks.get(name)()(model, x, y)
        np.testing.assert_array_equal(result.adversarial, x)
        assert not result.success.any()


@pytest.mark.parametrize(("name", "knobs"), [("jsma", {"softmax": False}), ("sigma_zero", {})])
def test_the_scale_of_the_logits_does_not_matter(name, knobs):
    rng = np.random.default_rng(2)
    weights, x = rng.normal(size=(784, 10)), rng.uniform(0.2, 0.8, size=(4, 28, 28, 1)).astype(np.float32)
    usual, tiny = (linear(weights * scale, -0.5 * scale * weights.sum(axis=0)) for scale in (1.0, 1e-10))
    labels = usual.predict(x)
    one, other = (attacks.get(name)(**knobs)(model, x, labels) for model in (usual, tiny))
    assert one.success.all() and other.success.all()
    np.testing.assert_allclose(other.size, one.size, atol=2)
