"""PGD of this project and of its peers, as functions of the same digits on the same Keras model object."""

from collections.abc import Callable

import numpy as np

from core import attacks
from core.classifier import Classifier
from tests import peers

Run = Callable[[np.ndarray, np.ndarray], np.ndarray]
STEPS, STEP_SIZE, EPS = 40, 0.1, 0.2


def ours(model: Classifier, **knobs: bool) -> Run:
    """Digits and labels -> adversarial images, through the whole of the public call: checks and judge included."""
    attack = attacks.get("pgd")(steps=STEPS, step_size=STEP_SIZE, **knobs)
    return lambda x, y: attack(model, x, y, eps=EPS).adversarial


def all_of(model: Classifier) -> dict[str, Run]:
    """Every implementation that is installed, by name; ours first."""
    runs: dict[str, Run] = {"Epsilon Lab": ours(model), "Epsilon Lab, early stop": ours(model, early_stop=True)}
    try:
        import foolbox as fb
        import tensorflow as tf

        # Foolbox's own wrapper is made once, as a user of it would.
        wrapped = fb.models.TensorFlowModel(model.keras, bounds=(0, 1), device="/CPU:0")
        attack = peers.foolbox_pgd(STEPS, STEP_SIZE)
        runs["Foolbox"] = lambda x, y: np.asarray(attack(wrapped, tf.constant(x), tf.constant(y), epsilons=EPS)[1])
    except ImportError as missing:
        print(f"Foolbox is left out: {missing}")
    try:
        runs["ART"] = peers.art_pgd(model, EPS, STEPS, STEP_SIZE)
    except ImportError as missing:
        print(f"ART is left out: {missing}")
    return runs
