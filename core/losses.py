"""Per-example losses on logits, which attacks climb, and their gradients with respect to the logits in closed form.

Every loss is written so that climbing it attacks: away from the label, or, with a target, towards the target. labels
and target are (n,) integers; target is -1 where there is none. Closed forms buy two things: a loss is chosen by a
tensor, so that a graph is traced once for all of them; and the softmax never saturates, because its gradient comes
rescaled.
"""

import tensorflow as tf

from core.errors import InputError, shown

_NAMES = ("cross_entropy", "margin", "dlr")
_FAR = 1e30
#: Of the largest logit: a margin below that is rounding, which the judge may round the other way.
ROUNDING = 1e-5


def names() -> tuple[str, ...]:
    """The names of all losses."""
    return _NAMES


def index(name: str) -> int:
    """The number by which a compiled graph knows a loss, or InputError."""
    if not isinstance(name, str) or name not in _NAMES:
        raise InputError(f"There is no loss named {shown(name)}; there are {', '.join(_NAMES)}.")
    return _NAMES.index(name)


def _pivot(labels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The class that a loss is about, and +1 to climb towards it or -1 to climb away from it, as (n, 1)."""
    aimed = target >= 0
    return tf.where(aimed, target, labels), tf.where(aimed, 1.0, -1.0)[:, None]


def _mask(classes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.one_hot(classes, logits.shape[-1], dtype=logits.dtype)


def best_other(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The likeliest class that is not the label: (n,) int32."""
    return tf.argmax(logits - _FAR * _mask(labels, logits), axis=1, output_type=tf.int32)


def _pick(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    return tf.gather(logits, classes, batch_dims=1)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the label, or minus that of the target: (n,)."""
    pivot, sign = _pivot(labels, target)
    return -sign[:, 0] * tf.nn.sparse_softmax_cross_entropy_with_logits(labels=pivot, logits=logits)


def margin(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The best other logit minus the label's, or the target's minus the best other (Carlini & Wagner, 2017): (n,).

    Positive exactly when the attack has succeeded.
    """
    pivot, sign = _pivot(labels, target)
    return sign[:, 0] * (_pick(logits, pivot) - _pick(logits, best_other(logits, pivot)))


def dlr(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Difference of logits ratio (Croce & Hein, 2020): a margin that ignores the logits' scale: (n,)."""
    rival, _, spread = _dlr_parts(logits, labels, target)
    return tf.math.divide_no_nan(_pick(logits, rival) - _pick(logits, labels), spread)


def _dlr_parts(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The rival class, the gradient of the denominator (n, 10), and the denominator (n,)."""
    top, order = tf.math.top_k(logits, k=4)
    aimed = target >= 0
    rival = tf.where(aimed, target, best_other(logits, labels))
    first, third, fourth = (_mask(order[:, k], logits) for k in (0, 2, 3))
    low = tf.where(aimed, (top[:, 2] + top[:, 3]) / 2, top[:, 2])
    slope = first - tf.where(aimed[:, None], (third + fourth) / 2, third)
    return rival, slope, top[:, 0] - low


def _cross_entropy_slope(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    pivot, sign = _pivot(labels, target)
    mask = _mask(pivot, logits)
    others = logits - _FAR * mask
    most = tf.reduce_max(others, axis=1, keepdims=True)
    # Softmax over the other classes only, the likeliest at 1; the pivot's share balances them, however small they are.
    share = tf.exp(others - most)
    slope = sign * (mask * tf.reduce_sum(share, axis=1, keepdims=True) - share)
    return slope, tf.exp(most[:, 0] - tf.reduce_logsumexp(logits, axis=1))


def _margin_slope(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    pivot, sign = _pivot(labels, target)
    return sign * (_mask(pivot, logits) - _mask(best_other(logits, pivot), logits)), tf.ones_like(logits[:, 0])


def _dlr_slope(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    rival, slope, spread = _dlr_parts(logits, labels, target)
    ratio = tf.math.divide_no_nan(_pick(logits, rival) - _pick(logits, labels), spread)
    return _mask(rival, logits) - _mask(labels, logits) - ratio[:, None] * slope, tf.math.reciprocal_no_nan(spread)


def value(which: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The loss of that number for each image: (n,) float32."""
    given = (logits, labels, target)
    return tf.switch_case(which, [lambda: cross_entropy(*given), lambda: margin(*given), lambda: dlr(*given)])


def slope(which: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The loss's gradient in the logits: (n, 10) of moderate entries, and the scale (n,) they were divided by.

    Attacks that use a direction alone leave the scale out, and so see a gradient where a saturated softmax shows zero.
    """
    given = (logits, labels, target)
    return tf.switch_case(
        which, [lambda: _cross_entropy_slope(*given), lambda: _margin_slope(*given), lambda: _dlr_slope(*given)]
    )


def height(which: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """What ranks an image's points as the loss of that number does, without ever saturating: (n,) float32.

    For cross-entropy it is the log of the odds, which still tells points apart where the loss itself rounds to 0.
    """
    given = (logits, labels, target)
    return tf.switch_case(which, [lambda: _log_odds(*given), lambda: margin(*given), lambda: dlr(*given)])


def _log_odds(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    pivot, sign = _pivot(labels, target)
    others = logits - _FAR * _mask(pivot, logits)
    return sign[:, 0] * (_pick(logits, pivot) - tf.reduce_logsumexp(others, axis=1))
