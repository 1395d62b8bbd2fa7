"""Where falling curves cross 0, for many digits at once: in about five looks at each where halving takes a dozen."""

from collections.abc import Callable

import numpy as np

_LOOKS = 10  # after so many what is left is halved, however odd a curve may be


def crossing(
    curve: Callable[[np.ndarray, np.ndarray], np.ndarray], start: np.ndarray, most: float, precision: float
) -> np.ndarray:
    """(n,): where each curve is still above 0, with a place at which it is not no farther on than `precision`.

    0 where no place was found, and `most` where the curve is above 0 there. curve(rows, places): the values (k,) of
    those of the n curves, each at its place; start: about what the n curves are at 0, which is never relied on.

    Regula falsi with the Illinois rule (Dowell and Jarratt 1971), on the arcsinh of the values: bounds fall ever
    faster, and far behind the crossing they would tell nothing of where it is.
    """
    low, high = np.zeros(len(start)), np.full(len(start), np.inf)
    scale = np.maximum(start, 1e-6)
    above, below = np.full(len(start), np.arcsinh(1.0)), np.full(len(start), np.nan)  # the values at low and at high
    last = np.zeros(len(start), bool)  # whether the last look moved low
    looks = 0
    while len(rows := np.flatnonzero((high - low > precision) & (low < most))):
        places = _next(low[rows], high[rows], above[rows], below[rows], most, precision, halve=looks >= _LOOKS)
        values = curve(rows, places)
        held = values > 0
        up, down = rows[held], rows[~held]
        # An end that stays a second time loses weight, or the other one alone would creep to the crossing.
        below[up[last[up]]] /= 2
        above[down[~last[down]]] /= 2
        low[up], high[down] = places[held], places[~held]
        above[up], below[down] = np.arcsinh(values[held] / scale[up]), np.arcsinh(values[~held] / scale[down])
        last[rows] = held
        looks += 1
    return low


def _next(
    low: np.ndarray, high: np.ndarray, above: np.ndarray, below: np.ndarray, most: float, precision: float, halve: bool
) -> np.ndarray:
    """Where to look: farther out until a curve has crossed, then where a straight line would cross, or halfway."""
    farther = np.minimum(np.maximum(4 * low, most / 64), most)
    with np.errstate(invalid="ignore"):
        halfway = (low + high) / 2
        # A little before it: a bound that is just above 0 there closes the case with the next look.
        straight = low + (high - low) * above / (above - below) - precision / 3
        room = np.minimum(0.9 * precision, (high - low) / 2)
        straight = np.clip(straight, low + room, high - room)
    inside = halfway if halve else np.where(np.isnan(straight), halfway, straight)
    return np.where(np.isinf(high), farther, inside)
