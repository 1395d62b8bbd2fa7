"""Consistency under noise."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import fit, lowering
from core.classifier import IMAGE, Classifier
from core.defenses.base import Detector, Measure
from core.digits import Digits
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class NoiseConsistency(Detector):
    r"""Add noise to the digit many times over: a clean one is still read alike, a barely fooling one is not.

    $$s(x) = \frac{1}{k} \sum_{j=1}^{k} \Big(1 - p_c\big(x + \sigma n_j\big)\Big), \qquad c = \arg\max_i f_i(x)$$

    p are the network's probabilities, and c is the class that it reads without noise. This is the share of noisy copies
    that are read otherwise, made smooth: each copy counts by the probability that it takes from c. All images meet the
    same draws of noise. A change that only just fools is told well; one that goes on until the network is sure is not.

    Roth, Kilcher and Hofmann, "The odds are odd: a statistical test for detecting adversarial examples", ICML 2019,
    https://arxiv.org/abs/1902.04818
    """

    title = "Consistency under noise"

    sigma: float = knob(0.1, "Noise σ", 0.02, 1.0, step=0.02, help="Standard deviation of the noise on each pixel")
    copies: int = knob(16, "Copies", 1, 64, help="Noisy copies of each image")

    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        net = lowering.forward(model.keras)
        noise = np.random.default_rng([seed, 1]).normal(scale=self.sigma, size=(1, self.copies, *IMAGE))
        noise = tf.constant(noise, tf.float32)

        def measure(x: tf.Tensor) -> tf.Tensor:
            # The noise leaves [0, 1], as in the paper: clipping it would darken the ink and grey the rest.
            noisy = tf.reshape(x[:, None] + noise, (-1, *IMAGE))
            logits = tf.reshape(net(noisy), (-1, self.copies, 10))
            read = tf.argmax(net(x), axis=1, output_type=tf.int32)
            others = tf.one_hot(read, 10, on_value=0.0, off_value=1.0)[:, None, :]
            return tf.reduce_mean(tf.reduce_sum(tf.nn.softmax(logits) * others, axis=2), axis=1)

        return measure
