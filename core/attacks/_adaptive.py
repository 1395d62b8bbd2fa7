"""The compiled loop of Auto-PGD: a climb that halves its own steps, image by image, where they no longer pay.

One graph for each model and norm. What an image remembers is a row in each tensor of `State`; the schedule, the loss
and the targets are tensors too, so that nothing is traced again when a knob moves.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _sparse
from core.attacks._gradient import loss_gradient
from core.classifier import IMAGES, Classifier
from core.norms import PIXELS, per_image
from core.specs import CLASS, COUNT, FLAG, MARK, ROW

INERTIA = 0.75  # α: the share of the new step; the rest goes on as the last one did
LONGEST = {"linf": 2.0, "l2": 2.0, "l1": 1.0}  # the first step, as a share of eps
_RISING = 0.75  # ρ: the share of a period's steps that must have raised the loss
_SHRINK, _SHORTEST = 1.5, 10.0  # L1: by how much steps shrink, and by how much at most in all
_SPARSER = 0.95  # L1: a change on fewer pixels than this share of the last count is getting sparser


Rows = Any  # an array outside of the graph, a tensor inside


class State(NamedTuple):
    """One run of n images, between two looks at it.

    x: where it stands, last: where it stood before; top, top_g, height: the point of the highest loss yet, the gradient
    there, and how high; found, margin, sure: the point that fools best within the true budget, by how much, and whether
    beyond rounding; before: the loss one step ago; rises: how often it rose in this period; checked: the highest loss
    at the last checkpoint, shortened: whether the step was shortened there; length: of the step, as a share of eps;
    share, count: of the pixels, how many an L1 step moves, and how many the change had at the last checkpoint.
    """

    x: Rows
    last: Rows
    top: Rows
    top_g: Rows
    height: Rows
    found: Rows
    margin: Rows
    sure: Rows
    before: Rows
    rises: Rows
    checked: Rows
    shortened: Rows
    length: Rows
    share: Rows
    count: Rows

    def of(self, rows: np.ndarray) -> "State":
        """Those images alone."""
        return State(*(each[rows] for each in self))

    def put(self, rows: np.ndarray, moved: "State") -> None:
        """Take over what became of those images."""
        for mine, new in zip(self, moved, strict=True):
            mine[rows] = new


def begin(norm: str, clean: np.ndarray, x: np.ndarray, found: np.ndarray, margin: np.ndarray, fresh: bool) -> State:
    """A run from x (n, 28, 28, 1). fresh: x is random, and says nothing of how many pixels to change in L1."""
    count = np.full(len(x), PIXELS, np.float32) if fresh else norms.l0(x - clean).astype(np.float32)
    lowest = np.full(len(x), -np.inf, np.float32)
    return State(
        x=x.copy(),
        last=x.copy(),
        top=x.copy(),
        top_g=np.zeros_like(x),
        height=lowest.copy(),
        found=found,
        margin=margin,
        sure=np.zeros(len(x), bool),
        before=np.full(len(x), np.inf, np.float32),
        rises=np.zeros(len(x), np.float32),
        checked=lowest.copy(),
        shortened=np.ones(len(x), bool),
        length=np.full(len(x), LONGEST[norm], np.float32),
        share=np.full(len(x), 0.2, np.float32) if fresh else count / np.float32(PIXELS * 1.5),
        count=count,
    )


def checkpoints(steps: int) -> list[int]:
    """After how many steps the paper looks back: for 100, after 22, 41, 57, 70, 80, 87, 93 and 99."""
    at, last = [0, 22], []  # in hundredths, so that no rounding creeps in
    while at[-1] < 100:
        at.append(at[-1] + max(at[-1] - at[-2] - 3, 6))
    for each in at[1:-1]:
        place = -(-each * steps // 100)
        if place > (last[-1] if last else 0):
            last.append(place)
    return last


def periods(norm: str, steps: int) -> np.ndarray:
    """(steps + 1,) int32: after each number of steps, how many there were since the last checkpoint; else 0."""
    every = max(steps * 4 // 100, 1)
    looks = list(range(every, steps + 1, every)) if norm == "l1" else checkpoints(steps)
    schedule = np.zeros(steps + 1, np.int32)
    schedule[looks] = np.diff([0, *looks])
    return schedule


_STATE = [*[IMAGES] * 4, ROW, IMAGES, ROW, MARK, ROW, ROW, ROW, MARK, ROW, ROW, ROW]
_SIGNATURE = [IMAGES, CLASS, CLASS, CLASS, ROW, COUNT, CLASS, COUNT, COUNT, FLAG, FLAG, *_STATE]


def compiled(model: Classifier, norm: norms.Norm) -> Callable:
    """The loop for that model and norm: traced when it is first called, then only looked up.

    Called with (clean, labels, target, aim, eps, loss, schedule, first, looks, stop, counts, *state), it looks `looks`
    times at where the images stand, from after `first` steps on, and steps after each look but the schedule's last.
    target is what counts as success, aim what the loss is about; stop: leave `found` alone once it is sure; counts:
    whether points count at all, as they do not while the ball is larger than allowed.
    """
    return model.graph(("apgd", norm.name), lambda: _build(model, norm), _SIGNATURE)


def _build(model: Classifier, norm: norms.Norm) -> Callable:
    check, move = (_check_l1, _move_l1) if norm.name == "l1" else (_check, _move)

    def run(clean, labels, target, aim, eps, which, schedule, first, looks, stop, counts, *state):
        net = lowering.forward(model.keras)
        mover = move(norm, clean, eps)
        final = tf.size(schedule) - 1

        def body(at, *state):
            s = State(*state)
            logits, g = tf.cond(
                at < final,
                lambda: loss_gradient(net, s.x, which, labels, aim)[:2],
                lambda: (net(s.x), tf.zeros_like(s.x)),
            )
            g = tf.where(tf.math.is_finite(g), g, 0.0)
            s = _look(s, logits, g, which, labels, target, aim, stop, counts)

            def checked():
                return check(s, clean, g, tf.cast(schedule[at], tf.float32))

            s, g = tf.cond(schedule[at] > 0, checked, lambda: (s, g))
            s = tf.cond(at < final, lambda: s._replace(x=mover(s, g, at), last=s.x), lambda: s)
            return at + 1, *s

        end = first + looks
        return State(*tf.while_loop(lambda at, *_: at < end, body, (first, *state), parallel_iterations=1)[1:])

    return run


def _images(mask: tf.Tensor, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    return tf.where(per_image(mask), yes, no)


def _look(s: State, logits, g, which, labels, target, aim, stop, counts) -> State:
    """Book what the point is worth: to the climb, by its loss, and to the attack, by its margin."""
    height, margin = losses.height(which, logits, labels, aim), losses.margin(logits, labels, target)
    higher = height > s.height
    fooling = counts & (margin > s.margin) & ~(stop & s.sure)
    return s._replace(
        top=_images(higher, s.x, s.top),
        top_g=_images(higher, g, s.top_g),
        height=tf.where(higher, height, s.height),
        found=_images(fooling, s.x, s.found),
        margin=tf.where(fooling, margin, s.margin),
        sure=s.sure | (counts & (margin > losses.ROUNDING * tf.reduce_max(tf.abs(logits), axis=1))),
        before=height,
        rises=s.rises + tf.cast(height > s.before, tf.float32),
    )


def _check(s: State, clean, g, period) -> tuple[State, tf.Tensor]:
    """Halve the step, and go back to the top, where too few steps rose or a whole period found nothing higher."""
    idle = ~s.shortened & (s.height <= s.checked)
    stuck = (s.rises < _RISING * period) | idle
    return s._replace(
        x=_images(stuck, s.top, s.x),
        last=_images(stuck, s.top, s.last),
        length=tf.where(stuck, s.length / 2, s.length),
        rises=tf.zeros_like(s.rises),
        checked=s.height,
        shortened=stuck,
    ), _images(stuck, s.top_g, g)


def _move(norm: norms.Norm, clean, eps) -> Callable:
    """A step along the steepest direction, of which a part gives way to the last one, back into ball and box."""
    confine = norm.confiner(clean, eps)

    def move(s: State, g: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
        ahead = confine(norm.step(s.x, g, s.length * eps))
        share = tf.where(at > 0, INERTIA, 1.0)
        return confine(s.x + share * (ahead - s.x) + (1.0 - share) * (s.x - s.last))

    return move


def _check_l1(s: State, clean, g, period) -> tuple[State, tf.Tensor]:
    """Move two thirds as many pixels as the best change does. Where that gets sparser, start anew with long steps."""
    count = _sparse.pixels(s.top - clean)
    sparser = count < _SPARSER * s.count
    shorter = tf.maximum(s.length / _SHRINK, LONGEST["l1"] / _SHORTEST)
    return s._replace(
        x=_images(sparser, s.top, s.x),
        length=tf.where(sparser, LONGEST["l1"], shorter),
        share=count / (PIXELS * 1.5),
        count=count,
    ), _images(sparser, s.top_g, g)


def _move_l1(norm: norms.Norm, clean, eps) -> Callable:
    """An equal step on each of the pixels of largest gradient, back into what ball and box have in common."""

    def move(s: State, g: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
        change = _sparse.step(s.x, g, s.length * eps, s.share) - clean
        return clean + _sparse.project(clean, change, eps)

    return move
