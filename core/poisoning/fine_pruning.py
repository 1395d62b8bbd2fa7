"""Fine-pruning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from core import copies, features, lowering
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError
from core.knobs import knob
from core.poisoning import _judging
from core.poisoning._cleaner import Cleaner, Task


@dataclass(frozen=True, kw_only=True)
class FinePruning(Cleaner):
    r"""Take out the units that sleep while clean digits pass, for a trigger may be what wakes them; then fine-tune.

    $$w_u \leftarrow 0, \ b_u \leftarrow 0 \qquad \text{in the order of}\ \
    \mathbb{E}_{x \in \text{clean}} \lvert h_u(x) \rvert$$

    h are the units of a hidden layer, or the channels of a convolution. As many are taken out as cost no more than
    `loss` of the accuracy on the trusted digits; a ReLU that is taken out stays so, since it has no slope there.

    A large network has units to spare, and may give the trigger some of its own. One of 64 hidden neurons has none:
    there the trigger wakes those that clean digits need most, and pruning takes the clean digits' first.

    Liu, Dolan-Gavitt and Garg, "Fine-pruning: defending against backdooring attacks on deep neural networks", RAID
    2018, https://arxiv.org/abs/1805.12185
    """

    title = "Fine-pruning"
    needs_trusted = True

    layer: int = knob(1, "Hidden layer", 1, 4, help="Counted from the last; the first where there are fewer")
    loss: float = knob(0.04, "May cost", 0.0, 1.0, step=0.01, help="Share of trusted digits that pruning may lose")

    def run(self, task: Task) -> Classifier:
        return task.learn(task.trusted, onwards=self.prune(task.model, task.trusted))

    def prune(self, model: Classifier, trusted: Digits) -> Classifier:
        """A copy with as many of the sleepiest units at 0 as the trusted digits allow."""
        response = features.of(features.halves(model, self.layer)[0], trusted.images)
        network = copies.of(model.keras)
        layer = _before(network, self.layer)
        weights = layer.get_weights()
        count = weights[0].shape[-1]
        if response.shape[1] % count or any(each.shape[-1] != layer.output.shape[-1] for each in weights):
            raise InputError(
                f"The units of the layer {layer.name!r} of {model.name!r} cannot be told apart in what the next layer "
                "reads, and pruning needs that. Choose another layer, or a network without layers in between."
            )
        sleepiest = np.argsort(np.abs(response).reshape(len(trusted), -1, count).mean(axis=(0, 1)), kind="stable")
        pruned = Classifier(network, name=model.name, title=model.title)
        least = _judging.accuracy(model, trusted) - self.loss

        def without(few: int) -> float:
            layer.set_weights([_zeroed(each, sleepiest[:few]) for each in weights])
            return _judging.accuracy(pruned, trusted)

        # By halves: what so many cost, more cost as well, or nearly.
        low, high = 0, count
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if without(middle) >= least else (low, middle)
        without(low)
        return pruned


def _before(network: keras.Model, back: int) -> Any:
    """The layer with a kernel whose units are what features.halves(..., back) looks at."""
    layers = [each for each in lowering.chain(network) or [] if hasattr(each, "kernel")]
    return layers[max(-1 - back, -len(layers))]


def _zeroed(weight: np.ndarray, units: np.ndarray) -> np.ndarray:
    """A kernel (..., units) or bias (units,) with those units' weights at 0."""
    weight = weight.copy()
    weight[..., units] = 0.0
    return weight
