"""One change learned on many digits at once: the compiled loop, and the memory that spares a page a second lesson.

What is learned depends on the model, the knobs, the seed and the budget, never on the images that are attacked: a
lesson is the same whoever asks for it, and each image is booked all of its gradients, whether or not it was remembered.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from core import digits, losses, lowering, norms
from core.attacks import _inputs
from core.attacks._gradient import loss_gradient
from core.attacks._parts import abreast
from core.attacks.base import Task
from core.classifier import CLASSES, IMAGES, Classifier
from core.errors import InputError, shown
from core.seeds import Stream
from core.specs import CLASS, COUNT, NUMBER

BATCH = 25  # digits in each step; twice as many took twice as long, and fooled no more with a change for all pixels
_REPORTS = 20
_REMEMBERED = 64  # lessons, of at most 600 kB with their path and 3 kB without

_PLACES = tf.TensorSpec((None, BATCH, 2), tf.float32)
_ORDER = tf.TensorSpec((None, BATCH), tf.int32)
_SIGNATURE = [IMAGES, CLASS, _ORDER, _PLACES, IMAGES, COUNT, COUNT, COUNT, NUMBER, NUMBER, COUNT, COUNT]


#: What each lesson has come to -> the attacked images (n, 28, 28, 1) that show it.
Show = Callable[[list[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Craft:
    """What is learned, as functions inside the graph: the state p is (1, 28, 28, 1).

    apply(x, p, places, size) -> images (25, 28, 28, 1) that show p, not yet clipped into the box; places (25, 2) are
    uniform in (0, 1); collect(g, places, size) -> the gradient in p, from the images' gradients g; move(p, g, length,
    size) -> p after a step.
    """

    name: str
    apply: Callable
    collect: Callable
    move: Callable


@dataclass(frozen=True)
class Lesson:
    """One thing to learn: size is a budget or a side, target a class or -1; length is that of the first step."""

    size: float
    target: int
    length: float
    start: bytes  # (1, 28, 28, 1) float32


def learn(
    task: Task,
    craft: Craft,
    lessons: list[Lesson],
    *,
    knobs: Hashable,
    steps: int,
    count: int,
    loss: str,
    show: Show,
) -> list[np.ndarray]:
    """What each lesson comes to, (28, 28, 1); with task.wants_path the start and the state after each step in front.

    So (k, 28, 28, 1), k at least 1. knobs: what else the outcome depends on; count: how many bundled digits are learned
    on, none of the target's own class; show: states so far, one a lesson -> task's images so far, for whoever watches.
    Stopped by them, it comes back with what was learned, and forgets it.
    """
    model, path = task.model, task.wants_path
    names = [(model.version, craft.name, knobs, each, task.seed, path) for each in lessons]
    states = [_memory.get(name) for name in names]
    fresh = [at for at, known in enumerate(states) if known is None]
    for at in fresh:
        states[at] = np.frombuffer(lessons[at].start, np.float32).reshape(1, 28, 28, 1)
    learned: list[np.ndarray] = [each for each in states if each is not None]
    stride = -(-steps // _REPORTS) if task.watch and fresh else steps
    graph = model.graph(("many", craft.name), lambda: _build(model, craft), _SIGNATURE)
    rooms = {at: _class_room(lessons[at].target, count, steps, task.seed) for at in fresh}

    for first in range(0, steps, stride):
        done = min(first + stride, steps)

        def advance(at: int, bounds: tuple[int, int] = (first, done)) -> None:
            each = lessons[at]
            numbers = (*bounds, steps, np.float32(each.length), np.float32(each.size), losses.index(loss), each.target)
            went = graph(*rooms[at], learned[at][-1:], *map(tf.constant, numbers)).numpy()
            learned[at] = np.concatenate([learned[at], went]) if path else went[-1:]

        if fresh:
            abreast(advance, fresh)
        if not task.report(done, steps, show([each[-1] for each in learned]) if task.watch else task.x):
            break
    if not task.stopped:
        for at in fresh:
            _memory.put(names[at], learned[at])
    return learned


def booked(task: Task, states: list[np.ndarray], steps: int, show: Show, rows: np.ndarray) -> None:
    """Book a lesson's gradients on each image of `rows`, step by step where the path is wanted, and keep that path."""
    task.keep(task.x)
    if not task.wants_path:
        task.spend(gradients=steps * BATCH, rows=rows)
        return
    for at in range(1, max((len(each) for each in states), default=1)):
        task.spend(gradients=BATCH, rows=rows)
        task.keep(show([each[at] for each in states]))


