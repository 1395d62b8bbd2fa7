"""The universal perturbation."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import norms
from core.attacks import _inputs, _knobs
from core.attacks._many import Craft, Lesson, Show, blank_task, booked, learn
from core.attacks.base import Attack, Task
from core.classifier import Classifier
from core.knobs import knob

# The ladder of budgets that are learned at: this much, and half as much again on each rung.
_GROUND = {"linf": 0.3, "l2": 3.0}
_RISE, _LOWEST = 1.5, -2


@dataclass(frozen=True, kw_only=True)
class Universal(Attack):
    r"""Learn one single change that fools the network on many digits at once, and add it to whichever comes.

    $$\delta_{k+1} = \Pi_\varepsilon\Big(\delta_k + \alpha_k\varepsilon \arg\max_{\lVert d \rVert \le 1}
    \Big\langle d, \sum_{i \in B_k} \nabla L(x_i + \delta_k, y_i) \Big\rangle\Big), \qquad x' = x + \delta$$

    It is learned on bundled digits, twenty-five in each step, and never sees the digit that it is added to, unless that
    one happens to be among them. So it needs a far larger ε than a change made to measure; but it can be made in
    advance, printed, and used by somebody who cannot compute. With a target it makes digits of every class look like
    that one.

    It is not learned anew for every ε but at a few budgets, each half as large again as the one before, and scaled down
    from the next larger one to ε. On the plain network that fooled as many digits as learning at ε itself, give or take
    a few in a hundred, and a sweep over ε takes three lessons instead of sixty. The steps shrink to a tenth of the
    first by the end. Every digit is booked the gradients of its whole lesson, though they all share it.

    Moosavi-Dezfooli et al., "Universal adversarial perturbations", CVPR 2017, https://arxiv.org/abs/1610.08401; by
    gradient steps on many at once: Shafahi et al., "Universal adversarial training", AAAI 2020,
    https://arxiv.org/abs/1811.11304
    """

    title = "Universal perturbation"
    norms = ("linf", "l2")
    knowledge = "gradient"
    made_to_measure = False

    steps: int = _knobs.steps(100)
    step_size: float = _knobs.step_size(0.5)
    digits: int = knob(300, "Digits", 10, 2000, help="How many bundled digits it is learned on")
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        live = task.eps > 0
        keys = [(_rung(eps, task.norm), int(aim)) for eps, aim in zip(task.eps[live], task.target[live], strict=True)]
        asked = sorted(set(keys))
        which, share = np.array([asked.index(key) for key in keys]), task.eps[live] / [rung for rung, _ in keys]

        def show(states: list[np.ndarray]) -> np.ndarray:
            images = task.x.copy()
            images[live] += share[:, None, None, None].astype(np.float32) * np.stack(states)[which]
            return np.clip(images, 0, 1)

        states = self._learn(task, asked, show)
        booked(task, states, self.steps, show, live)
        return show([each[-1] for each in states])

    def perturbation(
        self, model: Classifier, eps: float, norm: str = "linf", target: int | None = None, seed: int = 0
    ) -> np.ndarray:
        """The change itself at eps, before it is added to a digit and clipped: (28, 28, 1) float32."""
        chosen, aim = _inputs.norm(self, norm), -1 if target is None else target
        budget = _inputs.budget(eps, 1, chosen, optional=False)
        task = blank_task(_inputs.model(model), budget, chosen, aim, seed)
        if not task.eps[0]:
            return np.zeros((28, 28, 1), np.float32)
        rung = _rung(task.eps[0], chosen)
        return self._learn(task, [(rung, aim)], lambda states: task.x)[0][-1] * np.float32(task.eps[0] / rung)

    def _learn(self, task: Task, asked: list[tuple[float, int]], show: Show) -> list[np.ndarray]:
        nothing = np.zeros((28, 28, 1), np.float32).tobytes()
        return learn(
            task,
            _craft(task.norm),
            [Lesson(rung, aim, self.step_size * rung, nothing) for rung, aim in asked],
            knobs=self,
            steps=self.steps,
            count=self.digits,
            loss=self.loss,
            show=show,
        )


def _rung(eps: float, norm: norms.Norm) -> float:
    """The least budget of the ladder that is not below eps."""
    ground = _GROUND[norm.name]
    height = max(int(np.ceil(np.log(float(eps) / ground) / np.log(_RISE) - 1e-6)), _LOWEST)
    return float(min(ground * _RISE**height, norm.diameter))


def _craft(norm: norms.Norm) -> Craft:
    def move(p: tf.Tensor, g: tf.Tensor, length: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        return norm.project(p + length * norm.steepest(g), tf.reshape(size, (1,)))

    return Craft(
        name=f"universal {norm.name}",
        apply=lambda x, p, places, size: x + p,
        collect=lambda g, places, size: tf.reduce_sum(g, axis=0, keepdims=True),
        move=move,
    )
