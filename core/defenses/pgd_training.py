"""PGD training."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import lowering
from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, attacked, away_from, cross_entropy, grown


@dataclass(frozen=True, kw_only=True)
class PGDTraining(Training):
    r"""In every step, attack the batch with PGD and learn the attacked digits instead of the clean ones.

    $$\min_\theta\ \mathbb{E}\Big[\max_{\lVert \delta \rVert \le \varepsilon} L\big(f_\theta(x + \delta), y\big)\Big]$$

    ε grows from 0, because a fresh network that meets the full budget at once learns nothing. With few and large steps
    the training can collapse ("catastrophic overfitting"): the network then withstands this very attack alone.

    Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018,
    https://arxiv.org/abs/1706.06083
    """

    title = "PGD training"
    recipe = Plan(epochs=12, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    eps: float = knob(0.3, "Train at ε", 0.0, 5.0, step=0.01, help="Budget of the attack in every step, in its norm")
    steps: int = knob(10, "Steps", 1, 100, help="Gradient steps of the attack in every training step")
    step_size: float = knob(0.25, "Step size", 0.01, 2.0, step=0.01, help="Relative to the present ε")
    ramp: float = knob(0.2, "Ramp", 0.0, 1.0, step=0.05, help="Share of the training over which ε grows from 0")
    norm: str = knob("linf", "Norm", choices=("linf", "l2"), help="In which the attack is bounded")
    smoothing: float = knob(0.0, "Label smoothing", 0.0, 0.5, step=0.05, help="Probability spread over all ten classes")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        worse = attacked(
            lowering.forward(model),
            x,
            away_from(y),
            eps=grown(self.eps, self.ramp, moment),
            steps=self.steps,
            step_size=self.step_size,
            seed=moment.seed,
            norm=self.norm,
        )
        logits = model(worse, training=True)
        return cross_entropy(logits, y, self.smoothing), logits
