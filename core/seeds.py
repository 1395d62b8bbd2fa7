"""Random numbers that belong to an image: the same image and seed draw the same numbers in any batch, at any place."""

from functools import cache
from statistics import NormalDist

import numpy as np

_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele et al., 2014), in place: a bijection of uint64 with random-looking bits."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


class Stream:
    """Independent random streams, one for each image of x (n, ...), fixed by the image's own pixels and the seed.

    Two equal images draw equal numbers, which is what an epsilon sweep of one digit wants: its rows differ in eps
    alone.
    """

    def __init__(self, x: np.ndarray, seed: int):
        flat = np.ascontiguousarray(x, dtype=np.float32).reshape(len(x), -1).view(np.uint32).astype(np.uint64)
        places = _mix(np.arange(1, flat.shape[1] + 1, dtype=np.uint64) * _ODD) | np.uint64(1)
        content = (flat * places).sum(axis=1, dtype=np.uint64)
        self._keys = _mix(content + _mix(np.full(1, seed % 2**64, dtype=np.uint64)))
        self._drawn = 0

    def of(self, rows: np.ndarray, turn: int) -> "Stream":
        """Fresh streams of those images alone for that turn (any number from 0), the same whoever else is drawing."""
        part = object.__new__(Stream)
        part._keys = _mix(self._keys[rows] ^ _mix(np.full(1, turn + 1, np.uint64) * _ODD))
        part._drawn = 0
        return part

    def uniform(self, count: int) -> np.ndarray:
        """(n, count) float32, uniform in the open interval (0, 1)."""
        counter = np.arange(self._drawn + 1, self._drawn + count + 1, dtype=np.uint64) * _ODD
        self._drawn += count
        bits = _mix(self._keys[:, None] + counter[None, :])
        # 23 bits and a half: exact in float32, and never 0 or 1, whose logarithms the callers take.
        return ((bits >> np.uint64(41)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)

    def normal(self, count: int) -> np.ndarray:
        """(n, count) float32, standard normal (Box and Muller, 1958)."""
        half = (count + 1) // 2
        radius = np.sqrt(-2.0 * np.log(self.uniform(half)))
        angle = np.float32(2 * np.pi) * self.uniform(half)
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :count]

    def rough_normal(self, count: int) -> np.ndarray:
        """(n, count) float32, standard normal in 65,536 steps up to 4.3: for directions, in a tenth of the time."""
        words = -(-count // 4)  # each gives four numbers of 16 bits
        counter = np.arange(self._drawn + 1, self._drawn + words + 1, dtype=np.uint64) * _ODD
        self._drawn += words
        drawn = np.empty((len(self._keys), count), np.float32)
        rows = max(_CACHED // words, 1)
        for first in range(0, len(drawn), rows):
            part = slice(first, first + rows)
            bits = _mix(self._keys[part, None] + counter[None, :]).view(np.uint16)[:, :count]
            drawn[part] = _quantiles().take(bits)
        return drawn


_CACHED = 16384  # 64-bit words that stay in a core's cache while they are mixed


@cache
def _quantiles() -> np.ndarray:
    """(65536,) float32: the normal distribution's quantiles, each standing for an equal share of it."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((level + 0.5) / 65536) for level in range(65536)], np.float32)
