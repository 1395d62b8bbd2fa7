"""HopSkipJump."""

from dataclasses import dataclass
from itertools import count

import numpy as np

from core.attacks import _knobs
from core.attacks._decisions import Search, column, start
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.knobs import knob
from core.norms import PIXELS

_BLOCK = 4096  # candidates that are drawn and asked about at once: they fit in a core's share of memory
_FEWEST = 8  # decisions that make a direction worth a step
_RESERVE = 12  # queries that are kept back for the jump and the way to the border after it
_HALVINGS = 20  # of a step, after which its direction is given up
_REACH = 0.02  # how far the small steps go, as a share of the distance to the image
_WITHIN = 2e-3  # the share of the way to the image to which the border is searched


@dataclass(frozen=True, kw_only=True)
class HopSkipJump(Attack):
    r"""Stand on the border, feel by many small steps which side of it each lands on, jump that way, and walk back.

    $$\hat g = \frac{1}{B} \sum_{b=1}^{B} \big(\varphi(x_t + \delta u_b) - \bar\varphi\big)\, u_b, \qquad
    x_{t+1} = \text{border}\Big(x_t + \xi_t \frac{\hat g}{\lVert \hat g \rVert}\Big)$$

    φ is 1 where the network reads what the attacker wants and −1 elsewhere: the label that it answers is all that the
    attack sees. u are random directions, more of them each time (B grows as √t); ξ starts at distance/√t and is halved
    until the jump lands over the border; halving the way back to the digit finds the border again. In L∞ the jump
    takes the sign of ĝ. It begins at random noise; with a target, at the nearest digit of that class that an attacker
    would have at hand.

    Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", IEEE S&P 2020,
    https://arxiv.org/abs/1904.02144
    """

    title = "HopSkipJump"
    norms = ("l2", "linf")
    knowledge = "decision"
    minimises = True

    queries: int = _knobs.queries(2500)
    first_evaluations: int = knob(100, "First evaluations", 10, 500, help="Decisions behind the first direction, B₀")
    start: str = start()

    def run(self, task: Task) -> np.ndarray:
        search = Search(task, self.queries)
        search.tell()
        rows = search.start(self.start)
        at = search.to_border(search.x[rows], rows, _WITHIN)
        for turn in count(1):
            going = search.left(rows) >= _FEWEST + _RESERVE
            rows, at = rows[going], at[going]
            if not search.tell() or not len(rows):
                break
            distance = np.maximum(task.norm.size(at.astype(np.float64) - task.x[rows]), 1e-6).astype(np.float32)
            direction = self._feel(search, at, distance, rows, turn)
            at = self._jump(search, at, direction, distance / np.sqrt(np.float32(turn)), rows)
            at = search.to_border(at, rows, _WITHIN)
        return search.finish()

    def _feel(self, search: Search, at: np.ndarray, distance: np.ndarray, rows: np.ndarray, turn: int) -> np.ndarray:
        """The direction (k, 28, 28, 1) in which decisions turn to what is wanted, by as many as are allowed."""
        task, linf = search.task, search.task.norm.name == "linf"
        wanted = int(self.first_evaluations * np.sqrt(turn))
        allowed = np.minimum(search.left(rows) - _RESERVE, wanted)
        reach = distance * np.float32(_REACH * (np.sqrt(PIXELS) if linf else 1))
        direction = np.empty_like(at)

        def feel(part: np.ndarray) -> None:
            size = max(_BLOCK // wanted, 1)
            for few in (part[first : first + size] for first in range(0, len(part), size)):
                stream = task.stream.of(rows[few], turn)
                u = stream.uniform(wanted * PIXELS) * 2 - 1 if linf else stream.rough_normal(wanted * PIXELS)
                u = u.reshape(len(few), wanted, PIXELS)
                u /= np.sqrt(np.einsum("ijk,ijk->ij", u, u))[..., None]
                candidates = at[few].reshape(-1, 1, PIXELS) + reach[few, None, None] * u
                np.clip(candidates, 0, 1, out=candidates)
                u = candidates - at[few].reshape(-1, 1, PIXELS)  # what clipping has left of it
                asked = np.arange(wanted) < allowed[few, None]
                hit = search.hits_of_some(candidates.reshape(*u.shape[:2], 28, 28, 1), asked, rows[few])
                sign = np.where(hit, np.float32(1), np.float32(-1)) * asked
                mean = sign.sum(axis=1, keepdims=True) / asked.sum(axis=1, keepdims=True)
                # Where all agree there is no contrast to take: their mean direction is then all that is known.
                weight = np.where(np.abs(mean) < 1, (sign - mean) * asked, sign)
                direction[few] = np.einsum("ij,ijk->ik", weight, u).reshape(-1, 28, 28, 1)

        side_by_side(feel, np.arange(len(rows)))
        if linf:
            return np.sign(direction)
        size = np.linalg.norm(direction.reshape(len(rows), -1), axis=1)
        return direction / column(np.maximum(size, 1e-12))

    def _jump(
        self, search: Search, at: np.ndarray, direction: np.ndarray, length: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """The farthest of the halved jumps that lands over the border; where none does, the point itself."""
        landed, length = at.copy(), length.astype(np.float32)
        open_ = np.arange(len(rows))
        for _ in range(_HALVINGS):
            open_ = open_[search.left(rows[open_]) > 0]
            if not len(open_):
                break
            candidates = np.clip(at[open_] + column(length[open_]) * direction[open_], 0, 1)
            hit = search.hits(candidates, rows[open_])
            landed[open_[hit]] = candidates[hit]
            open_ = open_[~hit]
            length[open_] /= 2
        return landed
