"""Fast adversarial training."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import lowering
from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, away_from, cross_entropy, grown


@dataclass(frozen=True, kw_only=True)
class FGSMRS(Training):
    r"""Adversarial training at the price of two gradients a step: one long signed step from a random start.

    $$\delta \sim U(-\varepsilon, \varepsilon)^d, \qquad
    x' = \Pi_{x,\varepsilon}\big(x + \delta + \alpha\,\varepsilon\,\mathrm{sign}\,\nabla_x L(x + \delta, y)\big)$$

    It can collapse at any moment: within an epoch the network withstands the single step alone, and PGD fools it
    everywhere ("catastrophic overfitting"). So PGD looks at it after every epoch; a training that collapses is ended,
    and the best weights that PGD has seen are what it gives back.

    Wong, Rice and Kolter, "Fast is better than free: revisiting adversarial training", ICLR 2020,
    https://arxiv.org/abs/2001.03994
    """

    title = "Fast training (FGSM-RS)"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="linear", warmup=0.4)
    checked = True

    eps: float = knob(0.3, "Train at ε", 0.0, 1.0, step=0.01, help="How much each pixel may change, in L∞")
    step_size: float = knob(1.25, "Step size", 0.1, 2.0, step=0.05, help="Relative to the present ε")
    ramp: float = knob(0.0, "Ramp", 0.0, 1.0, step=0.05, help="Share of the training over which ε grows from 0")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        # The start is not clipped into [0, 1]: on MNIST's black background half of it would be lost, every step would
        # end in the same corner of the ball, and the training would collapse within two epochs.
        eps = grown(self.eps, self.ramp, moment)
        start = x + eps * tf.random.stateless_uniform(tf.shape(x), moment.seed, -1.0, 1.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(start)
            logits = lowering.forward(model)(start)
        uphill = tape.gradient(logits, start, output_gradients=away_from(y)(logits))  # pyright: ignore
        low, high = tf.maximum(x - eps, 0.0), tf.minimum(x + eps, 1.0)
        worse = tf.clip_by_value(start + self.step_size * eps * tf.sign(uphill), low, high)
        logits = model(worse, training=True)
        return cross_entropy(logits, y), logits
