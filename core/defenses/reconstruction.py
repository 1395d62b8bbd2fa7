"""The autoencoder's reconstruction error."""

from dataclasses import dataclass

import tensorflow as tf

from core import fit, lowering, zoo
from core.classifier import Classifier
from core.defenses.base import Detector, Measure
from core.digits import Digits
from core.knobs import knob, only_with

_TINY = 1e-12  # added to a probability before its logarithm


@dataclass(frozen=True, kw_only=True)
class Reconstruction(Detector):
    r"""Let a network that has only ever seen clean digits redraw this one, and ask how much was lost.

    $$s(x) = \frac{1}{784} \lVert x - g(x) \rVert_p^p \qquad \text{or} \qquad
    s(x) = \mathrm{JSD}\big(p_T(x) \,\Vert\, p_T(g(x))\big)$$

    g is the autoencoder. Asked about the picture, the score is the mean error of a pixel, or its square. Asked about
    the prediction, it is the Jensen-Shannon divergence of what the network reads before and after, its logits divided
    by the temperature T.

    Meng and Chen, "MagNet: a two-pronged defense against adversarial examples", CCS 2017,
    https://arxiv.org/abs/1705.09064
    """

    title = "Reconstruction error"

    about: str = knob(
        "picture", "Compare", choices=("picture", "prediction"), help="The picture itself, or what is read from it"
    )
    power: int = only_with("about", "picture", knob(2, "Power", 1, 2, help="p: 2 counts large errors for more"))
    temperature: float = only_with(
        "about", "prediction", knob(10.0, "Temperature", 1.0, 40.0, step=1.0, help="T: higher for softer probabilities")
    )

    def learn(self, model: Classifier, digits: Digits, *, seed: int = 0, watch: fit.Watch | None = None) -> Measure:
        redraw, net = lowering.forward(zoo.autoencoder()), lowering.forward(model.keras)

        def picture(x: tf.Tensor) -> tf.Tensor:
            error = tf.abs(x - redraw(x))
            return tf.reduce_mean(error**self.power, axis=(1, 2, 3))

        def prediction(x: tf.Tensor) -> tf.Tensor:
            one, other = (tf.nn.softmax(net(z) / self.temperature) for z in (x, redraw(x)))
            return divergence(one, other)

        return picture if self.about == "picture" else prediction


def divergence(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """The Jensen-Shannon divergence of two rows of probabilities (n, 10), in nats: (n,), from 0 to log 2."""
    middle = tf.math.log((one + other) / 2.0 + _TINY)
    parts = (tf.reduce_sum(p * (tf.math.log(p + _TINY) - middle), axis=1) for p in (one, other))
    return tf.add_n(list(parts)) / 2.0
