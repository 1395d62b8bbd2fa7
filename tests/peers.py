"""Foolbox and ART on our own Keras model, with what they need to run beside NumPy 2 and Keras 3."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.classifier import Classifier

# eagerpy, which Foolbox stands on, calls a function that NumPy 2 has dropped.
if not hasattr(np, "find_common_type"):
    np.find_common_type = lambda arrays, scalars: np.result_type(*arrays, *scalars)  # noqa: NPY201


def foolbox() -> Any:
    """The package foolbox; the calling test is skipped where it is not installed."""
    return pytest.importorskip("foolbox", reason="Foolbox is not installed: pip install -r requirements-dev.txt")


def foolbox_model(model: Classifier) -> Any:
    """Our model in Foolbox's clothes."""
    import foolbox as fb

    return fb.models.TensorFlowModel(model.keras, bounds=(0, 1), device="/CPU:0")


def foolbox_run(attack: Any, model: Classifier, x: np.ndarray, y: np.ndarray, eps: float | None) -> np.ndarray:
    """What a Foolbox attack makes of the digits: (n, 28, 28, 1) float32."""
    import tensorflow as tf

    _, clipped, _ = attack(foolbox_model(model), tf.constant(x), tf.constant(y), epsilons=eps)
    return np.asarray(clipped)


def foolbox_pgd(steps: int, step_size: float) -> Any:
    """Linf PGD as ours: the same steps, relative step size and random start."""
    import foolbox as fb

    return fb.attacks.LinfPGD(rel_stepsize=step_size, steps=steps, random_start=True)


def art_model(model: Classifier) -> Any:
    """Our model in ART's clothes, in its TensorFlow 2 form."""
    import keras
    from art.estimators.classification import TensorFlowV2Classifier

    return TensorFlowV2Classifier(
        model=model.keras,
        nb_classes=10,
        input_shape=(28, 28, 1),
        loss_object=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0, 1),
    )


def art_pgd(
    model: Classifier, eps: float, steps: int, step_size: float
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """ART's Linf PGD as ours, ready to run on (x, y)."""
    from art.attacks.evasion import ProjectedGradientDescent

    attack = ProjectedGradientDescent(
        art_model(model),
        norm=np.inf,
        eps=eps,
        eps_step=step_size * eps,
        max_iter=steps,
        num_random_init=1,
        batch_size=1000,
        verbose=False,
    )
    return lambda x, y: attack.generate(x, np.eye(10, dtype=np.float32)[y])
