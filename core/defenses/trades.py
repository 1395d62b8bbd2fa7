"""TRADES."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import lowering
from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, attacked, cross_entropy, grown


@dataclass(frozen=True, kw_only=True)
class Trades(Training):
    r"""Learn the clean digits, and that nothing within ε of them may be read much otherwise than they are.

    $$\min_\theta\ \mathbb{E}\Big[L\big(f_\theta(x), y\big) + \beta \max_{\lVert x' - x \rVert_\infty \le \varepsilon}
    \mathrm{KL}\big(p_\theta(x)\ \Vert\ p_\theta(x')\big)\Big]$$

    β trades accuracy on clean digits for robustness. The inner maximum is sought by PGD, from a start next to x.

    Zhang et al., "Theoretically principled trade-off between robustness and accuracy", ICML 2019,
    https://arxiv.org/abs/1901.08573
    """

    title = "TRADES"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    eps: float = knob(0.3, "Train at ε", 0.0, 1.0, step=0.01, help="How much each pixel may change, in L∞")
    beta: float = knob(6.0, "β", 0.0, 20.0, step=0.5, help="How much the second term counts")
    steps: int = knob(10, "Steps", 1, 100, help="Gradient steps of the attack in every training step")
    step_size: float = knob(0.25, "Step size", 0.01, 2.0, step=0.01, help="Relative to the present ε")
    ramp: float = knob(0.2, "Ramp", 0.0, 1.0, step=0.05, help="Share of the training over which ε grows from 0")
    spread: float = knob(0.003, "Start", 0.001, 1.0, step=0.001, help="How far from the digit PGD starts, as part of ε")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        forward = lowering.forward(model)
        wanted = tf.stop_gradient(tf.nn.softmax(forward(x)))
        worse = attacked(
            forward,
            x,
            lambda logits: tf.nn.softmax(logits) - wanted,
            eps=grown(self.eps, self.ramp, moment),
            steps=self.steps,
            step_size=self.step_size,
            seed=moment.seed,
            spread=self.spread,
        )
        clean, moved = tf.split(model(tf.concat([x, worse], 0), training=True), 2)
        return cross_entropy(clean, y) + self.beta * divergence(clean, moved), moved


def divergence(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """KL(first || second) of the probabilities that two sets of logits (n, 10) stand for: (n,)."""
    logs = tf.nn.log_softmax(first)
    return tf.reduce_sum(tf.exp(logs) * (logs - tf.nn.log_softmax(second)), axis=1)
