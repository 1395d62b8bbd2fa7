"""What a network reads in the plane through a digit: two directions, a grid of points, every one of them asked.

A plane is x + a u + b v. Directions made by `unit`, `orthogonal` and `random_direction` have size 1 in a norm, so that
a and b are distances in that norm's units along either axis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _inputs
from core.attacks._gradient import gradient_of
from core.attacks._parts import side_by_side
from core.classifier import CLASSES, IMAGE, Classifier, softmax
from core.errors import InputError, shown
from core.seeds import Stream
from core.specs import NUMBER

COUNT = 101
_PICTURE = tf.TensorSpec(IMAGE, tf.float32)
_PLACES = tf.TensorSpec((None, 2), tf.float32)


# --------------------------------------------------------------------------------------------------------- directions


def unit(d: np.ndarray, norm: str = "l2") -> np.ndarray:
    """The direction of the change d (28, 28, 1), at size 1 in the norm: float64. InputError where d is 0."""
    d = _change(d, "The direction")
    size = _of_pixels(norm).size(d[None])[0]
    if size == 0:
        raise InputError("The direction is zero everywhere; a change of at least one pixel was expected.")
    return d / size


def orthogonal(d: np.ndarray, to: np.ndarray, norm: str = "l2") -> np.ndarray:
    """What of the change d is at right angles to the direction `to`, at size 1 in the norm: (28, 28, 1) float64.

    For d, take another attack's change, or another digit less this one. InputError where d runs along `to`.
    """
    d, to = _change(d, "The direction"), _change(to, "The other direction")
    rest = d - to * (np.vdot(to, d) / max(np.vdot(to, to), np.finfo(float).tiny))
    if np.linalg.norm(rest) <= 1e-6 * np.linalg.norm(d):
        raise InputError("The two directions are parallel, or one is zero; a plane needs two that differ.")
    return unit(rest - to * (np.vdot(to, rest) / max(np.vdot(to, to), np.finfo(float).tiny)), norm)


def random_direction(to: np.ndarray, norm: str = "l2", seed: int = 0) -> np.ndarray:
    """A random direction at right angles to `to`, at size 1 in the norm: the same for the same seed and `to`."""
    to = _change(to, "The direction")
    noise = Stream(to[None].astype(np.float32), _inputs.seed(seed)).normal(norms.PIXELS)
    return orthogonal(noise.reshape(IMAGE), to, norm)


# -------------------------------------------------------------------------------------------------------------- plane


@dataclass(frozen=True, eq=False)
class Plane:
    """The network's answers on a grid. Row i and column j belong to the point x + a[j] u + b[i] v.

    x, u, v: (28, 28, 1), u and v float64; a, b: (count,) float64, rising; logits: (count, count, 10) float32;
    clipped: whether each point was clipped into [0, 1] before the network saw it; outside: (count, count) float32, how
    far the farthest pixel of the point lies outside of [0, 1], 0 for a true image.
    """

    x: np.ndarray
    u: np.ndarray
    v: np.ndarray
    a: np.ndarray
    b: np.ndarray
    logits: np.ndarray
    clipped: bool
    outside: np.ndarray

    @cached_property
    def prediction(self) -> np.ndarray:
        """The class read at each point: (count, count) int64."""
        return self.logits.argmax(axis=-1)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The softmax of the logits: (count, count, 10) float32."""
        return softmax(self.logits.reshape(-1, CLASSES)).reshape(self.logits.shape)

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of the class read at each point: (count, count) float32."""
        return self.probabilities.max(axis=-1)

    def loss(self, label: int, name: str = "cross_entropy", target: int | None = None) -> np.ndarray:
        """The loss of core.losses of that name at each point, as an attack climbs it: (count, count) float32."""
        flat, which = self.logits.reshape(-1, CLASSES), tf.constant(losses.index(name))
        y = _inputs.labels(np.array([label]), 1)
        aim = -1 if target is None else int(_inputs.labels(np.array([target]), 1)[0])
        classes = (tf.fill([len(flat)], np.int32(each)) for each in (int(y[0]), aim))
        return losses.value(which, tf.constant(flat), *classes).numpy().reshape(self.logits.shape[:2])

    def picture(self, a: float, b: float) -> np.ndarray:
        """What the network saw at x + a u + b v: (28, 28, 1) float32."""
        point = (self.x + a * self.u + b * self.v).astype(np.float32)
        return np.clip(point, 0, 1) if self.clipped else point


def plane(
    model: Classifier,
    x: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    extent: float | tuple[float, float, float, float],
    count: int = COUNT,
    *,
    clip: bool = True,
) -> Plane:
    """Ask the model at count x count points of the plane x + a u + b v.

    x: (28, 28, 1) in [0, 1]; u, v: directions (28, 28, 1); extent: the largest |a| and |b|, or the four bounds (least
    a, greatest a, least b, greatest b); count: points along each axis.

    clip: most directions soon leave [0, 1], where no image is: each point is then clipped into the box, as every attack
    clips what it makes. That bends the plane at the box. Without it the plane is flat, and much of it shows how the
    network would go on beyond anything that it can be given; Plane.outside tells which part.

    Raises InputError for anything else.
    """
    x = _inputs.images(np.asarray(x)[None])[0]
    u, v = _change(u, "u"), _change(v, "v")
    a, b = _axes(extent, count)
    places = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2).astype(np.float32)
    graph = _inputs.model(model).graph(
        "plane", lambda: _build_plane(model), [_PICTURE, _PICTURE, _PICTURE, _PLACES, NUMBER, NUMBER]
    )
    low, high = (0.0, 1.0) if clip else (-np.inf, np.inf)
    given = [tf.constant(each.astype(np.float32)) for each in (x, u, v)] + [tf.constant(low), tf.constant(high)]

    def ask(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, outside = graph(*given[:3], places[rows], *given[3:])
        return logits.numpy(), outside.numpy()

    logits, outside = zip(*side_by_side(ask, np.arange(len(places))), strict=True)
    return Plane(
        x=x,
        u=u,
        v=v,
        a=a,
        b=b,
        logits=np.concatenate(logits).reshape(len(b), len(a), CLASSES),
        clipped=bool(clip),
        outside=np.concatenate(outside).reshape(len(b), len(a)),
    )


def _build_plane(model: Classifier) -> Callable:
    def run(x, u, v, places, low, high):
        # One product of small matrices: the points as x + a u + b v would take several passes over all of them.
        basis = tf.reshape(tf.stack([u, v]), (2, -1))
        flat = tf.nn.bias_add(tf.matmul(places, basis), tf.reshape(x, (-1,)))
        outside = tf.maximum(tf.reduce_max(flat, axis=1) - 1.0, -tf.reduce_min(flat, axis=1))
        points = tf.reshape(tf.clip_by_value(flat, low, high), (-1, *IMAGE))
        return lowering.forward(model.keras)(points), tf.maximum(outside, 0.0)

    return run


def _axes(extent: Any, count: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(count, bool) or not isinstance(count, Integral) or not 2 <= int(count) <= 501:
        raise InputError(f"count is {shown(count)}; a whole number of points from 2 to 501 was expected.")
    given = (extent,) if isinstance(extent, Real) and not isinstance(extent, bool) else extent
    try:
        bounds = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        bounds = np.empty(0)
    if bounds.shape == (1,):
        bounds = bounds[0] * np.array([-1.0, 1.0, -1.0, 1.0])
    if bounds.shape != (4,) or not np.isfinite(bounds).all() or bounds[0] >= bounds[1] or bounds[2] >= bounds[3]:
        raise InputError(
            f"extent is {shown(extent)}; a number above 0 was expected, or four: the least and the greatest a, the "
            "least and the greatest b."
        )
    return np.linspace(bounds[0], bounds[1], int(count)), np.linspace(bounds[2], bounds[3], int(count))


# ------------------------------------------------------------------------------------------- what is drawn into it


def coordinates(points: np.ndarray, x: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where images (k, 28, 28, 1) lie in the plane x + a u + b v: (k, 2) of a and b, and how far beside it: (k,).

    The foot of the perpendicular, and its length in L2: an attack's path seldom stays in a plane, and what is drawn of
    it is its shadow. Takes a path of one digit, Result.path[:, row].
    """
    u, v = _change(u, "u"), _change(v, "v")
    change = np.asarray(points, dtype=np.float64).reshape(-1, norms.PIXELS) - np.asarray(x, np.float64).reshape(-1)
    basis = np.stack([u.ravel(), v.ravel()], axis=1)
    places, _, rank, _ = np.linalg.lstsq(basis, change.T, rcond=None)
    if rank < 2:
        raise InputError("The two directions are parallel, or one is zero; a plane needs two that differ.")
    return places.T, np.linalg.norm(change - places.T @ basis.T, axis=1)


