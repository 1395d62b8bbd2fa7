"""Data augmentation."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, cross_entropy, shifted


@dataclass(frozen=True, kw_only=True)
class Augmentation(Training):
    r"""In every step, shift, turn and sprinkle the digits anew: more data for nothing, but not one attacked digit.

    It helps with digits that are written otherwise. It does not help against an attacker, who does not draw the change
    at random but looks for the worst.

    Simard, Steinkraus and Platt, "Best practices for convolutional neural networks", ICDAR 2003,
    https://doi.org/10.1109/ICDAR.2003.1227801
    """

    title = "Data augmentation"
    recipe = Plan(epochs=15, batch=128, rate=2e-3, decay="cosine", warmup=0.1)

    pixels: int = knob(2, "Shift", 0, 6, help="Pixels across and down, at most")
    degrees: float = knob(10.0, "Turn", 0.0, 45.0, step=1.0, help="Degrees to either side, at most")
    sigma: float = knob(0.05, "Noise", 0.0, 0.5, step=0.01, help="Standard deviation on each pixel")

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        turning, sprinkling = (moment.seed + tf.constant([turn, 0]) for turn in (1, 2))
        if self.pixels:
            x = shifted(x, self.pixels, moment.seed)
        if self.degrees:
            x = turned(x, self.degrees, turning)
        if self.sigma:
            x = tf.clip_by_value(x + self.sigma * tf.random.stateless_normal(tf.shape(x), sprinkling), 0.0, 1.0)
        logits = model(x, training=True)
        return cross_entropy(logits, y), logits


def turned(x: tf.Tensor, degrees: float, seed: tf.Tensor) -> tf.Tensor:
    """Each image of x (n, height, width, 1) turned about its centre by an angle drawn within -degrees..degrees."""
    count, height, width = tf.unstack(tf.shape(x)[:3])
    most = degrees * 3.141592653589793 / 180.0
    angle = tf.random.stateless_uniform((count,), seed, -most, most)
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    across, down = tf.cast(width - 1, tf.float32) / 2.0, tf.cast(height - 1, tf.float32) / 2.0
    rows = [cos, -sin, across - cos * across + sin * down, sin, cos, down - sin * across - cos * down, zero, zero]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.stack(rows, axis=1),
        output_shape=tf.stack([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
