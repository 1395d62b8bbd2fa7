"""What must hold for any input whatever, found out by hypothesis: the lawful never breaks, the rest is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core import attacks, norms
from core.errors import InputError
from tests.support import pairs, quick

IN_BOX = st.floats(0, 1, width=32)


@st.composite
def batches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """One to four images of any sort: flat, black, white, noise, or a few odd pixels; and any labels."""
    n = draw(st.integers(1, 4))
    ground = draw(arrays.arrays(np.float32, (n, 1, 1, 1), elements=IN_BOX))
    x = np.broadcast_to(ground, (n, 28, 28, 1)).copy()
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        x = rng.choice([0.0, 1.0, 0.5, 1e-30, 1 - 2**-24, rng.uniform()], size=x.shape).astype(np.float32)
    for _ in range(draw(st.integers(0, 3))):
        x[draw(st.integers(0, n - 1)), draw(st.integers(0, 27)), draw(st.integers(0, 27)), 0] = draw(IN_BOX)
    return x, draw(arrays.arrays(np.int64, n, elements=st.integers(0, 9)))


def budgets(norm: str, n: int) -> st.SearchStrategy:
    """Any lawful eps: a number or one an image, from nothing and next to nothing to the norm's diameter."""
    one = st.one_of(st.sampled_from([0, 1e-12, 1e-7, 1e-3]), st.floats(0, norms.get(norm).diameter))
    return st.one_of(one, st.lists(one, min_size=n, max_size=n).map(np.array))


@pytest.mark.parametrize(("name", "norm"), pairs())
@given(data=st.data())
def test_lawful_input_gives_a_lawful_result(plain, name, norm, data):
    x, y = data.draw(batches())
    eps = data.draw(budgets(norm, len(x)))
    cls = attacks.get(name)
    target = (y + data.draw(st.integers(1, 9))) % 10 if cls.targetable and data.draw(st.booleans()) else None
    seed = data.draw(st.integers(-(2**70), 2**70))
    before = x.copy()
    result = quick(cls)(plain, x, y, eps=eps, norm=norm, target=target, seed=seed)

    np.testing.assert_array_equal(x, before)
    assert np.isfinite(result.adversarial).all() and np.isfinite(result.logits_adversarial).all()
    assert result.adversarial.min() >= 0 and result.adversarial.max() <= 1
    if not cls.minimises:
        assert (result.size <= np.asarray(eps) + 1e-6).all()
    unmoved = np.broadcast_to(np.asarray(eps) == 0, len(x))
    np.testing.assert_array_equal(result.adversarial[unmoved], x[unmoved])
    assert not (result.success & (result.size > np.asarray(eps) + 1e-6)).any()
    if target is None:
        assert not (result.success & result.already_wrong).any()
    assert ((result.linf <= result.l2 + 1e-9) & (result.l2 <= result.l1 + 1e-9)).all()
    assert (result.l1 <= result.l0 * result.linf + 1e-9).all()


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.integers(-2, 11), max_size=4),
    st.lists(st.floats(), max_size=4),
    st.just({}),
    st.just(object()),
    arrays.arrays(
        st.sampled_from([np.float64, np.int8, np.bool_, np.complex64]), arrays.array_shapes(max_dims=2, max_side=3)
    ),
)


@pytest.mark.parametrize("part", ["x", "y", "eps", "norm", "target", "seed"])
@given(value=ANYTHING)
@settings(max_examples=60)
def test_anything_in_any_place_is_used_or_refused_with_a_sentence(plain, part, value):
    """No TypeError, no IndexError, no silent NaN: an InputError whose message is a sentence, or a result."""
    given_ = {"x": np.full((2, 28, 28, 1), 0.5, np.float32), "y": np.array([0, 1]), "eps": 0.1} | {part: value}
    try:
        result = attacks.get("fgsm")()(plain, **given_)
    except InputError as refusal:
        assert str(refusal)[-1] in ".?" and "\n" not in str(refusal)
    else:
        assert np.isfinite(result.logits_adversarial).all() and len(result) == 2


@given(value=ANYTHING, name=st.sampled_from(["steps", "step_size", "restarts", "random_start", "loss"]))
@settings(max_examples=100)
def test_any_value_of_a_knob_is_taken_or_refused_with_a_sentence(name, value):
    try:
        attack = attacks.get("pgd")(**{name: value})
    except InputError as refusal:
        assert name in str(refusal) and "must be" in str(refusal) and "\n" not in str(refusal)
    else:
        assert hash(attack) == hash(attack)


@given(name=st.one_of(ANYTHING, st.text(alphabet="abcdefgimps_./", max_size=6)))
@settings(max_examples=100)
def test_any_name_is_known_or_refused(name):
    for ask in (attacks.get, norms.get):
        try:
            assert ask(name).name == name
        except InputError as refusal:
            assert str(refusal).startswith("There is no ")


@given(
    d=arrays.arrays(
        np.float32, (2, 28, 28, 1), elements=st.floats(-1, 1, width=32), fill=st.sampled_from([0.0, 0.5, -1.0])
    ),
    eps=st.floats(0, 30),
    name=st.sampled_from(["linf", "l2", "l1"]),  # L0 cannot be scaled down
)
@settings(max_examples=60)
def test_a_projection_is_inside_and_no_farther_than_any_other_point_inside(d, eps, name):
    import tensorflow as tf

    norm = norms.get(name)
    there = norm.project(tf.constant(d), tf.fill([2], np.float32(eps))).numpy()
    size = norm.size(d)
    assert (norm.size(there) <= eps * (1 + 1e-4) + 1e-4).all()
    shrunk = d * np.minimum(1, eps / np.maximum(size, 1e-12))[:, None, None, None]  # one point that is inside
    far = np.linalg.norm((d - there).reshape(2, -1).astype(np.float64), axis=1)
    assert (far <= np.linalg.norm((d - shrunk).reshape(2, -1).astype(np.float64), axis=1) + 1e-3).all()
