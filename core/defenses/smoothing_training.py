"""Training for randomised smoothing."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core import lowering, norms
from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.lowering import Forward
from core.objectives import Moment, shifted


@dataclass(frozen=True, kw_only=True)
class SmoothingTraining(Training):
    r"""Learn digits under the very Gaussian noise in which a smoothed classifier will later vote, and to vote as one.

    $$\min_\theta\ \mathbb{E}_\delta\big[L(f_\theta(x + \delta), y)\big] + \lambda\,
    \mathbb{E}_\delta\big[\mathrm{KL}(\bar p\ \Vert\ p_\theta(x + \delta))\big] + \eta\, H(\bar p), \qquad
    \delta \sim N(0, \sigma^2 I)$$

    p̄ is the mean of what the noisy copies of a digit are read as. The noise is new in every step and is not clipped:
    neither is that of the certificate. With ε above 0 each digit is moved first, one step in L2 up the loss of p̄ under
    noise of its own (SmoothAdv with a single step): by ε where it is read surely, less where it is not, and not at all
    where the noise hides it, which would teach doubt alone.

    Cohen et al. 2019, https://arxiv.org/abs/1902.02918; consistency: Jeong and Shin 2020,
    https://arxiv.org/abs/2006.04062; SmoothAdv: Salman et al. 2019, https://arxiv.org/abs/1906.04584; budgets by
    confidence: Jeong, Kim and Shin 2023, https://arxiv.org/abs/2212.09000
    """

    title = "Gaussian smoothing training"
    recipe = Plan(epochs=15, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    sigma: float = knob(0.5, "σ", 0.01, 2.0, step=0.05, help="Standard deviation of the noise on each pixel")
    copies: int = knob(2, "Noisy copies", 1, 8, help="Of each digit in every step")
    consistency: float = knob(5.0, "λ", 0.0, 50.0, step=0.5, help="How much the copies have to agree")
    entropy: float = knob(0.5, "η", 0.0, 5.0, step=0.1, help="How sure their mean has to be")
    pixels: int = knob(0, "Shift", 0, 6, help="Pixels that each digit is moved across and down, at most")
    eps: float = knob(0.0, "Attack at ε", 0.0, 5.0, step=0.1, help="L2 budget of an attack on the mean; 0 for none")
    spare: float = knob(
        0.5, "Spared below", 0.0, 0.95, step=0.05, help="Probability of the right class at which its budget begins"
    )

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        shifting, attacking = (moment.seed + tf.constant([turn, 0]) for turn in (1, 2))
        if self.pixels:
            x = shifted(x, self.pixels, shifting)
        if self.eps:
            x = self._moved(lowering.forward(model), x, y, attacking)
        logs = tf.nn.log_softmax(self._read(lambda z: model(z, training=True), x, moment.seed))
        mean = tf.reduce_mean(tf.exp(logs), axis=0)
        losses = -tf.reduce_sum(tf.one_hot(y, 10) * tf.reduce_mean(logs, axis=0), axis=1)
        unsure = -tf.reduce_sum(mean * tf.math.log(tf.maximum(mean, 1e-12)), axis=1)
        apart = -unsure - tf.reduce_sum(mean * tf.reduce_mean(logs, axis=0), axis=1)
        return losses + self.consistency * apart + self.entropy * unsure, logs[0]

    def _read(self, forward: Forward, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Images (n, 28, 28, 1) -> logits (copies, n, 10) of noisy copies."""
        noise = self.sigma * tf.random.stateless_normal(tf.concat([[self.copies], tf.shape(x)], 0), seed)
        return tf.reshape(forward(tf.reshape(x[None] + noise, (-1, *x.shape[1:]))), (self.copies, -1, 10))

    def _moved(self, forward: Forward, x: tf.Tensor, y: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The digits, each moved within its budget so that the mean over noisy copies reads it worse."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            sure = tf.reduce_mean(tf.nn.softmax(self._read(forward, x, seed)), axis=0)
            sure = tf.reduce_sum(sure * tf.one_hot(y, 10), axis=1)
            # Each digit's own row of the gradient: no batch mate enters it.
            loss = -tf.math.log(tf.maximum(sure, 1e-30))
        uphill = norms.get("l2").steepest(tape.gradient(loss, x))  # pyright: ignore
        budget = self.eps * tf.nn.relu(sure - self.spare) / (1.0 - self.spare)
        return tf.stop_gradient(tf.clip_by_value(x + tf.reshape(budget, (-1, 1, 1, 1)) * uphill, 0.0, 1.0))