def ball(u: np.ndarray, v: np.ndarray, eps: float, norm: str, count: int = 720) -> np.ndarray:
    """The rim of the ball of radius eps about the digit, where it cuts the plane: (m, 2) of a and b, closed.

    Each point is a change of exactly that size, before any clipping. In L1 the corners are among them, so that the
    polygon is exact; in L-infinity and L2 there are `count` points, evenly round about.
    """
    u, v, chosen = _change(u, "u"), _change(v, "v"), _of_pixels(norm)
    if isinstance(eps, bool) or not isinstance(eps, Real) or not np.isfinite(eps) or eps < 0:
        raise InputError(f"eps is {shown(eps)}; a number from 0 up was expected.")
    angle = np.linspace(0, 2 * np.pi, count + 1)
    if chosen.name == "l1":
        # The L1 norm bends where a pixel's change turns from positive to negative.
        bends = np.arctan2(-u.ravel(), v.ravel())[(u.ravel() != 0) | (v.ravel() != 0)]
        angle = np.unique(np.concatenate([angle, bends % (2 * np.pi), (bends + np.pi) % (2 * np.pi)]))
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    size = chosen.size(np.einsum("ma,aijk->mijk", rays, np.stack([u, v])))
    if (size == 0).any():
        raise InputError("The two directions are parallel, or one is zero; a plane needs two that differ.")
    return rays * (eps / size)[:, None]


