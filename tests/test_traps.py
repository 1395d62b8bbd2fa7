"""Traps that other attack libraries fell into, each with the test that would have caught it.

Those of gradients that are too small, too large or missing: test_masked_gradients.
"""

from itertools import pairwise

import keras
import numpy as np
import pytest

from core import attacks, norms
from core.classifier import Classifier
from core.result import judge
from tests.support import brief, build, linear, next_class, realistic

LADDER = ["fgsm", "bim", "pgd", "mim"]


# --------------------------------------------------------------------------------------------------------- the ball


@pytest.mark.parametrize("norm", attacks.get("pgd").norms)
def test_a_random_start_is_clipped_and_projected_too(plain, few, norm):
    result = attacks.get("pgd")(steps=1, step_size=0.005)(plain, *few, eps=realistic(norm), norm=norm, path=True)
    assert result.path is not None
    for iterate in result.path:
        assert iterate.min() >= 0 and iterate.max() <= 1
        assert (norms.get(norm).size(iterate - few[0]) <= realistic(norm) * (1 + 1e-5) + 1e-6).all()
    assert (norms.get(norm).size(result.path[0] - few[0]) > 0.3 * realistic(norm)).all(), (
        "it started at the digit itself"
    )


@pytest.mark.parametrize("norm", attacks.get("pgd").norms)
def test_every_iterate_is_in_the_ball_with_huge_steps(plain, few, norm):
    result = attacks.get("pgd")(steps=8, step_size=2.0)(plain, *few, eps=realistic(norm), norm=norm, path=True)
    assert result.path is not None
    for iterate in result.path:
        assert (norms.get(norm).size(iterate - few[0]) <= realistic(norm) * (1 + 1e-5) + 1e-5).all()
        assert iterate.min() >= 0 and iterate.max() <= 1


@pytest.mark.parametrize("name", LADDER)
def test_pixels_on_the_bound_of_the_box_still_move(plain, few, name):
    """MNIST's background is exactly 0: differentiating through the clip loses half of the pixels there."""
    result = attacks.get(name)()(plain, *few, eps=0.1)
    background = few[0] == 0
    assert (result.adversarial[background] > 0).mean() > 0.2


def test_clipping_onto_the_ball_does_not_normalise(plain, few):
    """CleverHans' issue 381: a change well inside the L2 ball must not be blown up to its surface."""
    result = attacks.get("pgd")(steps=2, step_size=0.1, random_start=False)(plain, *few, eps=2.0, norm="l2")
    assert (result.l2 < 0.2 * 2.0 + 1e-4).all() and (result.l2 > 0.1).all()


@pytest.mark.parametrize("name", ["bim", "pgd", "mim"])
def test_the_step_size_is_a_share_of_eps(plain, few, name):
    attack = attacks.get(name)(**({"random_start": False} if name == "pgd" else {}), steps=1, step_size=0.25)
    for eps in (0.04, 0.2):
        result = attack(plain, *few, eps=eps)
        np.testing.assert_allclose(result.linf, 0.25 * eps, rtol=1e-4)


def test_an_l1_change_is_sparse(plain, few):
    """Rescaling onto the L1 ball touches every pixel; the projection onto it touches few."""
    result = attacks.get("pgd")(random_start=False)(plain, *few, eps=8.0, norm="l1")
    assert (result.l0 < 120).all() and (result.l1 > 7).all()


# ------------------------------------------------------------------------------------------------------------ MIM


