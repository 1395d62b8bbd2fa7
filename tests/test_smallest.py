"""DeepFool, DDN, Carlini-Wagner and EAD: the smallest change where it is a formula, traps, and Foolbox beside them.

On a linear model the smallest change that misreads an image has the size of the margin over the dual norm of the
weights, as long as no pixel meets the box.
"""

import keras
import numpy as np
import pytest

from core import attacks
from core.classifier import Classifier
from tests import peers
from tests.support import build, linear, margin, next_class, scaled, some_digits, two_class

#: Each attack in each of its norms, and how far above the smallest change it may end on a linear model.
PAIRS = {("deepfool", "l2"): 1.021, ("deepfool", "linf"): 1.021, ("ddn", "l2"): 1.02, ("cw", "l2"): 1.02}
DUAL = {"l2": 2, "linf": 1, "l1": np.inf}
NAMES = ["deepfool", "ddn", "cw", "ead"]
TARGETABLE = ["ddn", "cw", "ead"]
GREY = np.full((3, 28, 28, 1), 0.5, np.float32)
ZERO = np.zeros(3, np.int64)


def made(name: str, **knobs):
    """The attack, with fewer steps where its default is many."""
    few = {"cw": {"steps": 60, "search_steps": 4}, "ead": {"steps": 60, "search_steps": 4}, "ddn": {"steps": 60}}
    return attacks.get(name)(**{**few.get(name, {}), **knobs})


@pytest.fixture(scope="module")
def w() -> np.ndarray:
    return np.random.default_rng(7).normal(size=784)


def with_margin(w: np.ndarray, wanted: float, x: np.ndarray = GREY) -> Classifier:
    """Class 0 against the rest, class 0 ahead by `wanted` at the first image."""
    return two_class(w, wanted - float(margin(two_class(w), x[:1])[0]))


# ------------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(("name", "norm"), PAIRS)
@pytest.mark.parametrize("wanted", [0.5, 20.0])
def test_the_distance_to_a_plane_is_the_margin_over_the_dual_norm(w, name, norm, wanted):
    model = with_margin(w, wanted)
    true = margin(model, GREY) / np.linalg.norm(w, ord=DUAL[norm])
    result = attacks.get(name)()(model, GREY, ZERO, norm=norm)
    assert result.success.all()
    assert (result.size >= true * (1 - 1e-3)).all() and (result.size <= true * PAIRS[name, norm]).all(), (
        result.size / true
    )


def test_ead_moves_the_heaviest_pixels_and_no_others(w):
    """In L1 the smallest change is all on the heaviest pixel, as far as it has room: four pixels are enough here."""
    w = w / 10
    w[[5, 300, 511, 700]] = 10.0, -10.0, 10.0, -10.0
    model = with_margin(w, 12.0)
    result = attacks.get("ead")(beta=10.0)(model, GREY, ZERO)
    assert result.success.all() and (result.l0 <= 8).all(), result.l0
    assert (result.l1 >= 1.2 * (1 - 1e-3)).all() and (result.l1 <= 1.2 * 1.05).all(), result.l1


