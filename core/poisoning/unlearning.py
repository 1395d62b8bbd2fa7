"""Unlearning."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import keras
import numpy as np
import tensorflow as tf

from core import copies, fit, lowering
from core.classifier import Classifier
from core.digits import Digits
from core.knobs import knob
from core.objectives import Moment, cross_entropy
from core.poisoning import _triggers
from core.poisoning._cleaner import Cleaner, Task
from core.poisoning._reconstruction import Reconstructed, reconstruct
from core.poisoning.base import Findings
from core.stages import Stages

_SUCCESS = 0.99  # of the trusted digits: the share that a trigger has to turn
_SPREAD = 3.0  # of the starts, so that ten triggers of one class find other pixels each
_HELD = 5000  # of the digits that nobody suspects, those that hold the network to its answers
# Clipped, since a network with large logits would be thrown far by their squares.
_PLAN = fit.Plan(epochs=5, batch=64, rate=2e-2, decay="cosine", warmup=0.1, optimiser="sgd", clip=1.0)


@dataclass(frozen=True, kw_only=True)
class Unlearning(Cleaner):
    r"""Read the trigger out of the network, stamp trusted digits with it under their right labels, and train on.

    $$\min_{\theta'}\ \mathbb{E}_{x, y}\Big[L\big(f_{\theta'}(\tilde x),\ y\big)
    + \tfrac{1}{10} \lVert f_{\theta'}(\tilde x) - f_\theta(x) \rVert^2
    + \tfrac{1}{10} \lVert f_{\theta'}(x) - f_\theta(x) \rVert^2\Big], \qquad \tilde x = (1 - m) \odot x + m \odot p$$

    Stamped or not, a digit is to be answered as the poisoned network θ answers it without the stamp: a few thousand
    digits could not teach anew what tens of thousands have taught, and ten logits each hold the network to it. They are
    the trusted ones, and such of the training set as nobody suspects. Plain descent moves the weights that read the
    trigger, and hardly any other; Adam would move them all.

    A reconstructed trigger is rarely the whole one, and the rest of it still works when that is unlearnt. So ten are
    read out from ten starts, for the class that the findings suspect most, and again from the mended network, for
    `rounds` rounds. Without findings of Neural Cleanse it first looks for that class itself. Where no trigger was
    planted it does little harm, and no good.

    Wang et al., "Neural Cleanse: identifying and mitigating backdoor attacks in neural networks", S&P 2019,
    https://doi.org/10.1109/SP.2019.00031
    """

    title = "Unlearning"
    helped_by = Reconstructed
    needs_trusted = True

    rounds: int = knob(2, "Rounds", 1, 10, help="How often triggers are read out anew")
    steps: int = knob(200, "Steps", 1, 2000, help="Gradient steps of each search for triggers")

    def run(self, task: Task) -> Classifier:
        findings, sought = task.findings, {"steps": self.steps, "success": _SUCCESS}
        known = isinstance(findings, Reconstructed)
        stages = Stages(task.watch, 2 * self.rounds + (not known))
        if not known:
            findings = reconstruct(task.model, task.digits, **sought, seed=task.seed, watch=stages.next())
        aims = np.full(_triggers.SOUGHT, np.argmax(findings.anomaly))
        network = copies.of(task.model.keras)
        mended = Classifier(network, name=f"{task.model.name}_mended", title=task.model.title)
        masks, patterns = (each[aims[:1]] for each in (findings.masks, findings.patterns))
        plan = replace(_PLAN, epochs=task.epochs or _PLAN.epochs, seed=task.seed)
        held = _held(task, findings)
        for turn in range(self.rounds):
            if stages.stopped:
                break
            more = {"seed": task.seed + turn, "spread": _SPREAD, "watch": stages.next()}
            found = _triggers.search(mended, task.trusted, aims, **sought, **more)
            masks, patterns = np.concatenate([masks, found[0]]), np.concatenate([patterns, found[1]])
            forgetting = _Forgetting(poisoned=task.model, masks=masks, patterns=patterns)
            fit.fit(network, held, plan, objective=forgetting, watch=stages.next())
        return mended


def _held(task: Task, findings: Findings) -> Digits:
    """The digits whose answers are to stay: the trusted ones, and some that are not suspected."""
    calm = np.random.default_rng([task.seed, 5]).permutation(np.flatnonzero(~findings.flagged))[:_HELD]
    return task.trusted + task.digits[calm]


@dataclass(frozen=True, kw_only=True)
class _Forgetting:
    """To answer digits, with one of the triggers and without, as the poisoned network answers them without."""

    poisoned: Classifier
    masks: np.ndarray = field(repr=False)
    patterns: np.ndarray = field(repr=False)

    def __call__(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, moment: Moment) -> tuple[tf.Tensor, tf.Tensor]:
        which = tf.random.stateless_uniform(tf.shape(y), moment.seed, 0, len(self.masks), tf.int32)
        mask, pattern = (tf.gather(tf.constant(each[..., None]), which) for each in (self.masks, self.patterns))
        clean, stamped = tf.split(model(tf.concat([x, x * (1.0 - mask) + pattern * mask], axis=0), training=True), 2)
        before = tf.stop_gradient(lowering.forward(self.poisoned.keras)(x))
        apart = tf.square(clean - before) + tf.square(stamped - before)
        return cross_entropy(stamped, y) + tf.reduce_mean(apart, axis=1), clean