def test_mim_divides_by_the_l1_norm_then_adds_up_then_takes_the_sign():
    """Dong et al., written out in NumPy on a two-layer model whose gradient changes from step to step."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(784, 16)) / 10, rng.normal(size=(16, 10))
    model = build(keras.layers.Flatten(), keras.layers.Dense(16, "tanh"), keras.layers.Dense(10))
    model.set_weights([first.astype(np.float32), np.zeros(16), second.astype(np.float32), np.zeros(10)])
    x = rng.uniform(0.2, 0.8, size=(1, 784))
    label = int((np.tanh(x @ first) @ second).argmax())

    def gradient(at: np.ndarray) -> np.ndarray:
        hidden = np.tanh(at @ first)
        logits = hidden @ second
        share = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        return ((share - np.eye(10)[label]) @ second.T * (1 - hidden**2)) @ first.T

    eps, alpha, decay, at, velocity = 0.15, 0.3, 0.9, x.copy(), np.zeros((1, 784))
    for _ in range(6):
        g = gradient(at)
        velocity = decay * velocity + g / np.abs(g).sum()
        at = np.clip(np.clip(at + alpha * eps * np.sign(velocity), x - eps, x + eps), 0, 1)

    attack = attacks.get("mim")(steps=6, step_size=alpha, momentum=decay)
    result = attack(Classifier(model), x.reshape(1, 28, 28, 1), np.array([label]), eps=eps)
    assert np.mean(np.abs(result.adversarial.reshape(1, 784) - at) > 1e-4) < 0.01


def test_mim_without_momentum_is_bim(plain, few):
    mim = attacks.get("mim")(momentum=0.0, steps=8)(plain, *few, eps=0.1)
    bim = attacks.get("bim")(steps=8)(plain, *few, eps=0.1)
    assert np.mean(np.abs(mim.adversarial - bim.adversarial) > 1e-4) < 0.01


# -------------------------------------------------------------------------------------------- restarts, order, sanity


def test_restarts_keep_the_worst_of_each_image(plain, hundred):
    """Not the best batch: with more restarts no single image gets off lighter than with fewer."""
    eps, margins, fallen = 0.06, [], []
    for restarts in (1, 2, 6):
        result = attacks.get("pgd")(restarts=restarts, steps=5)(plain, *hundred, eps=eps, seed=1)
        logits, rows = result.logits_adversarial.copy(), np.arange(100)
        own = logits[rows, hundred[1]].copy()
        logits[rows, hundred[1]] = -np.inf
        margins.append(logits.max(axis=1) - own)
        fallen.append(result.success)
    for fewer, more in ((0, 1), (1, 2)):
        assert (margins[more] >= margins[fewer] - 1e-3).all()
        assert (fallen[more] | ~fallen[fewer]).all()
    assert (margins[2] > margins[0] + 1e-3).mean() > 0.3, "a restart that never helps is none"


@pytest.mark.parametrize(
    ("name", "norm"), [("fgsm", "linf"), ("pgd", "linf"), ("pgd", "l2"), ("pgd", "l1"), ("mim", "l2")]
)
def test_success_grows_with_eps(plain, hundred, name, norm):
    budgets = realistic(norm) * np.array([0.25, 0.5, 1.0, 2.0])
    rates = [attacks.get(name)()(plain, *hundred, eps=eps, norm=norm).success.mean() for eps in budgets]
    assert all(later >= earlier - 0.02 for earlier, later in pairwise(rates)), rates
    assert rates[-1] > rates[0] + 0.3, rates


@pytest.mark.parametrize("eps", [0.05, 0.1, 0.2])
def test_the_ladder_stands_in_order(plain, hundred, eps):
    """Noise is the weakest, one step weaker than many, and PGD with restarts no weaker than without."""

    def rate(name: str, **knobs) -> float:
        return attacks.get(name)(**knobs)(plain, *hundred, eps=eps, norm="linf").success.mean()

    noise, fgsm, bim, mim, pgd = (rate(name) for name in ("noise", "fgsm", "bim", "mim", "pgd"))
    assert noise <= rate("noise", draws=20) <= fgsm
    assert fgsm <= min(bim, mim, pgd) + 0.01
    assert rate("pgd", restarts=4) >= pgd


def test_l2_noise_is_weaker_than_fgm_and_fgm_than_pgd(plain, hundred):
    noise, fgm, pgd = (
        attacks.get(name)()(plain, *hundred, eps=1.5, norm="l2").success.mean() for name in ("noise", "fgm", "pgd")
    )
    assert noise <= fgm <= pgd + 0.01 and pgd > noise + 0.3


def test_a_target_is_climbed_towards_and_not_away_from(plain, few):
    """The sign slip of targeted attacks: the target's probability must rise, and the result must be judged by it."""
    x, y = few
    aim = next_class(y)
    for name in LADDER:
        result = attacks.get(name)()(plain, x, y, eps=0.02, target=aim)
        rows = np.arange(len(y))
        assert (result.probabilities[rows, aim] > result.probabilities_clean[rows, aim]).all(), name
        np.testing.assert_array_equal(result.success, result.prediction == aim)


def test_wrong_before_broken_and_robust_are_three_counts(plain, hundred):
    """Foolbox's issue 713: a digit wrong before the attack is neither broken by it nor robust."""
    x, y = hundred
    y = y.copy()
    y[:7] = next_class(y[:7])
    result = attacks.get("fgsm")()(plain, x, y, eps=0.1)
    wrong, broken = result.already_wrong, result.fooled
    robust = ~wrong & ~broken
    assert wrong[:7].all() and not broken[:7].any()
    assert wrong.sum() + broken.sum() + robust.sum() == len(y) and robust.any() and broken.any()


def test_a_failed_attack_returns_an_image_near_the_original(plain, few):
    """Never None, NaN or black: at a hopeless budget the result is the digit, hardly changed, with success False.

    Who looks for the smallest change tells it all the same; there, a digit without any is the hopeless case.
    """
    constant = linear(np.zeros((784, 10)))
    for name in attacks.names():
        norm = attacks.get(name).norms[0]
        minimises = attacks.get(name).minimises
        result = brief(attacks.get(name))(constant if minimises else plain, *few, eps=1e-4, norm=norm)
        assert not result.success.any()
        # A warp moves strokes. This share of 30 degrees and 3 pixels moves a corner by 0.00101 pixels down and as far
        # across, and from black to white in one pixel the ink changes by the sum of both.
        np.testing.assert_allclose(result.adversarial, few[0], atol=1.1e-4 if norms.get(norm).of_pixels else 2.1e-3)


def test_the_judge_puts_back_what_is_not_a_number(plain, few):
    x, y = few
    broken = x.copy()
    broken[0, 5, 5] = np.nan
    broken[1] = np.inf
    none = np.zeros(len(x), np.int64)
    result = judge(
        plain, x, broken, y, norm="linf", eps=np.full(len(x), 0.1), target=None, forwards=none, gradients=none
    )
    np.testing.assert_array_equal(result.adversarial, x)
    assert not result.success.any()


def test_the_judge_does_not_credit_a_change_beyond_eps(plain, few):
    x, y = few
    there = attacks.get("pgd")()(plain, x, y, eps=0.3).adversarial
    none = np.zeros(len(x), np.int64)
    result = judge(
        plain, x, there, y, norm="linf", eps=np.full(len(x), 0.2), target=None, forwards=none, gradients=none
    )
    assert result.fooled.any() and not result.success.any()
