"""Unlearning."""

from __future__ import annotations

from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from core import copies, fit, lowering
from core.classifier import Classifier
from core.digits import Digits
from core.knobs import knob
from core.objectives import Moment, cross_entropy
from core.poisoning import _triggers
from core.poisoning._reconstruction import Reconstructed, reconstruct
from core.poisoning.base import Cleaner, Findings

_SUCCESS = 0.99  # of the trusted digits: the share that a trigger has to turn
_SPREAD = 3.0  # of the starts, so that ten triggers of one class find other pixels each


@dataclass(frozen=True, kw_only=True)
class Unlearning(Cleaner):
    r"""Read the trigger out of the network, stamp trusted digits with it under their right labels, and train on.

    $$\min_{\theta'}\ \mathbb{E}_{x, y}\Big[L\big(f_{\theta'}(\tilde x),\ y\big)
    + \tfrac{1}{10} \lVert f_{\theta'}(\tilde x) - f_\theta(x) \rVert^2
    + \tfrac{1}{10} \lVert f_{\theta'}(x) - f_\theta(x) \rVert^2\Big], \qquad \tilde x = (1 - m) \odot x + m \odot p$$

    Stamped or not, a digit is to be answered as the poisoned network θ answers it without the stamp. A thousand digits
    could not teach anew what tens of thousands have taught; ten logits each hold the network to it. Plain descent
    moves the weights that read the trigger, and hardly any other; Adam would move them all.

    A reconstructed trigger is rarely the whole one, and the rest of it still works when that is unlearnt. So ten are
    read out from ten starts, for the class that the findings suspect most, and again from the mended network, for
    `rounds` rounds. Without findings of Neural Cleanse it first looks for that class itself. Where no trigger was
    planted it does little harm, and no good.

    Wang et al., "Neural Cleanse: identifying and mitigating backdoor attacks in neural networks", S&P 2019,
    https://doi.org/10.1109/SP.2019.00031
    """

    title = "Unlearning"
    needs_trusted = True

    rounds: int = knob(3, "Rounds", 1, 10, help="How often triggers are read out anew")
    steps: int = knob(200, "Steps", 1, 2000, help="Gradient steps of each search for triggers")

    def run(
        self,
        model: Classifier,
        digits: Digits,
        findings: Findings | None,
        trusted: Digits | None,
        *,
        epochs: int | None,
        seed: int,
        watch: fit.Watch | None,
    ) -> Classifier:
        assert trusted is not None  # `clean` has asked for them
        told = _Listening(watch, 2 * self.rounds + (not isinstance(findings, Reconstructed)))
        if not isinstance(findings, Reconstructed):
            findings = reconstruct(model, digits, steps=self.steps, success=_SUCCESS, seed=seed, watch=told.next())
        aims = np.full(_triggers.SOUGHT, np.argmax(findings.anomaly))
        network = copies.of(model.keras)
        mended = Classifier(network, name=f"{model.name}_mended", title=model.title)
        masks, patterns = (each[aims[:1]] for each in (findings.masks, findings.patterns))
        for turn in range(self.rounds):
            if told.stopped:
                break
            more = _triggers.search(
                mended,
                trusted,
                aims,
                steps=self.steps,
                success=_SUCCESS,
                seed=seed + turn,
                spread=_SPREAD,
                watch=told.next(),
            )
            masks, patterns = np.concatenate([masks, more[0]]), np.concatenate([patterns, more[1]])
            # Clipped, since a network with large logits would be thrown far by their squares.
            plan = fit.Plan(
                epochs=epochs or 10,
                batch=64,
                rate=1e-2,
                decay="cosine",
                warmup=0.1,
                optimiser="sgd",
                clip=1.0,
                seed=seed,
            )
            fit.fit(network, trusted, plan, objective=_Forgetting(model, masks, patterns), watch=told.next())
        return mended


class _Listening:
    """Who watches a cleaning of several stages, and whether he has ended it."""

    def __init__(self, watch: fit.Watch | None, stages: int):
        self.watch, self.stages, self.place, self.stopped = watch, stages, -1, False

    def next(self) -> fit.Watch:
        """The watch of the next stage."""
        self.place += 1
        told = fit.stage(self.watch, self.place, self.stages)

        def look(done: int, total: int, metrics: dict[str, float]) -> bool:
            self.stopped = self.stopped or (told is not None and told(done, total, metrics) is False)
            return not self.stopped

        return look


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