def test_the_nearest_of_nine_planes_is_found():
    """Ten classes, nine borders: the smallest margin over dual norm among them, which need not be the runner-up's."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(784, 10)) * np.linspace(0.2, 3, 10)
    bias = np.linspace(-30, -120, 10) - weights.sum(axis=0) / 2
    weights[:, 0], bias[0] = 0, 0
    model = linear(weights, bias)
    logits = model.logits(GREY[:1])[0].astype(np.float64)
    distance = -logits[1:] / np.linalg.norm(weights[:, 1:], axis=0)
    assert distance.argmin() != logits[1:].argmax(), "the runner-up is the nearest too: the test would tell nothing"
    result = attacks.get("deepfool")()(model, GREY, ZERO)
    assert (result.prediction == 1 + distance.argmin()).all()
    np.testing.assert_allclose(result.l2, distance.min() * 1.02, rtol=2e-3)
    runner_up = attacks.get("deepfool")(candidates=2)(model, GREY, ZERO)
    assert (runner_up.prediction == 1 + logits[1:].argmax()).all() and (runner_up.l2 > result.l2 * 1.05).all()


@pytest.mark.parametrize("name", ["ddn", "cw"])
def test_a_target_lies_as_far_as_its_own_plane(name):
    """Only the target and the label are near the top: the distance to the plane between those two."""
    rng = np.random.default_rng(5)
    weights = np.zeros((784, 10))
    weights[:, 3], weights[:, 8] = rng.normal(size=(2, 784))
    bias = np.full(10, -900.0)
    bias[[3, 8]] = -weights[:, [3, 8]].sum(axis=0) / 2 + [15.0, 0.0]
    result = attacks.get(name)()(linear(weights, bias), GREY, np.full(3, 3), target=np.full(3, 8))
    assert result.success.all()
    np.testing.assert_allclose(result.l2, 15 / np.linalg.norm(weights[:, 3] - weights[:, 8]), rtol=0.02)


def test_overshoot_is_a_share_of_the_whole_change(w):
    model = with_margin(w, 10.0)
    sizes = [attacks.get("deepfool")(overshoot=share)(model, GREY, ZERO).l2[0] for share in (0.02, 0.3)]
    assert sizes[1] / sizes[0] == pytest.approx(1.3 / 1.02, rel=1e-3)


# -------------------------------------------------------------------------------------------------------------- traps


def test_pixels_at_exactly_0_and_1_move_in_the_tanhs_space(w):
    """torchattacks' C&W freezes them: their tanh is flat at infinity."""
    x = (np.random.default_rng(0).uniform(size=(3, 28, 28, 1)) < 0.5).astype(np.float32)
    model = two_class(w, 5.0 - float(margin(two_class(w), x[:1])[0]))
    result = attacks.get("cw")()(model, x[:1], ZERO[:1])
    free = np.where(x[0].ravel() > 0, w > 0, w < 0)  # these may go the way that the margin wants
    least = 5.0 / np.linalg.norm(w[free])
    assert result.success.all() and result.l2[0] <= 1.1 * least
    assert result.l2[0] >= least * (1 - 1e-3)


@pytest.mark.parametrize("factor", [1e-10, 1e3])
@pytest.mark.parametrize("name", NAMES)
def test_the_scale_of_the_logits_changes_nothing(plain, few, name, factor):
    knobs = {"loss": "margin"} if name == "ddn" else {}  # the cross-entropy of small logits is another loss
    usual, result = (made(name, **knobs)(model, *few) for model in (plain, scaled(plain, factor)))
    assert (result.success == usual.success).all() and usual.success.all()
    assert np.median(result.size) == pytest.approx(np.median(usual.size), rel=0.05)


@pytest.mark.parametrize("name", ["cw", "ead"])
def test_confidence_is_the_margin_that_success_must_have(plain, few, name):
    sizes = []
    for confidence in (0.0, 3.0, 8.0):
        result = made(name, confidence=confidence)(plain, *few)
        ahead = -np.array(
            [margin(plain, x[None], label)[0] for x, label in zip(result.adversarial, few[1], strict=True)]
        )
        assert result.success.mean() >= 0.9 and (ahead[result.success] >= confidence - 1e-3).all()
        sizes.append(np.median(result.size))
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("name", TARGETABLE)
def test_targets_are_hit_and_cost_more_than_any_class(plain, few, name):
    x, y = few
    free, aimed = made(name)(plain, x, y), made(name, steps=100)(plain, x, y, target=next_class(y))
    assert aimed.success.mean() >= 0.9
    assert np.median(aimed.size) > 1.2 * np.median(free.size)


