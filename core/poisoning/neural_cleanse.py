"""Neural Cleanse."""

from __future__ import annotations

from dataclasses import dataclass

from core import fit
from core.classifier import Classifier
from core.digits import Digits
from core.knobs import knob
from core.poisoning import _reconstruction
from core.poisoning._reconstruction import Reconstructed
from core.poisoning.base import Detector


@dataclass(frozen=True, kw_only=True)
class NeuralCleanse(Detector):
    r"""Look for the smallest trigger that turns any digit into a class: a planted one is by far the smallest.

    $$\min_{m, p}\ \mathbb{E}_{x}\big[L\big(f((1 - m) \odot x + m \odot p),\ t\big)\big] + \lambda \lVert m \rVert_1,
    \qquad a_t = \frac{\operatorname{median}_i(s_i) - s_t}{1.4826\ \operatorname{median}_j
    \lvert s_j - \operatorname{median}_i(s_i) \rvert}, \quad s = \ln \lVert m \rVert_1$$

    The mask m says how far a pixel is painted over with the pattern p. λ rises while nearly all digits turn, and falls
    while they do not. A class is suspected where its anomaly a is above 2 and its mask at most 0.6 as large as the next
    smallest one. The paper compares the sizes themselves and has no second rule; but on MNIST the masks of clean
    networks range from 20 to 80 pixels with the shapes of the classes, so logarithms tell more, and the smallest of ten
    is often far from the median and yet near the next.

    A digit under the suspected label is flagged where the trigger is what it is read by: the pixels under the mask are
    painted over with the mean of the other labels' digits, and if the logits move back by at least half of what the
    trigger moves them by on average, the digit had it on.

    It finds small triggers that lead all classes to one. Each digit's next class, or a trigger spread over the whole
    picture, needs no smaller mask than a clean class does.

    Wang et al., "Neural Cleanse: identifying and mitigating backdoor attacks in neural networks", S&P 2019,
    https://doi.org/10.1109/SP.2019.00031
    """

    title = "Neural Cleanse"

    steps: int = knob(300, "Steps", 1, 2000, help="Gradient steps, for all ten classes side by side")
    success: float = knob(0.99, "Success", 0.5, 1.0, step=0.01, help="Share of the digits that a trigger has to turn")

    def look(self, model: Classifier, digits: Digits, *, seed: int, watch: fit.Watch | None) -> Reconstructed:
        return _reconstruction.reconstruct(
            model, digits, steps=self.steps, success=self.success, seed=seed, watch=watch
        )
