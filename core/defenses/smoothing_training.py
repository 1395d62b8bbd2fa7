"""Training for randomised smoothing."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import lowering
from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, attacked, away_from, grown


@dataclass(frozen=True, kw_only=True)
class SmoothingTraining(Training):
    r"""Learn digits under the very Gaussian noise in which a smoothed classifier will later vote, and to vote as one.

    $$\min_\theta\ \mathbb{E}_\delta\big[L(f_\theta(x + \delta), y)\big] + \lambda\,
    \mathbb{E}_\delta\big[\mathrm{KL}(\bar p\ \Vert\ p_\theta(x + \delta))\big] + \eta\, H(\bar p), \qquad
    \delta \sim N(0, \sigma^2 I)$$

    p̄ is the mean of what the noisy copies of a digit are read as. The noise is new in every step and is not clipped:
    neither is that of the certificate. With ε above 0 the digits are moved first, by an attack on p̄ in L2 (SmoothAdv).

    Cohen et al. 2019, https://arxiv.org/abs/1902.02918; consistency: Jeong and Shin 2020,
    https://arxiv.org/abs/2006.04062; SmoothAdv: Salman et al. 2019, https://arxiv.org/abs/1906.04584
    """

    title = "Gaussian smoothing training"
    recipe = Plan(epochs=15, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    sigma: float = knob(0.5, "σ", 0.01, 2.0, step=0.05, help="Standard deviation of the noise on each pixel")
    copies: int = knob(2, "Noisy copies", 1, 8, help="Of each digit in every step")
    consistency: float = knob(5.0, "λ", 0.0, 50.0, step=0.5, help="How much the copies have to agree")
    entropy: float = knob(0.5, "η", 0.0, 5.0, step=0.1, help="How sure their mean has to be")
    eps: float = knob(0.0, "Attack at ε", 0.0, 5.0, step=0.1, help="L2 budget of an attack on the mean; 0 for none")
    steps: int = knob(4, "Attack steps", 1, 50, help="Gradient steps of that attack")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        noise = self.sigma * tf.random.stateless_normal(tf.concat([[self.copies], tf.shape(x)], 0), moment.seed)
        if self.eps:
            x = self._moved(model, x, y, noise, moment)
        logits = model(tf.reshape(x[None] + noise, (-1, *x.shape[1:])), training=True)
        each = tf.reshape(logits, (self.copies, -1, 10))
        logs = tf.nn.log_softmax(each)
        mean = tf.reduce_mean(tf.exp(logs), axis=0)
        losses = -tf.reduce_sum(tf.one_hot(y, 10) * tf.reduce_mean(logs, axis=0), axis=1)
        unsure = -tf.reduce_sum(mean * tf.math.log(tf.maximum(mean, 1e-12)), axis=1)
        apart = -unsure - tf.reduce_sum(mean * tf.reduce_mean(logs, axis=0), axis=1)
        return losses + self.consistency * apart + self.entropy * unsure, each[0]

    def _moved(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, noise: tf.Tensor, moment: Moment) -> tf.Tensor:
        """The digits, moved within ε so that the mean over these very copies of noise reads them worse."""
        forward = lowering.forward(model)

        def mean_logits(z: tf.Tensor) -> tf.Tensor:
            each = tf.reshape(forward(tf.reshape(z[None] + noise, (-1, *x.shape[1:]))), (self.copies, -1, 10))
            # The logarithm of the mean probability is a logit whose softmax is that mean.
            return tf.reduce_logsumexp(tf.nn.log_softmax(each), axis=0)

        eps = grown(self.eps, 0.2, moment)
        given = {"eps": eps, "steps": self.steps, "step_size": 2.0 / self.steps, "seed": moment.seed, "norm": "l2"}
        return attacked(mean_logits, x, away_from(y), **given, spread=0.0)