def saturated_softmax() -> Classifier:
    """A network whose own softmax is 1 to the last bit, wrapped as it would be saved: the wrapper takes it off."""
    rng = np.random.default_rng(2)
    model = build(keras.layers.Flatten(), keras.layers.Dense(10), keras.layers.Softmax())
    model.set_weights([rng.normal(size=(784, 10)).astype(np.float32) * 50, np.zeros(10, np.float32)])
    return Classifier(model)


@pytest.mark.parametrize("name", NAMES)
def test_a_saturated_softmax_hides_nothing(few, name):
    model = saturated_softmax()
    x = few[0][:4]
    result = made(name)(model, x, model.predict(x))
    assert result.success.all() and (result.size > 0).all()


def broken(kind: str) -> Classifier:
    """A network that no attack can do anything with."""
    if kind == "constant":
        return linear(np.zeros((784, 10)))
    if kind == "NaN":
        return linear(np.full((784, 10), np.nan))
    return Classifier(build(keras.layers.Flatten(), keras.layers.Rescaling(0.0, offset=1.0), keras.layers.Dense(10)))


@pytest.mark.parametrize("kind", ["constant", "NaN", "zero gradient"])
@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_can_be_found_the_original_comes_back(few, name, kind):
    model = broken(kind)
    x = few[0][:4]
    result = made(name)(model, x, model.predict(x))
    np.testing.assert_array_equal(result.adversarial, x)
    assert not result.success.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_digit_read_wrong_from_the_start_is_left_alone(plain, few, name):
    x, y = few[0][:4], next_class(few[1][:4])
    result = made(name)(plain, x, y)
    np.testing.assert_array_equal(result.adversarial, x)


@pytest.mark.parametrize("name", NAMES)
def test_stopped_at_once_it_gives_what_it_has(plain, few, name):
    result = made(name)(plain, *few, watch=lambda done, total, x: False)
    fooled = result.fooled
    np.testing.assert_array_equal(result.adversarial[~fooled], few[0][~fooled])
    assert (result.gradients < made(name)(plain, *few).gradients.max()).all()


def test_cw_finds_no_less_than_ddn(plain, hundred):
    """Two roads to one place: the medians agree within a few per cent."""
    cw, ddn = (attacks.get(name)()(plain, *hundred) for name in ("cw", "ddn"))
    assert cw.success.sum() == ddn.success.sum()
    assert np.median(cw.l2) == pytest.approx(np.median(ddn.l2), rel=0.05)


# -------------------------------------------------------------------------------------------------------------- peers


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "norm", "theirs"),
    [
        ("deepfool", "l2", lambda fb: fb.attacks.L2DeepFoolAttack()),
        ("deepfool", "linf", lambda fb: fb.attacks.LinfDeepFoolAttack()),
        ("ddn", "l2", lambda fb: fb.attacks.DDNAttack(steps=100)),
        ("cw", "l2", lambda fb: fb.attacks.L2CarliniWagnerAttack(binary_search_steps=3, steps=60, initial_const=1.0)),
        ("ead", "l1", lambda fb: fb.attacks.EADAttack(binary_search_steps=4, steps=60, decision_rule="L1")),
    ],
)
def test_foolbox_finds_no_smaller_median(plain, name, norm, theirs):
    x, y = some_digits(36, start=60)
    right = plain.predict(x) == y
    x, y = x[right][:30], y[right][:30]
    result = attacks.get(name)()(plain, x, y, norm=norm)
    there = peers.foolbox_run(theirs(peers.foolbox()), plain, x, y, None)
    change = (there.astype(np.float64) - x).reshape(len(x), -1)
    size = np.linalg.norm(change, ord={"l2": 2, "linf": np.inf, "l1": 1}[norm], axis=1)
    size[plain.predict(there) == y] = np.inf
    assert result.success.all() and result.success.mean() >= np.isfinite(size).mean()
    assert np.median(result.size) <= 1.02 * np.median(size)
    if name == "deepfool":  # no randomness, no search: nearly the same images
        np.testing.assert_allclose(result.size, size, rtol=0.05)
