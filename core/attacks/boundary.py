"""The Boundary Attack."""

from dataclasses import dataclass

import numpy as np

from core.attacks import _knobs
from core.attacks._decisions import Search, start
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.knobs import knob
from core.norms import PIXELS

_STRIDE = 25  # steps between two looks at progress
_LOOK = 5  # steps between two questions whether a turn alone would have been allowed
_WITHIN = 1e-3  # the share of the way to the image to which the first point on the border is searched
_TURNS, _PULLS = 0.3, 0.2  # how many turns, and turns with a pull, should land over the border
_HASTE = 0.1  # by how much one answer changes the length of the next turn and pull


@dataclass(frozen=True, kw_only=True)
class Boundary(Attack):
    r"""Walk along the border at random, and a little closer to the digit with every step that the network lets pass.

    $$\tilde x = x + \frac{(x_k - x) + \eta}{\sqrt{1 + \delta^2}}, \quad \eta \perp x_k - x, \;
    \lVert \eta \rVert = \delta \lVert x_k - x \rVert, \qquad
    x_{k+1} = x + (1 - \epsilon)(\tilde x - x)$$

    A step turns about the digit by a random η and then pulls towards it. It is taken if the label that comes back is
    still one that the attacker wants, else the next is drawn. Each digit's δ and ε grow while steps pass and shrink
    while they do not, so that about three turns in ten pass. The first attack that needed the label alone, and a slow
    one: most of its queries are refused, where HopSkipJump learns from each.

    Brendel, Rauber and Bethge, "Decision-based adversarial attacks: reliable attacks against black-box machine learning
    models", ICLR 2018, https://arxiv.org/abs/1712.04248
    """

    title = "Boundary Attack"
    norms = ("l2",)
    knowledge = "decision"
    minimises = True

    queries: int = _knobs.queries(2500)
    turn: float = knob(
        0.1, "First turn", 0.01, 0.5, step=0.01, help="Length of the first turn, as a share of the distance"
    )
    pull: float = knob(
        0.02, "First pull", 0.001, 0.2, step=0.001, help="How much closer the first step goes, as a share"
    )
    start: str = start()

    def run(self, task: Task) -> np.ndarray:
        search = Search(task, self.queries)
        search.tell()
        rows = search.start(self.start)
        search.to_border(search.x[rows], rows, _WITHIN)
        turn, pull = (np.full(len(task.x), each, np.float32) for each in (self.turn, self.pull))
        at = search.x.reshape(-1, PIXELS).copy()
        number = 1
        while search.tell() and len(rows := rows[search.left(rows) > 0]):
            side_by_side(lambda part, number=number: self._walk(search, at, turn, pull, part, number), rows)
            search.take(at[rows].reshape(-1, 28, 28, 1), rows)
            number += 1
        return search.finish()

    def _walk(
        self, search: Search, at: np.ndarray, turn: np.ndarray, pull: np.ndarray, rows: np.ndarray, number: int
    ) -> None:
        """_STRIDE steps of these rows; at (n, 784), turn and pull (n,) are changed in place."""
        draws = search.task.stream.of(rows, number).rough_normal(_STRIDE * PIXELS).reshape(-1, _STRIDE, PIXELS)
        for step in range(_STRIDE):
            going = search.left(rows) > 0
            rows, draws = (rows, draws) if going.all() else (rows[going], draws[going])
            if not len(rows):
                return
            clean = search.task.x[rows].reshape(-1, PIXELS)
            away, eta = at[rows] - clean, draws[:, step]
            distance = np.maximum(_size(away), 1e-9)
            eta = eta - (np.einsum("ij,ij->i", eta, away) / distance**2)[:, None] * away
            eta *= (turn[rows] * distance / np.maximum(_size(eta), 1e-9))[:, None]
            turned = np.clip(clean + (away + eta) / np.sqrt(1 + turn[rows] ** 2)[:, None], 0, 1)
            change = turned - clean
            closer = np.minimum(1, (1 - pull[rows]) * distance / np.maximum(_size(change), 1e-9))
            candidates = clean + closer[:, None] * change
            hit = search.hits(candidates.reshape(-1, 28, 28, 1), rows)
            at[rows[hit]] = candidates[hit]
            pull[rows] = np.clip(pull[rows] * np.exp(_HASTE * (hit - _PULLS)), 1e-5, 0.5)
            if step % _LOOK == 0:
                asked = rows[search.left(rows) > 0]
                passed = search.hits(turned[np.isin(rows, asked)].reshape(-1, 28, 28, 1), asked)
                turn[asked] = np.clip(turn[asked] * np.exp(_LOOK * _HASTE * (passed - _TURNS)), 1e-4, 1)


def _size(d: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", d, d))
