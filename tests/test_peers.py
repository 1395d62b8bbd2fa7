"""Agreement with Foolbox on the same Keras model and digits: success within one point of it, or above.

Without random starts, whose luck would be compared instead: over 500 digits, seeds alone move a rate by 1 point.
"""

from collections.abc import Callable

import numpy as np
import pytest

from core import attacks
from tests import peers
from tests.support import some_digits

pytestmark = pytest.mark.peers

COUNT = 200


@pytest.fixture(scope="module")
def digits(plain):
    return some_digits(COUNT, start=40)


def share_fooled(model, adversarial: np.ndarray, digits) -> float:
    """Foolbox's images through our judge's eyes: right before, wrong after."""
    x, y = digits
    return float(((model.predict(x) == y) & (model.predict(adversarial) != y)).mean())


#: Twenty steps of a tenth of the budget each from the digit itself, in our words and in Foolbox's.
OURS = {"steps": 20, "step_size": 0.1, "random_start": False}
THEIRS = {"steps": 20, "rel_stepsize": 0.1}
CASES: dict[str, tuple[Callable, str, dict, str, tuple[float, ...]]] = {
    "fgsm": (lambda fb: fb.attacks.LinfFastGradientAttack(), "fgsm", {}, "linf", (0.05, 0.1, 0.2)),
    "fgm": (lambda fb: fb.attacks.L2FastGradientAttack(), "fgm", {}, "l2", (1.0, 2.0, 4.0)),
    "bim": (
        lambda fb: fb.attacks.LinfBasicIterativeAttack(rel_stepsize=0.2, steps=10),
        "bim",
        {"steps": 10, "step_size": 0.2},
        "linf",
        (0.05, 0.1),
    ),
    "pgd-linf": (lambda fb: fb.attacks.LinfPGD(**THEIRS, random_start=False), "pgd", OURS, "linf", (0.05, 0.1)),
    "pgd-l2": (lambda fb: fb.attacks.L2PGD(**THEIRS, random_start=False), "pgd", OURS, "l2", (1.0, 2.0)),
    "pgd-l1": (lambda fb: fb.attacks.SparseL1DescentAttack(**THEIRS, quantile=0.99), "pgd", OURS, "l1", (8.0, 16.0)),
}


@pytest.mark.parametrize("case", CASES)
def test_success_is_within_a_point_of_foolbox_or_above(plain, digits, case):
    theirs_of, name, knobs, norm, budgets = CASES[case]
    theirs = theirs_of(peers.foolbox())
    for eps in budgets:
        ours = attacks.get(name)(**knobs)(plain, *digits, eps=eps, norm=norm).success.mean()
        peer = share_fooled(plain, peers.foolbox_run(theirs, plain, *digits, eps), digits)
        assert ours >= peer - 0.01, f"eps {eps:g}: {ours:.1%} here, {peer:.1%} there"
        assert peer > 0 or ours > 0, "a budget at which nothing falls compares nothing"


def unsure(result) -> np.ndarray:
    """Where the label's probability leaves something to float32: elsewhere Foolbox's own gradient is rounding."""
    rows = np.arange(len(result))
    logits = result.logits_clean.astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[rows, result.labels] = 0
    return shares.sum(axis=1) > 1e-4


@pytest.mark.parametrize(("case", "eps"), [("fgsm", 0.1), ("bim", 0.02), ("fgm", 1.0)])
def test_without_randomness_the_very_images_agree(plain, digits, case, eps):
    """FGSM, BIM and FGM leave no choice: pixel for pixel the same, wherever the peer's softmax has not saturated."""
    theirs_of, name, knobs, norm, _ = CASES[case]
    result = attacks.get(name)(**knobs)(plain, *digits, eps=eps, norm=norm)
    rows = unsure(result)
    assert rows.sum() >= 5, "too few digits to compare"
    images = peers.foolbox_run(theirs_of(peers.foolbox()), plain, *digits, eps)
    assert (np.abs(result.adversarial[rows] - images[rows]) > 1e-3).mean() < 0.01