def blank_task(model: Classifier, eps: np.ndarray | None, norm: norms.Norm, target: int, seed: int) -> Task:
    """A task of one grey picture, for who wants what is learned and has no digit to put it on."""
    x = np.full((1, 28, 28, 1), 0.5, np.float32)
    if not -1 <= target < CLASSES:
        raise InputError(f"target is {shown(target)}; a class from 0 to {CLASSES - 1} was expected, or None.")
    assert eps is not None  # a budget is not optional here
    given = {"labels": np.zeros(1, np.int32), "target": np.array([target], np.int32), "eps": eps.astype(np.float32)}
    return Task(model=model, x=x, norm=norm, stream=Stream(x, _inputs.seed(seed)), seed=seed, **given)


def _class_room(target: int, count: int, steps: int, seed: int) -> tuple[tf.Tensor, ...]:
    """The digits learned on, their labels, which of them each step sees, and a place for each: drawn from the seed."""
    stream = Stream(np.zeros((1, 1), np.float32), seed)
    every = digits.bundled()
    shuffled = np.argsort(stream.uniform(len(every))[0], kind="stable")
    chosen = every[shuffled[every.labels[shuffled] != target][:count]]
    rounds = -(-steps * BATCH // len(chosen))
    order = np.argsort(stream.uniform(rounds * len(chosen)).reshape(rounds, -1), axis=1, kind="stable")
    places = stream.uniform(steps * BATCH * 2).reshape(steps, BATCH, 2)
    order = order.ravel()[: steps * BATCH].reshape(steps, BATCH)
    kinds = (np.float32, np.int32, np.int32, np.float32)
    given = (chosen.images, chosen.labels, order, places)
    return tuple(tf.constant(each.astype(kind)) for each, kind in zip(given, kinds, strict=True))


def _build(model: Classifier, craft: Craft) -> Callable:
    def run(pool, labels, order, places, start, first, last, steps, length, size, which, target):
        net = lowering.forward(model.keras)
        aim = tf.fill([BATCH], target)

        def body(step, p, states):
            rows, where = order[step], places[step]
            shown = tf.clip_by_value(craft.apply(tf.gather(pool, rows), p, where, size), 0.0, 1.0)
            # Not through the clip: a digit's background sits on its bound.
            g = loss_gradient(net, shown, which, tf.gather(labels, rows), aim)[1]
            left = 1.0 - 0.9 * tf.cast(step, tf.float32) / tf.cast(steps, tf.float32)
            p = craft.move(p, craft.collect(g, where, size), length * left, size)
            return step + 1, p, states.write(step - first, p[0])

        states = tf.TensorArray(tf.float32, last - first, element_shape=(28, 28, 1))
        loop = tf.while_loop(lambda step, *_: step < last, body, (first, start, states), parallel_iterations=1)
        return loop[2].stack()

    return run


class _Memory:
    """The lessons learned last, by name, for all threads."""

    def __init__(self, most: int):
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[Any, np.ndarray] = OrderedDict()

    def get(self, name: Hashable) -> np.ndarray | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def put(self, name: Hashable, value: np.ndarray) -> None:
        value.flags.writeable = False
        with self._lock:
            self._kept[name] = value
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


_memory = _Memory(_REMEMBERED)
