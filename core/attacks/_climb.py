"""The compiled loop under every attack that steps along the gradient: step, project into the ball, clip into the box.

One graph for each (model, norm, with or without momentum). Its steps, budgets, step lengths, loss and targets are tensors,
so that moving a knob, or going from FGSM to PGD, traces nothing again. Large batches are cut into parts that run side by
side: this keeps the cores busy through the small operations, and each part's activations nearer to the cache.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks.base import Task
from core.classifier import IMAGES, Classifier

PART = 500  # images of one part of a batch; measured, see tests/perf
_WORKERS = ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1), thread_name_prefix="attack")
_SEGMENTS = 20  # how often, at most, a run reports

_ROW = tf.TensorSpec((None,), tf.float32)
_CLASS = tf.TensorSpec((None,), tf.int32)
_NUMBER = tf.TensorSpec((), tf.float32)
_COUNT = tf.TensorSpec((), tf.int32)
_SIGNATURE = [IMAGES, IMAGES, IMAGES, _CLASS, _CLASS, _ROW, _ROW, _COUNT, _NUMBER, _COUNT]


def loss_gradient(
    net: lowering.Forward, x: tf.Tensor, which: tf.Tensor, labels: tf.Tensor, target: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradient with respect to x of the loss, and the positive factor (n,) it still wants. The one place that takes it."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = net(x)
    slope, scale = losses.slope(which, logits, labels, target)
    return tape.gradient(logits, x, output_gradients=slope), scale


def _build(model: Classifier, norm: norms.Norm, momentum: bool) -> Callable:
    def run(clean, x, velocity, labels, target, eps, length, which, decay, steps):
        net = lowering.forward(model.keras)
        confine = norm.confiner(clean, eps)

        def body(step, x, velocity):
            g, _ = loss_gradient(net, x, which, labels, target)
            if momentum:
                # Dong et al. (2018) add up gradients of equal L1 norm; an L1 norm of 0 adds nothing.
                velocity = decay * velocity + norms.unit_l1(g)
                g = velocity
            return step + 1, confine(norm.step(x, g, length)), velocity

        state = (tf.constant(0), x, velocity)
        _, x, velocity = tf.while_loop(lambda step, *_: step < steps, body, state, parallel_iterations=1)
        return x, velocity

    return run


def _parts(count: int) -> Iterator[slice]:
    parts = -(-count // PART)
    edges = np.linspace(0, count, parts + 1).astype(int)
    return (slice(low, high) for low, high in zip(edges[:-1], edges[1:], strict=True))


def climb(
    task: Task,
    *,
    loss: str,
    steps: int,
    length: np.ndarray,
    start: np.ndarray | None = None,
    decay: float | None = None,
    done: int = 0,
    total: int | None = None,
) -> np.ndarray:
    """Climb the loss from `start` (n, 28, 28, 1), or from the clean images, by `steps` steps of `length` (n,).

    decay: MIM's momentum, None for none. done, total: where this climb stands in a longer run, for whoever watches.
    Stops early, with the iterate it has reached, when the task is stopped.
    """
    x = task.x if start is None else start.astype(np.float32)
    momentum = decay is not None
    graph = task.model.graph(
        ("climb", task.norm.name, momentum), lambda: _build(task.model, task.norm, momentum), _SIGNATURE
    )
    total = total or steps
    stride = 1 if task.wants_path else -(-steps // _SEGMENTS) if task.watch else steps
    parts = [
        {
            "fixed": [
                tf.constant(each[rows]) for each in (task.labels, task.target, task.eps, length.astype(np.float32))
            ],
            "clean": tf.constant(task.x[rows]),
            "x": tf.constant(x[rows]),
            "velocity": tf.zeros_like(task.x[rows] if momentum else task.x[:1]),
        }
        for rows in _parts(len(x))
    ]
    which, decay_rate = tf.constant(losses.index(loss)), tf.constant(decay or 0.0)
    if task.wants_path and not task.path:
        task.path.append(x)

    for first in range(0, steps, stride):
        count = min(stride, steps - first)

        def advance(part: dict, count: int = count) -> np.ndarray:
            part["x"], part["velocity"] = graph(
                part["clean"], part["x"], part["velocity"], *part["fixed"], which, decay_rate, tf.constant(count)
            )
            return part["x"].numpy()

        moved = list(_WORKERS.map(advance, parts)) if len(parts) > 1 else [advance(parts[0])]
        x = np.concatenate(moved) if len(moved) > 1 else moved[0]
        task.spend(gradients=count)
        if task.wants_path:
            task.path.append(x)
        if not task.report(done + first + count, total, x):
            break
    return x


def plain_step(task: Task, *, loss: str) -> np.ndarray:
    """x + eps times the loss's gradient, as long as that is: one gradient an image."""

    def build() -> Callable:
        def run(x, labels, target, eps, which):
            g, scale = loss_gradient(lowering.forward(task.model.keras), x, which, labels, target)
            return x + norms.per_image(eps * scale) * g

        return run

    graph = task.model.graph("plain_step", build, [IMAGES, _CLASS, _CLASS, _ROW, _COUNT])
    arguments = [tf.constant(each) for each in (task.x, task.labels, task.target, task.eps)]
    x = graph(*arguments, tf.constant(losses.index(loss))).numpy()
    task.spend(gradients=1)
    if task.wants_path:
        task.path += [task.x, np.clip(x, 0, 1)]
    task.report(1, 1, x)
    return x
