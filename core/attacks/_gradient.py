"""The gradient that attacks step along, inside a compiled graph."""

from collections.abc import Callable

import tensorflow as tf

from core import losses, lowering
from core.classifier import IMAGES, Classifier
from core.specs import CLASS, COUNT


def loss_gradient(
    net: lowering.Forward, x: tf.Tensor, which: tf.Tensor, labels: tf.Tensor, target: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The logits at x, the loss's gradient there, and the positive factor (n,) it still wants: taken here alone."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = net(x)
    slope, scale = losses.slope(which, logits, labels, target)
    return logits, pulled_back(tape, logits, x, slope), scale


def pulled_back(tape: tf.GradientTape, logits: tf.Tensor, x: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    """What a slope in the logits is in x; 0 where the network lets none through, as one that rounds its input."""
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(logits, x, output_gradients=slope, unconnected_gradients=zero)  # type: ignore


def gradient_of(model: Classifier) -> Callable:
    """The graph (x, number of the loss, labels, target) -> (gradient, the factor (n,) it still wants), for itself."""

    def build() -> Callable:
        def run(x, which, labels, target):
            return loss_gradient(lowering.forward(model.keras), x, which, labels, target)[1:]

        return run

    return model.graph("gradient", build, [IMAGES, COUNT, CLASS, CLASS])
