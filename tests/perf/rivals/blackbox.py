"""The attacks that see scores, decisions or nothing of the network, at as many queries as the peer is found to make.

A peer that has no such knob is given steps that come to that many: counted on a wrapped model for Foolbox, reckoned for
ART.
"""

import numpy as np

from tests.perf.rivals import Row, art, foolbox, lab
from tests.support import REALISTIC

_DIGITS = 40  # the peers ask about one image, or one direction, at a time
_NOISE = 8  # what the network reads in noise: Foolbox begins there, finds no start for these and gives up on all
_WITHOUT = "No 8s: the network reads 8 in noise, where Foolbox begins, and without a start it raises."


def _start(fb):
    return fb.attacks.LinearSearchBlendedUniformNoiseAttack(directions=100, steps=50)


ROWS = [
    *(
        Row(
            attack="square",
            norm=norm,
            eps=REALISTIC[norm],
            setting="1000 queries, p 0.8",
            ours=lab("square", norm, eps=REALISTIC[norm], queries=1000),
            theirs={
                "ART": art(
                    "SquareAttack",
                    norm=order,
                    eps=REALISTIC[norm],
                    max_iter=1000,
                    p_init=0.8,
                    nb_restarts=1,
                    batch_size=1000,
                )
            },
            digits=100,
            by_size=False,
            note="Foolbox has no Square Attack.",
        )
        for norm, order in (("linf", np.inf), ("l2", 2))
    ),
    Row(
        attack="hopskipjump",
        norm="l2",
        setting="2506 queries a digit",
        ours=lab("hopskipjump", "l2", queries=2506),
        theirs={
            "Foolbox": foolbox(lambda fb: fb.attacks.HopSkipJumpAttack(steps=10, init_attack=_start(fb))),
            "ART": art("HopSkipJump", norm=2, max_iter=9, max_eval=1000, init_eval=100, init_size=100),
        },
        digits=_DIGITS,
        without=(_NOISE,),
        note=f"Foolbox's 10 steps make 2506 queries, ART's 9 iterations about as many. {_WITHOUT}",
    ),
    Row(
        attack="hopskipjump",
        norm="linf",
        setting="3273 queries a digit",
        ours=lab("hopskipjump", "linf", queries=3273),
        theirs={"Foolbox": foolbox(lambda fb: fb.attacks.HopSkipJumpAttack(steps=12, constraint="linf"))},
        digits=_DIGITS,
        without=(_NOISE,),
        note=f"Foolbox's 12 steps and its usual start make 3273 queries. {_WITHOUT}",
    ),
    Row(
        attack="boundary",
        norm="l2",
        setting="1174 queries a digit",
        ours=lab("boundary", "l2", queries=1174),
        theirs={
            "Foolbox": foolbox(lambda fb: fb.attacks.BoundaryAttack(steps=1000, init_attack=_start(fb))),
            "ART": art("BoundaryAttack", max_iter=50, num_trial=20, sample_size=20, init_size=100),
        },
        digits=_DIGITS,
        without=(_NOISE,),
        note="Foolbox's 1000 steps make 1174 queries; ART's 50 iterations of up to 20 trials of 20 make more. "
        f"{_WITHOUT}",
    ),
    Row(
        attack="zoo_attack",
        norm="l2",
        setting="10,000 queries a digit",
        ours=lab("zoo_attack", "l2", queries=10000),
        theirs={
            "ART": art(
                "ZooAttack",
                learning_rate=0.1,
                max_iter=39,
                binary_search_steps=1,
                initial_const=1.0,
                use_resize=False,
                use_importance=False,
                nb_parallel=128,
                variable_h=0.2,
                batch_size=1,
            )
        },
        digits=5,
        note="ART at our reach and first c and a rate of 0.1, for at most 39 turns of 256 queries; it may stop before.",
    ),
]
