"""How Square Attack proposes its next image in each norm: where the square lies, how large it is, what it holds.

Inside the compiled loop. `u` (k, DRAWS) are each image's own uniform random numbers of that iteration.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import tensorflow as tf

from core import norms
from core.norms import PIXELS, per_image

SIDE = 28
DRAWS = {"linf": 3, "l2": 6, "l1": 6}  # random numbers of one iteration: places and signs
START_DRAWS = {"linf": SIDE, "l2": 50, "l1": 50}
_TILE = SIDE // 5
_TINY = 1e-12


def sides(norm: str, p_init: float, queries: int) -> np.ndarray:
    """(queries,) int32: the side of the square at each query, by the paper's schedule, which halves p eight times."""
    ends = np.array([10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000])
    at = (np.arange(queries) / queries * 10000).astype(int)
    p = p_init / 2.0 ** np.searchsorted(ends, at, side="left")
    side = np.rint(np.sqrt(p * PIXELS)).astype(np.int32).clip(1, SIDE)
    if norm == "linf":
        return side
    side = side.clip(3, SIDE - 1)
    return side + (side % 2 == 0)


def _pyramid(rows: int, columns: int) -> np.ndarray:
    """A heap of growing rectangles, each a ring farther out and lower: rows x columns."""
    heap = np.zeros((rows, columns), np.float32)
    top, left = rows // 2, columns // 2
    for ring in range(max(rows, columns) // 2 + 1):
        heap[max(top - ring, 0) : top + ring + 1, max(left - ring, 0) : left + ring + 1] += 1 / (ring + 1) ** 2
    return heap


@cache
def bumps(order: int) -> np.ndarray:
    """(SIDE + 1, 2, 56 * 56) float32: for each side, a heap beside a hollow, upright and lying, with size 1 in L_order.

    Each stands in the lower right quarter of a sheet of zeros, so that a look-up outside of the square finds nothing.
    """
    sheets = np.zeros((SIDE + 1, 2, 2 * SIDE, 2 * SIDE), np.float32)
    for side in range(2, SIDE + 1):
        bump = np.concatenate([_pyramid(side // 2, side), -_pyramid(side - side // 2, side)])
        for lying, shape in enumerate((bump, bump.T)):
            sheets[side, lying, SIDE : SIDE + side, SIDE : SIDE + side] = shape / np.linalg.norm(shape.ravel(), order)
    return sheets.reshape(SIDE + 1, 2, -1)


def _sign(u: tf.Tensor) -> tf.Tensor:
    return tf.where(u < 0.5, -1.0, 1.0)


def _corner(u: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """The first row (or column) of a square of that side, any that fits: (k,) int32."""
    return tf.cast(u * tf.cast(SIDE - side + 1, tf.float32), tf.int32)


def _window(u: tf.Tensor, v: tf.Tensor, side: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """1 inside a square placed by u and v, 0 outside: (k, 28, 28, 1); and its first row and column."""
    top, left = _corner(u, side), _corner(v, side)
    place = tf.range(SIDE)
    down, across = ((place >= first[:, None]) & (place < first[:, None] + side) for first in (top, left))
    return tf.cast(down[:, :, None, None] & across[:, None, :, None], tf.float32), top, left


def _bump(sheet: tf.Tensor, top: tf.Tensor, left: tf.Tensor, lying: tf.Tensor) -> tf.Tensor:
    """The bump of that sheet (2, 56 * 56), with its corner at (top, left): (k, 28, 28, 1)."""
    place = tf.range(SIDE, 2 * SIDE)
    down, across = place - top[:, None], place - left[:, None]
    flat = down[:, :, None] * (2 * SIDE) + across[:, None, :] + lying[:, None, None] * (4 * SIDE * SIDE)
    return tf.gather(tf.reshape(sheet, (-1,)), flat)[..., None]


def _size(d: tf.Tensor, order: int) -> tf.Tensor:
    """The norm of each image's change: (k, 1, 1, 1)."""
    if order == 1:
        return tf.reduce_sum(tf.abs(d), axis=[1, 2, 3], keepdims=True)
    return tf.sqrt(tf.reduce_sum(d * d, axis=[1, 2, 3], keepdims=True))


Proposal = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def proposer(norm: norms.Norm) -> Proposal:
    """A function (clean, x, eps, u, side) -> the next image to try."""
    return _proposer_linf if norm.name == "linf" else _proposer_sized(norm)


def _proposer_linf(clean: tf.Tensor, x: tf.Tensor, eps: tf.Tensor, u: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """The whole square to one end of the budget."""
    window, _, _ = _window(u[:, 0], u[:, 1], side)
    end = tf.clip_by_value(clean + per_image(eps * _sign(u[:, 2])), 0.0, 1.0)
    return x + window * (end - x)


def _proposer_sized(norm: norms.Norm) -> Proposal:
    """All that one square holds of the budget, and what is left over, goes to another, on top of what that held."""
    order = 2 if norm.name == "l2" else 1

    def propose(clean: tf.Tensor, x: tf.Tensor, eps: tf.Tensor, u: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
        change, budget = x - clean, per_image(eps)
        gains, top, left = _window(u[:, 0], u[:, 1], side)
        loses, _, _ = _window(u[:, 2], u[:, 3], side)
        unused = tf.maximum(budget**order - _size(change, order) ** order, 0.0)
        room = (unused + _size(change * tf.maximum(gains, loses), order) ** order) ** (1 / order)
        sheet = tf.gather(tf.constant(bumps(order)), side)
        bump = _bump(sheet, top, left, tf.cast(u[:, 5] < 0.5, tf.int32)) * per_image(_sign(u[:, 4]))
        held = change * gains
        new = bump + held / (_TINY + _size(held, order))
        new *= room / (_TINY + _size(new, order))
        change = change * (1 - tf.maximum(gains, loses)) + new
        # The change now has the budget's size; clipping leaves some of it over, for the next square.
        return tf.clip_by_value(clean + change, 0.0, 1.0)

    return propose


def start(norm: norms.Norm, clean: tf.Tensor, eps: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Linf: stripes at the ends of the budget. L2, L1: five by five bumps of random signs. u is (k, START_DRAWS)."""
    if norm.name == "linf":
        return tf.clip_by_value(clean + per_image(eps) * _sign(u)[:, None, :, None], 0.0, 1.0)
    order = 2 if norm.name == "l2" else 1
    sheet = bumps(order)[_TILE].reshape(2, 2 * SIDE, 2 * SIDE)[:, SIDE : SIDE + _TILE, SIDE : SIDE + _TILE]
    tiles = tf.gather(tf.constant(sheet), tf.cast(u[:, 25:] < 0.5, tf.int32)) * _sign(u[:, :25])[:, :, None, None]
    field = tf.transpose(tf.reshape(tiles, (-1, 5, 5, _TILE, _TILE)), (0, 1, 3, 2, 4))
    field = tf.reshape(field, (-1, 5 * _TILE, 5 * _TILE, 1))
    rim = SIDE - 5 * _TILE
    field = tf.pad(field, [[0, 0], [rim // 2, rim - rim // 2], [rim // 2, rim - rim // 2], [0, 0]])
    return tf.clip_by_value(clean + field * per_image(eps) / _size(field, order), 0.0, 1.0)
