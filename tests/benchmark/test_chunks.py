"""One chunk: that nothing is attacked in vain, and that all the same each digit falls where it would have."""

import numpy as np
import pytest

from core import attacks, zoo
from core.benchmark import spelling
from core.benchmark.chunks import WRONG, measured
from core.benchmark.grid import Chunk
from core.digits import Digits
from core.errors import InputError
from tests.support import some_digits

EPSILONS = (0.02, 0.05, 0.1, 0.2)


@pytest.fixture(scope="module")
def digits(plain) -> Digits:
    """Sixty digits, the last five with labels that are not theirs."""
    x, y = some_digits(60)
    return Digits(x, np.where(np.arange(60) < 55, y, (y + 1) % 10))


def chunk(attack: str, digits: Digits, epsilons=EPSILONS, thorough=True) -> Chunk:
    return Chunk("plain_cnn", zoo.load("plain_cnn").version, attack, "linf", epsilons, thorough, 3, 0, digits)


def alone(plain, attack: str, digits: Digits, seed: int) -> np.ndarray:
    """(k, n) bool: what the attack breaks at each epsilon, when it is run on all digits each time."""
    one = spelling.attacks_of(attack)[0]
    results = [one(plain, digits.images, digits.labels, eps, "linf", seed=seed) for eps in EPSILONS]
    return np.array([result.success & ~result.already_wrong for result in results])


def first_of(broken: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Broken (k, n) -> the first epsilon's place at which each is, as an outcome says it."""
    return np.where(wrong, WRONG, np.where(broken.any(axis=0), broken.argmax(axis=0), len(broken)))


@pytest.mark.parametrize("attack", ["fgsm", "pgd:steps=5"])
def test_a_digit_falls_at_the_first_epsilon_at_which_the_attack_alone_breaks_it(plain, digits, attack):
    outcome = measured(chunk(attack, digits), model=plain)
    wrong = plain.predict(digits.images) != digits.labels
    assert wrong.sum() >= 5 and (outcome.fell == first_of(alone(plain, attack, digits, 3), wrong)).all()
    assert len(np.unique(outcome.fell)) >= 4  # wrong before, fallen at several places: the test sees them apart


@pytest.mark.parametrize("attack, seed", [("pgd:steps=5", 3), ("fgsm", 3)])
def test_halving_ends_where_the_attack_alone_breaks_and_just_below_does_not(plain, digits, attack, seed):
    epsilons = tuple(float(eps) for eps in np.linspace(0.01, 0.15, 11))
    outcome = measured(chunk(attack, digits, epsilons, thorough=False), model=plain)
    one = spelling.attacks_of(attack)[0]

    def breaks(at: np.ndarray, rows: np.ndarray) -> np.ndarray:
        given = (digits.images[rows], digits.labels[rows], np.array(epsilons)[at[rows]])
        return one(plain, *given, "linf", seed=seed).success

    fallen = np.flatnonzero((outcome.fell >= 0) & (outcome.fell < 11))
    assert len(np.unique(outcome.fell[fallen])) >= 5 and breaks(outcome.fell, fallen).all()
    above = np.flatnonzero(outcome.fell > 0)
    assert not breaks(outcome.fell - 1, above).any()
    slow = measured(chunk(attack, digits, epsilons), model=plain)
    assert outcome.gradients.sum() < slow.gradients.sum() and (outcome.fell >= slow.fell).all()


def test_whoever_stands_at_the_largest_epsilon_costs_one_attack(plain, digits):
    outcome = measured(chunk("pgd:steps=5", digits, (0.001, 0.002, 0.003), thorough=False), model=plain)
    standing = (outcome.fell == 3).sum()
    assert standing > 50 and outcome.gradients[2] >= 5 * standing and outcome.gradients[:2].sum() < 5 * 5


def test_an_ensemble_breaks_what_any_of_its_members_breaks(plain, digits):
    both = measured(chunk("fgsm+pgd:steps=5", digits), model=plain)
    wrong = plain.predict(digits.images) != digits.labels
    broken = alone(plain, "fgsm", digits, 3) | alone(plain, "pgd:steps=5", digits, 4)
    assert (both.fell == first_of(broken, wrong)).all()


def test_what_has_fallen_is_not_attacked_again(plain, digits):
    outcome = measured(chunk("fgsm", digits), model=plain)
    standing = [(outcome.fell >= place).sum() for place in range(len(EPSILONS))]
    assert outcome.gradients.tolist() == standing and standing[0] > standing[-1] > 0


def test_an_attack_for_the_smallest_change_runs_once_and_answers_every_epsilon(plain, digits):
    outcome = measured(chunk("deepfool", digits), model=plain)
    result = attacks.get("deepfool")()(plain, digits.images, digits.labels, None, "linf", seed=3)
    size = np.where(result.success & ~result.already_wrong, result.size, np.inf)
    wrong = plain.predict(digits.images) != digits.labels
    assert (outcome.fell == first_of(size <= np.array(EPSILONS)[:, None] + 1e-6, wrong)).all()
    assert outcome.gradients[0] > 0 and not outcome.gradients[1:].any()
    halved = measured(chunk("deepfool", digits, thorough=False), model=plain)
    assert (halved.fell == outcome.fell).all() and halved.gradients.sum() == outcome.gradients.sum()


def test_the_sizes_are_those_of_the_changes_that_broke(plain, digits):
    outcome = measured(chunk("deepfool+pgd:steps=5", digits), model=plain)
    fallen = (outcome.fell >= 0) & (outcome.fell < len(EPSILONS))
    assert np.isnan(outcome.size[~fallen]).all()
    assert (outcome.size[fallen] <= np.array(EPSILONS)[outcome.fell[fallen]] + 1e-6).all()
    assert (outcome.size[fallen] > 0).all()


def test_how_the_digits_are_cut_changes_nothing(plain, digits):
    whole = measured(chunk("pgd:steps=5", digits), model=plain)
    parts = [measured(chunk("pgd:steps=5", digits[rows]), model=plain) for rows in (slice(0, 17), slice(17, 60))]
    assert (whole.fell == np.concatenate([part.fell for part in parts])).all()


def test_a_budget_of_nothing_breaks_nothing(plain, digits):
    outcome = measured(chunk("fgsm+deepfool", digits, epsilons=(0.0,)), model=plain)
    assert set(outcome.fell.tolist()) == {WRONG, 1}


def test_whoever_watches_may_end_it(plain, digits):
    heard = []

    def watch(done, total):
        heard.append(done)
        return total == 60 and len(heard) < 2

    assert measured(chunk("fgsm", digits), model=plain, watch=watch) is None
    assert len(heard) == 2 and 5 <= heard[0] <= heard[1] < 60


def test_other_weights_than_were_asked_for_are_refused(digits):
    asked = Chunk("plain_cnn", "0" * 12, "fgsm", "linf", EPSILONS, False, 0, 0, digits)
    with pytest.raises(InputError, match="000000000000 were asked for"):
        measured(asked)
