"""Losses against their definitions in NumPy, and their hand-written gradients against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from core import losses
from core.errors import InputError

ROWS = 12


def case(aimed: bool, scale: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    logits = (rng.normal(size=(ROWS, 10)) * scale).astype(np.float32)
    labels = rng.integers(0, 10, ROWS).astype(np.int32)
    labels[:3] = logits[:3].argmax(axis=1)  # some rows are still right
    target = ((labels + rng.integers(1, 10, ROWS)) % 10).astype(np.int32) if aimed else np.full(ROWS, -1, np.int32)
    return logits, labels, target


def defined(name: str, logits: np.ndarray, label: int, target: int) -> float:
    """The loss of one row, straight from the papers; climbing it attacks."""
    z = logits.astype(np.float64)
    aimed, pivot = target >= 0, target if target >= 0 else label
    sign = 1.0 if aimed else -1.0
    if name == "cross_entropy":
        return sign * (z[pivot] - np.log(np.exp(z - z.max()).sum()) - z.max())
    best_other = np.delete(z, pivot).max()
    if name == "margin":
        return sign * (z[pivot] - best_other)
    fallen = np.sort(z)[::-1]
    if aimed:
        return -(z[label] - z[target]) / (fallen[0] - (fallen[2] + fallen[3]) / 2)
    return -(z[label] - np.delete(z, label).max()) / (fallen[0] - fallen[2])


def value(name: str, *given: np.ndarray) -> np.ndarray:
    return losses.value(tf.constant(losses.index(name)), *map(tf.constant, given)).numpy()


def test_the_names_and_the_refusal():
    assert set(losses.names()) == {"cross_entropy", "margin", "dlr"}
    with pytest.raises(InputError, match="no loss named 'hinge'"):
        losses.index("hinge")


@pytest.mark.parametrize("aimed", [False, True], ids=["untargeted", "targeted"])
@pytest.mark.parametrize("name", losses.names())
def test_values_follow_the_definitions(name, aimed):
    logits, labels, target = case(aimed)
    wanted = [defined(name, *row) for row in zip(logits, labels, target, strict=True)]
    np.testing.assert_allclose(value(name, logits, labels, target), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("aimed", [False, True], ids=["untargeted", "targeted"])
@pytest.mark.parametrize("name", losses.names())
def test_slopes_are_the_gradients_of_the_values(name, aimed):
    logits, labels, target = case(aimed)
    z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(
            losses.value(tf.constant(losses.index(name)), z, tf.constant(labels), tf.constant(target))
        )
    slope, scale = losses.slope(tf.constant(losses.index(name)), z, tf.constant(labels), tf.constant(target))
    np.testing.assert_allclose(slope * scale[:, None], tape.gradient(total, z), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", losses.names())
def test_slopes_stay_of_moderate_size_when_the_softmax_saturates(name):
    """Logits a thousand times larger: the plain gradient of the cross-entropy is zero to float32; the slope is not."""
    logits, _, target = case(aimed=False, scale=3000.0)
    labels = logits.argmax(axis=1).astype(np.int32)
    slope, _ = losses.slope(tf.constant(losses.index(name)), *map(tf.constant, (logits, labels, target)))
    largest = np.abs(slope).max(axis=1)
    assert np.isfinite(slope).all() and (largest > 0.1).all() and (largest < 20).all()


def test_dlr_does_not_change_with_the_scale_of_the_logits():
    logits, labels, target = case(aimed=False)
    np.testing.assert_allclose(
        value("dlr", logits, labels, target), value("dlr", logits * np.float32(50), labels, target), rtol=1e-4
    )


def test_the_margin_is_positive_exactly_where_the_attack_has_succeeded():
    logits, labels, target = case(aimed=False)
    np.testing.assert_array_equal(value("margin", logits, labels, target) > 0, logits.argmax(axis=1) != labels)
    logits, labels, target = case(aimed=True)
    np.testing.assert_array_equal(value("margin", logits, labels, target) > 0, logits.argmax(axis=1) == target)


@pytest.mark.parametrize("name", losses.names())
def test_equal_logits_give_no_nan(name):
    given = (np.zeros((2, 10), np.float32), np.array([0, 3], np.int32), np.array([-1, 4], np.int32))
    slope, scale = losses.slope(tf.constant(losses.index(name)), *map(tf.constant, given))
    assert np.isfinite(value(name, *given)).all() and np.isfinite(slope).all() and np.isfinite(scale).all()


@pytest.mark.parametrize("aimed", [False, True], ids=["untargeted", "targeted"])
@pytest.mark.parametrize("name", losses.names())
def test_heights_rank_points_as_the_loss_does_and_never_saturate(name, aimed):
    logits, labels, target = case(aimed)
    labels[:], target[:] = labels[0], target[0]  # one image, at many points
    pivot = target[0] if aimed else labels[0]

    def height(logits: np.ndarray) -> np.ndarray:
        return losses.height(tf.constant(losses.index(name)), *map(tf.constant, (logits, labels, target))).numpy()

    rank = [np.argsort(heights, kind="stable") for heights in (height(logits), value(name, logits, labels, target))]
    np.testing.assert_array_equal(*rank)
    logits[:, pivot] += 200
    if name == "cross_entropy":
        assert len(set(value(name, logits, labels, target))) < ROWS == len(set(height(logits)))
