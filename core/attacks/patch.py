"""The adversarial patch."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import norms
from core.attacks import _inputs, _knobs
from core.attacks._many import BATCH, Craft, Lesson, Show, blank_task, booked, learn
from core.attacks.base import Attack, Task
from core.classifier import Classifier
from core.knobs import knob
from core.seeds import Stream

_SIDE = 28


@dataclass(frozen=True, kw_only=True)
class Patch(Attack):
    r"""Stick a small square on the digit that catches the network's eye, wherever it lands and whatever is under it.

    $$\hat p = \arg\max_p \; \mathbb{E}_{x, t}\big[ L\big(A(p, x, t), y\big) \big], \qquad x' = A(\hat p, x, t)$$

    A(p, x, t) is the digit x with the sticker p over it at the place t. ε counts pixels: the sticker is the largest
    square of at most ε of them, and free inside it from black to white. One sticker for each size is learned on bundled
    digits, twenty-five in each step, each with the sticker elsewhere (an expectation over transformations), and then
    stuck on the digit at hand, which it need never have seen. "Anywhere" means just that, in the attack too: its place
    is drawn by lot. In a fixed place it is learned for that place alone; in the corner it covers hardly any ink. A
    person sees it at once and still reads the digit. The steps shrink to a tenth of the first by the end. Every digit
    is booked the gradients of its whole lesson, though they all share it.

    Brown, Mané, Roy, Abadi and Gilmer, "Adversarial patch", 2017, https://arxiv.org/abs/1712.09665
    """

    title = "Adversarial patch"
    norms = ("l0",)
    knowledge = "gradient"
    made_to_measure = False

    steps: int = _knobs.steps(60)
    step_size: float = knob(
        0.2, "Step size", 0.005, 1.0, step=0.005, help="First step of each pixel, 1 is black to white"
    )
    place: str = knob("anywhere", "Place", choices=("anywhere", "centre", "corner"), help="Where the sticker is put")
    digits: int = knob(300, "Digits", 10, 2000, help="How many bundled digits it is learned on")
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        sides = np.minimum(np.sqrt(np.floor(task.eps) + 0.5).astype(int), _SIDE)
        live = np.flatnonzero(sides)
        keys = [(int(sides[row]), int(task.target[row])) for row in live]
        asked = sorted(set(keys))
        which = [asked.index(key) for key in keys]
        lot = task.stream.uniform(2)

        def show(states: list[np.ndarray]) -> np.ndarray:
            images = task.x.copy()
            for row, lesson in zip(live, which, strict=True):
                side = sides[row]
                top, left = self._corner(lot[row], side)
                images[row, top : top + side, left : left + side] = states[lesson][:side, :side]
            return images

        states = self._learn(task, asked, show)
        booked(task, states, self.steps, show, live)
        return show([each[-1] for each in states])

    def sticker(self, model: Classifier, eps: float, target: int | None = None, seed: int = 0) -> np.ndarray:
        """The sticker itself at eps pixels, before it is put anywhere: (side, side, 1) float32."""
        chosen, aim = norms.get("l0"), -1 if target is None else target
        task = blank_task(_inputs.model(model), _inputs.budget(eps, 1, chosen, optional=False), chosen, aim, seed)
        side = min(int(np.sqrt(np.floor(task.eps[0]) + 0.5)), _SIDE)
        if not side:
            return np.zeros((0, 0, 1), np.float32)
        return self._learn(task, [(side, aim)], lambda states: task.x)[0][-1][:side, :side]

    def _corner(self, lot: np.ndarray, side: int) -> tuple[int, int]:
        """The top and left of a sticker of that side; lot: two numbers in (0, 1)."""
        room = _SIDE - side
        top, left = {"anywhere": lot * (room + 1), "centre": (room // 2,) * 2, "corner": (room, room)}[self.place]
        return int(top), int(left)

    def _learn(self, task: Task, asked: list[tuple[int, int]], show: Show) -> list[np.ndarray]:
        start = Stream(np.ones((1, 1), np.float32), task.seed).uniform(_SIDE * _SIDE).reshape(_SIDE, _SIDE, 1)
        return learn(
            task,
            _craft(self.place),
            [Lesson(side, aim, self.step_size, start.tobytes()) for side, aim in asked],
            knobs=self,
            steps=self.steps,
            count=self.digits,
            loss=self.loss,
            show=show,
        )


def _craft(place: str) -> Craft:
    def frames(places: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For rows and for columns, (25, 28, 28): 1 where pixel i of the image shows pixel j of the sticker."""
        room = _SIDE - size
        fixed = {"centre": tf.floor(room / 2), "corner": room}
        first = tf.floor(places * (room + 1)) if place == "anywhere" else tf.fill([BATCH, 2], fixed[place])
        pixel = tf.range(_SIDE, dtype=tf.float32)
        seen = (pixel[:, None] - pixel == first[:, :, None, None]) & (pixel < size)
        return tuple(tf.unstack(tf.cast(seen, tf.float32), axis=1))

    def apply(x: tf.Tensor, p: tf.Tensor, places: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        rows, columns = frames(places, size)
        covered = tf.reduce_sum(rows, axis=2)[:, :, None] * tf.reduce_sum(columns, axis=2)[:, None, :]
        sticker = tf.matmul(tf.matmul(rows, tf.squeeze(p, -1)), columns, transpose_b=True)
        return x * (1.0 - tf.expand_dims(covered, -1)) + tf.expand_dims(sticker, -1)

    def collect(g: tf.Tensor, places: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        rows, columns = frames(places, size)
        each = tf.matmul(tf.matmul(rows, tf.squeeze(g, -1), transpose_a=True), columns)
        return tf.reshape(tf.reduce_sum(each, axis=0), (1, _SIDE, _SIDE, 1))

    def move(p: tf.Tensor, g: tf.Tensor, length: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(p + length * tf.sign(g), 0.0, 1.0)

    return Craft(f"patch {place}", apply, collect, move)
