"""The compiled loop under every attack that steps along the gradient: step, project into the ball, clip into the box.

One graph for each (model, norm, with or without momentum, with or without an early stop). Its steps, budgets, step
lengths, loss and targets are tensors, so that moving a knob, or going from FGSM to PGD, traces nothing again.

One image alone goes through XLA, which fuses the small operations that then take all the time: a fifth of what the loop
takes as TensorFlow runs it (`python -m tests.perf engine`). Larger batches gain less, a few hundred nothing, and XLA
would compile anew, for about a second, at every new size.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks._gradient import loss_gradient
from core.attacks._parts import side_by_side
from core.attacks.base import Task
from core.classifier import IMAGES, Classifier
from core.specs import CLASS, COUNT, NUMBER, ROW

_REPORTS = 20  # how often, at most, a run tells of its progress
_LOOK = 5  # steps between two looks at which images are fooled and need no more

_SIGNATURE = [IMAGES, IMAGES, IMAGES, CLASS, CLASS, ROW, ROW, COUNT, NUMBER, COUNT]


def compiled(model: Classifier, norm: norms.Norm, *, momentum: bool, stop: bool, xla: bool) -> Callable:
    """The loop for that model and norm: traced when it is first called, then only looked up."""
    key = ("climb", norm.name, momentum, stop, xla)
    return model.graph(key, lambda: _build(model, norm, momentum, stop, xla), _SIGNATURE, xla=xla)


def _build(model: Classifier, norm: norms.Norm, momentum: bool, stop: bool, xla: bool) -> Callable:
    def run(clean, x, velocity, labels, target, eps, length, which, decay, steps):
        net = lowering.forward(model.keras, products=xla)
        confine = norm.confiner(clean, eps)

        def body(step, x, velocity, fooled):
            logits, g, _ = loss_gradient(net, x, which, labels, target)
            if momentum:
                # Dong et al. (2018) add up gradients of equal L1 norm; an L1 norm of 0 adds nothing.
                velocity = decay * velocity + norms.unit_l1(g)
                g = velocity
            moved = confine(norm.step(x, g, length))
            if stop:
                fooled = losses.margin(logits, labels, target) > 0
                moved = tf.where(norms.per_image(fooled), x, moved)
            return step + 1, moved, velocity, fooled

        state = (tf.constant(0), x, velocity, tf.zeros_like(labels, tf.bool))
        return tf.while_loop(lambda step, *_: step < steps, body, state, parallel_iterations=1)[1:]

    return run


def climb(
    task: Task,
    *,
    loss: str,
    steps: int,
    length: np.ndarray,
    start: np.ndarray | None = None,
    decay: float | None = None,
    stop: bool = False,
    rows: np.ndarray | None = None,
    done: int = 0,
    total: int | None = None,
) -> np.ndarray:
    """Climb the loss from `start` (n, 28, 28, 1), or from the clean images, by `steps` steps of `length` (n,).

    decay: MIM's momentum, None for none. stop: leave an image alone once it is fooled. rows: which images to attack,
    all by default; the others stay at their start. done, total: where this climb stands in a longer run, for whoever
    watches. Ends early, with the iterates it has reached, when the task is stopped.
    """
    x = (task.x if start is None else start).astype(np.float32)
    active = np.arange(len(x)) if rows is None else rows
    active = active[task.eps[active] > 0]  # a budget of nothing is spent by taking no step
    momentum = decay is not None
    velocity = np.zeros_like(x if momentum else x[:1])
    xla = len(x) == 1 and lowering.suits_xla(task.model.keras)
    graph = compiled(task.model, task.norm, momentum=momentum, stop=stop, xla=xla)
    given = [
        each.astype(kind) for each, kind in ((task.labels, "i4"), (task.target, "i4"), (task.eps, "f4"), (length, "f4"))
    ]
    which, decay_rate = tf.constant(losses.index(loss)), tf.constant(decay or 0.0, tf.float32)
    total = total or steps
    stride = 1 if task.wants_path else min(_LOOK if stop else steps, -(-steps // _REPORTS) if task.watch else steps)
    if not task.path:
        task.keep(x)
    if not len(active):
        return x

    for first in range(0, steps, stride):
        count = tf.constant(min(stride, steps - first))

        def advance(part: np.ndarray, count: tf.Tensor = count) -> np.ndarray:
            v = velocity[part] if momentum else velocity
            fixed = [each[part] for each in given]
            moved, v, fooled = graph(task.x[part], x[part], v, *fixed, which, decay_rate, count)
            x[part] = moved.numpy()
            if momentum:
                velocity[part] = v.numpy()
            return part[~fooled.numpy()]

        left = side_by_side(advance, active)
        task.spend(gradients=int(count), rows=active)
        task.keep(x)
        if stop:
            active = np.concatenate(left)
        if not task.report(done + first + int(count), total, x) or not len(active):
            break
    return x


def plain_step(task: Task, *, loss: str) -> np.ndarray:
    """x + eps times the loss's gradient, as long as that is: one gradient an image."""

    def build() -> Callable:
        def run(x, labels, target, eps, which):
            _, g, scale = loss_gradient(lowering.forward(task.model.keras), x, which, labels, target)
            return x + norms.per_image(eps * scale) * g

        return run

    graph = task.model.graph("plain_step", build, [IMAGES, CLASS, CLASS, ROW, COUNT])
    arguments = [tf.constant(each) for each in (task.x, task.labels, task.target, task.eps)]
    x = graph(*arguments, tf.constant(losses.index(loss))).numpy()
    task.keep(task.x)
    task.spend(gradients=1)
    task.keep(np.clip(x, 0, 1))
    task.report(1, 1, x)
    return x
