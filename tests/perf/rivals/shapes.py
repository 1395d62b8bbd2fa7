"""Attacks of other shapes: the warp, the sticker, one change for many digits."""

from itertools import count
from typing import Any

import numpy as np

from core import attacks
from core.classifier import Classifier
from tests import peers
from tests.perf.rivals import Make, Row, Run, art_attack

SIDE = 10


def _anew(name: str, norm: str, eps: float) -> Make:
    """Ours, with another seed in each run: what it has learned before must not be remembered while it is timed."""

    def make(model: Classifier) -> Run:
        attack, seeds = attacks.get(name)(), count()
        return lambda x, y: attack(model, x, y, eps=eps, norm=norm, seed=next(seeds))

    return make


def _art(name: str, use: Any, **knobs: Any) -> Make:
    """ART's, built anew in each run, since its attacks keep what they found: use(attack, x, y) gives the images."""

    def make(model: Classifier) -> Run:
        clothed = peers.art_model(model)
        return lambda x, y: use(art_attack(name, clothed, **knobs), x, y)

    return make


def _stuck(attack: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    attack.generate(x, np.eye(10, dtype=np.float32)[y])
    return np.asarray(attack.apply_patch(x, scale=SIDE / 28))


ROWS = [
    Row(
        attack="spatial",
        norm="warp",
        eps=1.0,
        setting="turns up to 30 degrees and shifts up to 3 pixels, 11 x 5 x 5 cells",
        ours=_anew("spatial", "warp", 1.0),
        theirs={
            "ART": _art(
                "SpatialTransformation",
                lambda attack, x, y: attack.generate(x),
                max_translation=100 * 3 / 28,
                num_translations=5,
                max_rotation=30.0,
                num_rotations=11,
            )
        },
        digits=20,
        by_size=False,
        note="ART looks for one warp that fools most of the batch, ours for one a digit.",
    ),
    Row(
        attack="universal",
        norm="linf",
        eps=0.2,
        setting="one change for all digits",
        ours=_anew("universal", "linf", 0.2),
        theirs={
            "ART": _art(
                "UniversalPerturbation",
                lambda attack, x, y: attack.generate(x, np.eye(10, dtype=np.float32)[y]),
                attacker="pgd",
                attacker_params={"eps": 0.2, "eps_step": 0.02, "max_iter": 10, "verbose": False},
                max_iter=3,
                eps=0.2,
                norm=np.inf,
            )
        },
        digits=50,
        by_size=False,
        note="ART learns on the very digits that are judged, from PGD-10 on one after another; ours on 300 others.",
    ),
    Row(
        attack="patch",
        norm="l0",
        eps=SIDE**2,
        setting=f"{SIDE} x {SIDE} pixels at random places, 60 signed steps on 25 digits each",
        ours=_anew("patch", "l0", SIDE**2),
        theirs={
            "ART": _art(
                "AdversarialPatchTensorFlowV2",
                _stuck,
                rotation_max=0.0,
                scale_min=SIDE / 28,
                scale_max=SIDE / 28 + 1e-6,
                learning_rate=0.1,
                max_iter=15,  # rounds through a hundred digits, of four steps each
                batch_size=25,
                patch_shape=(28, 28, 1),
                optimizer="pgd",
            )
        },
        by_size=False,
        note="ART learns on the very digits that are judged, ours on 300 others. ART shrinks a larger sticker, whose "
        "rim may blur over more than eps pixels: such a digit does not count.",
    ),
]
