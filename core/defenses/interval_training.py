"""Interval bound training."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from core import bounds, crown
from core.defenses._harden import Training
from core.fit import Plan
from core.knobs import knob
from core.objectives import Moment, cross_entropy


@dataclass(frozen=True, kw_only=True)
class IntervalTraining(Training):
    r"""Learn from the worst logits that any image within ε could have, instead of from attacked images.

    $$\min_\theta\ \mathbb{E}\left[\mathrm{CE}\big(-\underline m_\theta(x, \varepsilon),\ y\big)\right], \qquad
    \underline m_k \le \min_{\lVert x' - x \rVert_\infty \le \varepsilon} f_y(x') - f_k(x')$$

    The bounds m come from intervals that are carried through the layers, so what is learnt is provable afterwards. ε
    grows from 0 in the ramp. Meanwhile CROWN's bounds, which are tighter and dearer, may stand in for a share of the
    intervals (CROWN-IBP), and ReLUs keep a small slope where they are flat; both fade.

    Gowal et al. 2018, https://arxiv.org/abs/1810.12715; CROWN-IBP: Zhang et al. 2020, https://arxiv.org/abs/1906.06316;
    the fading slope: Lyu et al. 2021, https://arxiv.org/abs/2104.00447
    """

    title = "Interval bound training"
    fresh = True
    recipe = Plan(epochs=20, batch=128, rate=1e-3, decay="cosine", warmup=0.05, clip=10.0)

    eps: float = knob(0.3, "Train at ε", 0.0, 0.5, step=0.01, help="How much each pixel may change, in L∞")
    still: float = knob(0.05, "Before the ramp", 0.0, 0.5, step=0.01, help="Share of the training at ε = 0")
    ramp: float = knob(0.5, "Ramp", 0.0, 1.0, step=0.05, help="Share of the training by which ε has grown to its full")
    clean: float = knob(0.0, "Clean share", 0.0, 1.0, step=0.05, help="How much the clean digits' own loss counts")
    crown: float = knob(0.0, "CROWN", 0.0, 1.0, step=0.1, help="Share of the tighter CROWN bounds at the ramp's start")
    leak: float = knob(0.0, "Fading slope", 0.0, 0.5, step=0.05, help="Slope of flat ReLUs at the ramp's start")

    def first(self, shape: tuple[int, ...]) -> float:
        """Such that intervals keep their width from layer to layer: Shi et al. 2021, arXiv:2103.17268."""
        return float(np.sqrt(2.0 * np.pi) / np.prod(shape[:-1]))

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        grown = tf.clip_by_value((moment.share - self.still) / max(self.ramp - self.still, 1e-9), 0.0, 1.0)
        box = bounds.around(x, self.eps * grown)
        given = {"training": True, "leak": self.leak * (1.0 - grown)}
        lowest = bounds.margins(model, box, y, **given)
        if self.crown:
            tighter = self.crown * (1.0 - grown)  # they cost as much as ten networks: not a step longer than they help
            lowest = tf.cond(
                tighter > 0,
                lambda: tighter * crown.margins(model, box, y, **given) + (1.0 - tighter) * lowest,
                lambda: lowest,
            )
        worst = -lowest
        losses = cross_entropy(worst, y)
        if self.clean:
            losses = (1.0 - self.clean) * losses + self.clean * cross_entropy(model(x, training=False), y)
        return losses, worst