def input_gradient(
    model: Classifier, x: np.ndarray, y: int, loss: str = "cross_entropy", target: int | None = None
) -> np.ndarray:
    """The loss's gradient in the pixels of x (28, 28, 1) of label y, as a picture: (28, 28, 1) float32 in [-1, 1].

    Its largest entry is scaled to 1 or -1, since a network that is sure of itself has next to none; where it has no
    gradient at all, the picture is 0.
    """
    x = _inputs.images(np.asarray(x)[None])
    label, aim = _inputs.labels(np.array([y]), 1), np.array([-1 if target is None else target])
    if target is not None:
        aim = _inputs.labels(aim, 1)

    g, _ = gradient_of(_inputs.model(model))(x, tf.constant(losses.index(loss)), label.astype("i4"), aim.astype("i4"))
    g = g.numpy()[0]
    return g / (np.abs(g).max() or 1)


# ------------------------------------------------------------------------------------------------------------- checks


def _change(d: Any, name: str) -> np.ndarray:
    """(28, 28, 1) finite float64, or InputError."""
    try:
        d = np.asarray(d, dtype=np.float64)
    except (TypeError, ValueError):
        d = np.empty(0)
    if d.shape != IMAGE or not np.isfinite(d).all():
        raise InputError(f"{name} is no change of a digit; finite numbers of shape (28, 28, 1) were expected.")
    return d


def _of_pixels(norm: str) -> norms.Norm:
    """linf, l2 or l1, or InputError: the others have no unit length."""
    chosen = norms.get(norm)
    if chosen.name not in ("linf", "l2", "l1"):
        raise InputError(f"In the norm {chosen.name} a direction has no length; linf, l2 or l1 was expected.")
    return chosen
