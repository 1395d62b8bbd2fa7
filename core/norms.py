"""The norms in which a change is measured and bounded, as values: L-infinity, L2, L1 and L0, and the size of a warp.

Changes are (n, 28, 28, 1). Sizes are NumPy's and exact to float64; the rest works on tensors, inside compiled graphs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from core.errors import InputError, shown
from core.seeds import Stream

PIXELS = 28 * 28
_TINY = 1e-30  # below every float32 gradient that a rescaled step can meet, above the denormals


def _flat(d: np.ndarray) -> np.ndarray:
    return np.asarray(d, dtype=np.float64).reshape(len(d), -1)


def per_image(values: tf.Tensor) -> tf.Tensor:
    """(n,) -> (n, 1, 1, 1), to stand against images."""
    return tf.reshape(values, (-1, 1, 1, 1))


def _sum(d: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(d, axis=(1, 2, 3), keepdims=True)


def _rescaled(g: tf.Tensor) -> tf.Tensor:
    """g with its largest entry at 1 in every image: squares of tiny gradients would underflow. Zero stays zero."""
    return tf.math.divide_no_nan(g, tf.reduce_max(tf.abs(g), axis=(1, 2, 3), keepdims=True))


def unit_l1(g: tf.Tensor) -> tf.Tensor:
    """g divided by its L1 norm in every image; 0 where g is 0."""
    g = _rescaled(g)
    return tf.math.divide_no_nan(g, _sum(tf.abs(g)))


#: By which norm the gradient tells how far the border is, for changes in each.
DUAL = {"linf": "l1", "l2": "l2", "l1": "linf"}


class Norm(ABC):
    """A norm as a value: name is its key, title what a page prints, diameter the largest change within [0, 1].

    of_pixels: whether the change's pixels tell its size; where they do not, the attack says it itself.
    """

    name: str
    title: str
    diameter: float
    of_pixels: bool = True

    @abstractmethod
    def size(self, d: np.ndarray) -> np.ndarray:
        """The norm of each change: (n, ...) -> (n,) float64."""

    @abstractmethod
    def project(self, d: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """The nearest point (in L2) to each change d in the ball of radius eps (n,)."""

    @abstractmethod
    def steepest(self, g: tf.Tensor) -> tf.Tensor:
        """The change of norm 1 along which a function with gradient g rises fastest; 0 where g is 0."""

    @abstractmethod
    def uniform(self, stream: Stream) -> np.ndarray:
        """(n, 28, 28, 1) float32, uniform in the unit ball, from each image's own stream."""

    def step(self, x: tf.Tensor, g: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """x moved by `length` (n,) along the steepest direction."""
        return x + per_image(length) * self.steepest(g)

    def confiner(self, clean: tf.Tensor, eps: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function that puts images back into the ball of radius eps (n,) about clean, and into the box [0, 1]."""
        return lambda x: tf.clip_by_value(clean + self.project(x - clean, eps), 0.0, 1.0)


class Linf(Norm):
    name, title, diameter = "linf", "L∞", 1.0

    def size(self, d: np.ndarray) -> np.ndarray:
        return np.abs(_flat(d)).max(axis=1)

    def project(self, d: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        bound = per_image(eps)
        return tf.minimum(tf.maximum(d, -bound), bound)

    def steepest(self, g: tf.Tensor) -> tf.Tensor:
        return tf.sign(g)

    def confiner(self, clean: tf.Tensor, eps: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
        # Ball and box are both boxes here: their bounds are taken once, outside of the attack's loop.
        low = tf.maximum(clean - per_image(eps), 0.0)
        high = tf.minimum(clean + per_image(eps), 1.0)
        return lambda x: tf.minimum(tf.maximum(x, low), high)

    def uniform(self, stream: Stream) -> np.ndarray:
        return (2 * stream.uniform(PIXELS) - 1).reshape(-1, 28, 28, 1)


class L2(Norm):
    name, title, diameter = "l2", "L2", float(np.sqrt(PIXELS))

    def size(self, d: np.ndarray) -> np.ndarray:
        flat = _flat(d)
        return np.sqrt(np.einsum("ij,ij->i", flat, flat))

    def project(self, d: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        # Clip, never normalise: a change inside the ball stays as it is.
        size = tf.sqrt(_sum(d * d))
        return d * tf.minimum(1.0, tf.math.divide_no_nan(per_image(eps), tf.maximum(size, _TINY)))

    def steepest(self, g: tf.Tensor) -> tf.Tensor:
        g = _rescaled(g)
        return tf.math.divide_no_nan(g, tf.sqrt(_sum(g * g)))

    def uniform(self, stream: Stream) -> np.ndarray:
        direction = stream.normal(PIXELS)
        radius = stream.uniform(1) ** np.float32(1 / PIXELS)
        direction *= radius / np.linalg.norm(direction, axis=1, keepdims=True)
        return direction.reshape(-1, 28, 28, 1)


class L1(Norm):
    name, title, diameter = "l1", "L1", float(PIXELS)
    _REACH = 64  # pixels that one step may move: more than any step of a tenth of a sensible eps can fill
    # How far one step may move one pixel: a gradient does not hold for farther. On plain_cnn, PGD-20 from the digit at
    # eps 8 fooled 63.2 % of every tenth bundled digit with this bound, and 58.0 % without it.
    _FAR = 0.25

    def size(self, d: np.ndarray) -> np.ndarray:
        return np.abs(_flat(d)).sum(axis=1)

    def project(self, d: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """Soft thresholding onto the L1 ball (Duchi et al., 2008); the threshold by Michelot's fixed point (1986).

        Michelot's set of active pixels only shrinks, so the loop ends, and it ends at the exact projection without a
        sort.
        """
        size = tf.abs(d)
        bound = per_image(eps)
        outside = _sum(size) > bound

        def threshold(active: tf.Tensor) -> tf.Tensor:
            return tf.math.divide_no_nan(_sum(size * active) - bound, _sum(active))

        def narrow(active: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            kept = tf.cast(size > threshold(active), size.dtype) * active
            # An eps below the sum's rounding may empty the set: its last members then stay, and shrink to nothing.
            kept = tf.where(_sum(kept) > 0, kept, active)
            return kept, tf.reduce_any(outside & (_sum(kept) < _sum(active)))

        start = tf.ones_like(size)
        active, _ = tf.while_loop(lambda _, moving: moving, narrow, (start, tf.reduce_any(outside)))
        shrunk = tf.sign(d) * tf.maximum(size - tf.maximum(threshold(active), 0.0), 0.0)
        return tf.where(outside, shrunk, d)

    def steepest(self, g: tf.Tensor) -> tf.Tensor:
        """All of the change on the one pixel whose gradient is largest."""
        flat = tf.reshape(g, (-1, PIXELS))
        best = tf.argmax(tf.abs(flat), axis=1)
        return tf.reshape(tf.sign(flat) * tf.one_hot(best, PIXELS, dtype=g.dtype), tf.shape(g))

    def step(self, x: tf.Tensor, g: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """x moved by `length` in all, on the pixels of largest gradient with room in [0, 1], each by at most 0.25.

        The steepest direction alone would push one pixel that has long been full. Within the box, filling pixels in the
        order of their gradients is the best step of that length; it reaches at most 64 of them.
        """
        flat = tf.reshape(g, (-1, PIXELS))
        here = tf.reshape(x, (-1, PIXELS))
        room = tf.minimum(tf.where(flat > 0, 1.0 - here, here), self._FAR) * tf.abs(tf.sign(flat))
        value, place = tf.math.top_k(tf.where(room > 0, tf.abs(flat), -1.0), k=self._REACH)
        room = tf.gather(room, place, batch_dims=1) * tf.cast(value > 0, x.dtype)
        spent = tf.cumsum(room, axis=1, exclusive=True)
        moved = tf.minimum(room, tf.maximum(length[:, None] - spent, 0.0))
        moved *= tf.sign(tf.gather(flat, place, batch_dims=1))
        rows = tf.broadcast_to(tf.range(tf.shape(place)[0])[:, None], tf.shape(place))
        flat = tf.tensor_scatter_nd_add(here, tf.stack([rows, place], axis=-1), moved)
        return tf.reshape(flat, tf.shape(x))

    def uniform(self, stream: Stream) -> np.ndarray:
        # One exponential more than there are pixels: the share of all but the last is uniform in the simplex's cone.
        share = -np.log(stream.uniform(PIXELS + 1))
        share = share[:, :PIXELS] / share.sum(axis=1, keepdims=True)
        return np.where(stream.uniform(PIXELS) < 0.5, -share, share).reshape(-1, 28, 28, 1)


class L0(Norm):
    """How many pixels changed, however far: no norm by the book, but the field counts it as one."""

    name, title, diameter = "l0", "L0", float(PIXELS)

    def size(self, d: np.ndarray) -> np.ndarray:
        return l0(d).astype(np.float64)

    def project(self, d: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """The eps pixels (rounded down) that changed most, the first of equals; the others go back."""
        flat = tf.reshape(d, (-1, PIXELS))
        order = tf.argsort(tf.abs(flat), axis=1, direction="DESCENDING", stable=True)
        rank = tf.argsort(order, axis=1)
        kept = tf.where(tf.cast(rank, eps.dtype) < tf.floor(eps)[:, None], flat, 0.0)
        return tf.reshape(kept, tf.shape(d))

    def steepest(self, g: tf.Tensor) -> tf.Tensor:
        """A change of 1 on the one pixel whose gradient is largest."""
        return _NORMS["l1"].steepest(g)

    def uniform(self, stream: Stream) -> np.ndarray:
        # One pixel of the 784, moved by anything from -1 to 1.
        place, move = (stream.uniform(1) * PIXELS).astype(int), 2 * stream.uniform(1) - 1
        return np.where(np.arange(PIXELS) == place, move, np.float32(0)).reshape(-1, 28, 28, 1)


class Warp(Norm):
    """The size of a turn and a shift, as a share of the largest that the attack allows itself.

    A digit that moved by one pixel has changed everywhere: pixels say nothing here, so the attack tells the size.
    """

    name, title, diameter, of_pixels = "warp", "Warp", 1.0, False

    def size(self, d: np.ndarray) -> np.ndarray:
        raise TypeError("The size of a warp cannot be told from pixels; read it from the result.")

    def project(self, d: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        raise TypeError("A warp is no change of pixels that could be projected.")

    def steepest(self, g: tf.Tensor) -> tf.Tensor:
        raise TypeError("A warp has no steepest change of pixels.")

    def uniform(self, stream: Stream) -> np.ndarray:
        raise TypeError("A warp has no random change of pixels.")


_NORMS: dict[str, Norm] = {norm.name: norm for norm in (Linf(), L2(), L1(), L0(), Warp())}


def names() -> tuple[str, ...]:
    """The names of all norms that can bound a change of pixels."""
    return tuple(name for name, norm in _NORMS.items() if norm.of_pixels)


def get(name: str) -> Norm:
    """The norm of that name, or InputError."""
    if not isinstance(name, str) or name not in _NORMS:
        raise InputError(f"There is no norm named {shown(name)}; there are {', '.join(_NORMS)}.")
    return _NORMS[name]


def l0(d: np.ndarray) -> np.ndarray:
    """How many pixels changed at all: (n, ...) -> (n,) int64."""
    return np.count_nonzero(np.asarray(d).reshape(len(d), -1), axis=1).astype(np.int64)
