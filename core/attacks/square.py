"""Square Attack."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _knobs, _squares
from core.attacks._parts import side_by_side
from core.attacks.base import Attack, Task
from core.classifier import IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, FLAG, ROW

_STRIDE = 50  # queries between two looks at progress, at most
_KEPT = 60  # iterates that a path holds, at most, beside the first


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    r"""Paint a square at a random place, ask the network how sure it still is, and keep the square if that helped.

    $$x' = \Pi_{x,\varepsilon}(x_k + \delta), \qquad x_{k+1} = x' \;\text{ if }\; m(x') > m(x_k), \;\text{ else } x_k$$

    m is the margin of the wrong classes over the label (with a target: the target's log-probability). In L∞ a square
    holds +ε or −ε throughout. In L2 and L1 it holds a heap beside a hollow, and takes its share of the budget from
    another square. The squares shrink by the paper's schedule, stretched to the number of queries. No gradient, no
    estimate of one: scores alone, so a network that hides its gradient is not helped. A digit that is fooled costs no
    more queries. AutoAttack's last part, there with 5000 queries; here 1000 are the default, which fool nearly as many
    digits in a fifth of the time.

    Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial attack via random search", ECCV 2020,
    https://arxiv.org/abs/1912.00049; in L1 as Croce and Hein have it, "Mind the box", ICML 2021,
    https://arxiv.org/abs/2103.01208
    """

    title = "Square Attack"
    norms = ("linf", "l2", "l1")
    knowledge = "scores"

    queries: int = _knobs.queries(1000)
    p_init: float = knob(0.8, "First square", 0.05, 1.0, step=0.05, help="Share of the pixels in the first squares, p")

    def run(self, task: Task) -> np.ndarray:
        side = _squares.sides(task.norm.name, self.p_init, self.queries)
        loop = task.model.graph(("square", task.norm.name), lambda: _build(task.model, task.norm), _SIGNATURE)
        x, score = task.x.copy(), np.full(len(task.x), -np.inf, np.float32)
        live = np.flatnonzero(task.eps > 0)
        stride = min(_STRIDE, -(-self.queries // _KEPT))  # whoever watches: the random numbers are drawn by stride
        stream = task.stream
        task.keep(x)
        for first in range(0, self.queries, stride):
            count = min(stride, self.queries - first)
            draws = count * _squares.DRAWS[task.norm.name]
            opening = first == 0
            if opening:
                draws += _squares.START_DRAWS[task.norm.name]

            def advance(rows: np.ndarray, draws=draws, first=first, count=count, opening=opening) -> np.ndarray:
                u = stream.of(rows, first).uniform(draws)
                given = (task.x[rows], x[rows], score[rows], task.labels[rows], task.target[rows], task.eps[rows])
                moved, told, fooled, spent = loop(*given, u, side[first : first + count], opening)
                x[rows], score[rows] = moved.numpy(), told.numpy()
                task.forwards[rows] += spent.numpy()
                return rows[~fooled.numpy()]

            live = np.concatenate(side_by_side(advance, live))
            ended = first + count == self.queries or not len(live)
            if ended or first // stride % -(-self.queries // (stride * _KEPT)) == 0:
                task.keep(x)
            if not task.report(first + count, self.queries, x) or ended:
                break
        return x


_SIGNATURE = [
    IMAGES,
    IMAGES,
    ROW,
    CLASS,
    CLASS,
    ROW,
    tf.TensorSpec((None, None), tf.float32),
    CLASS,
    FLAG,
]


def _build(model: Classifier, norm: norms.Norm) -> Callable:
    """Some queries on: the best images, their scores, whether they are fooled, and the queries that each has cost."""
    propose, draws, opening_draws = _squares.proposer(norm), _squares.DRAWS[norm.name], _squares.START_DRAWS[norm.name]

    def run(clean, x, score, labels, target, eps, u, sides, opening):
        net = lowering.forward(model.keras)
        skipped = tf.where(opening, opening_draws, 0)

        def body(step, x, score, fooled, spent):
            # Only images that still stand are shown to the network: a query that nobody needs is not made.
            live = tf.cast(tf.where(~fooled)[:, 0], tf.int32)
            own = [tf.gather(each, live) for each in (clean, x, eps, u, labels, target)]
            first = skipped + step * draws
            candidates = tf.cond(
                opening & (step == 0),
                lambda: _squares.start(norm, own[0], own[2], own[3][:, :opening_draws]),
                lambda: propose(own[0], own[1], own[2], own[3][:, first : first + draws], sides[step]),
            )
            logits = net(candidates)
            margin = losses.margin(logits, *own[4:])
            told = tf.where(own[5] >= 0, losses.cross_entropy(logits, *own[4:]), margin)
            hit = margin > losses.ROUNDING * tf.reduce_max(tf.abs(logits), axis=1)
            better = tf.where(hit | (told > tf.gather(score, live)))[:, 0]
            at = tf.gather(live, better)[:, None]
            x = tf.tensor_scatter_nd_update(x, at, tf.gather(candidates, better))
            score = tf.tensor_scatter_nd_update(score, at, tf.gather(told, better))
            fooled = tf.tensor_scatter_nd_update(fooled, at, tf.gather(hit, better))
            spent = tf.tensor_scatter_nd_add(spent, live[:, None], tf.ones_like(live))
            return step + 1, x, score, fooled, spent

        def going(step, x, score, fooled, spent):
            return (step < tf.size(sides)) & ~tf.reduce_all(fooled)

        nothing = tf.zeros_like(labels)
        state = (tf.constant(0), x, score, nothing > 0, nothing)
        return tf.while_loop(going, body, state, parallel_iterations=1)[1:]

    return run
