"""Steps and projections in L1 that know of the box [0, 1], as Croce and Hein have them in "Mind the box" (ICML 2021).

To project onto the L1 ball first and then to clip, as is usual, leaves much of the budget unspent wherever pixels sit
on the bounds of the box, as those of a digit do. https://arxiv.org/abs/2103.01208
"""

import tensorflow as tf

from core.classifier import IMAGES
from core.norms import PIXELS, per_image
from core.specs import ROW

_CLOSE = 1e-6  # how near to eps, as a share of it, the projected change's size has to come
_ROUNDS = 60  # a bisection of float32 is at its end long before


def project(clean: tf.Tensor, change: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
    """The nearest change (in L2) of L1 size at most eps (n,) with clean + change in [0, 1]: all (n, 28, 28, 1).

    Every pixel shrinks by one threshold an image, and stops at the box. The size falls with the threshold along
    straight pieces: Newton's method finds the piece, and a bisection takes over where it would leave the bracket.
    """
    far = tf.abs(change)
    room = tf.where(change > 0, 1.0 - clean, clean)
    bound = per_image(eps)

    def shrunk(threshold: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(far - threshold, 0.0, room)

    def excess(threshold: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(shrunk(threshold), axis=(1, 2, 3), keepdims=True) - bound

    def narrow(count, threshold, low, high, over):
        low, high = tf.where(over > 0, threshold, low), tf.where(over > 0, high, threshold)
        moving = (far > threshold) & (far - threshold < room)
        pace = tf.reduce_sum(tf.cast(moving, far.dtype), axis=(1, 2, 3), keepdims=True)
        newton = threshold + tf.math.divide_no_nan(over, pace)
        threshold = tf.where((newton > low) & (newton < high), newton, (low + high) / 2)
        # An image whose whole change fits keeps its threshold of 0.
        threshold = tf.where(fits, 0.0, threshold)
        return count + 1, threshold, low, high, excess(threshold)

    def going(count, threshold, low, high, over):
        return (count < _ROUNDS) & tf.reduce_any(tf.logical_not(fits) & (tf.abs(over) > _CLOSE * bound))

    nothing = tf.zeros_like(bound)
    over = excess(nothing)
    fits = over <= 0
    high = tf.reduce_max(far, axis=(1, 2, 3), keepdims=True)
    state = (tf.constant(0), nothing, nothing, high, over)
    threshold = tf.while_loop(going, narrow, state, parallel_iterations=1)[1]
    return tf.sign(change) * shrunk(threshold)


projected = tf.function(project, input_signature=[IMAGES, IMAGES, ROW], autograph=False)


def step(x: tf.Tensor, g: tf.Tensor, length: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """x moved by `length` (n,) in all, spread evenly over that share (n,) of its pixels whose gradients are largest."""
    size = tf.reshape(tf.abs(g), (-1, PIXELS))
    ranked = tf.math.top_k(size, k=PIXELS).values
    last = tf.clip_by_value(tf.cast(share * PIXELS, tf.int32) - 1, 0, PIXELS - 1)
    least = per_image(tf.gather(ranked, last, batch_dims=1))
    d = tf.where(tf.abs(g) >= least, tf.sign(g), 0.0)
    return x + per_image(length) * tf.math.divide_no_nan(d, tf.reduce_sum(tf.abs(d), axis=(1, 2, 3), keepdims=True))


def pixels(d: tf.Tensor) -> tf.Tensor:
    """How many pixels a change moves: (n,) float32."""
    return tf.cast(tf.math.count_nonzero(d, axis=(1, 2, 3)), tf.float32)
