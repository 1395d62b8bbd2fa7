"""The attacks that look for the most harm within a budget."""

import numpy as np

from tests.perf.rivals import Make, Row, art, lab
from tests.support import REALISTIC

_ORDER = {"linf": np.inf, "l2": 2}


def _art_apgd(norm: str, loss: str, steps: int) -> Make:
    """ART's Auto-PGD, with the paper's first step of twice the budget."""
    eps = REALISTIC[norm]
    return art(
        "AutoProjectedGradientDescent",
        norm=_ORDER[norm],
        eps=eps,
        eps_step=2 * eps,
        max_iter=steps,
        nb_random_init=1,
        loss_type=loss,
        batch_size=1000,
    )


def _art_autoattack(norm: str) -> Make:
    eps = REALISTIC[norm]
    return art("AutoAttack", norm=_ORDER[norm], eps=eps, eps_step=2 * eps, batch_size=1000)


ROWS = [
    *(
        Row(
            attack="apgd",
            norm=norm,
            setting=f"100 steps on the {title}, one run",
            ours=lab("apgd", norm, eps=REALISTIC[norm], steps=100, loss=loss),
            theirs={"ART": _art_apgd(norm, {"dlr": "difference_logits_ratio"}.get(loss, loss), 100)},
            eps=REALISTIC[norm],
            by_size=False,
            note="Foolbox has no Auto-PGD.",
        )
        for norm in ("linf", "l2")
        for loss, title in (("cross_entropy", "cross-entropy"), ("dlr", "DLR loss"))
    ),
    *(
        Row(
            attack="autoattack",
            norm=norm,
            setting="everybody's standard",
            ours=lab("autoattack", norm, eps=REALISTIC[norm]),
            theirs={"ART": _art_autoattack(norm)},
            eps=REALISTIC[norm],
            digits=30,
            by_size=False,
            note="ART's has Auto-PGD on two losses, five runs each, DeepFool and Square; no targeted part and no FAB.",
        )
        for norm in ("linf", "l2")
    ),
]
