"""What a detector is worth: its ROC on each attack, and what is left of it against an attacker who knows it.

    python -m core.detection                               # every detector on plain_cnn, under each attack
    python -m core.detection --detectors lid --steps 300   # one, against a more patient attacker

The figures are taken on bundled digits that no detector has learnt from. Only digits that were read rightly and fool
the network afterwards count: an attack that failed is nothing to detect.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core import attacks, commands, defenses, zoo
from core.attacks import Attack
from core.defenses.base import Watchman
from core.digits import Digits, bundled
from core.errors import InputError
from core.evasion import knowing


@dataclass(frozen=True, eq=False)
class Roc:
    """The trade of alarms: false_alarms and detected, (k,) shares rising from 0 to 1, one pair for each threshold.

    auc: the chance that an attacked digit scores above a clean one, ties counting half; NaN where there is none.
    """

    false_alarms: np.ndarray
    detected: np.ndarray
    auc: float


def roc(clean_scores: np.ndarray, attacked_scores: np.ndarray) -> Roc:
    """The ROC of a detector that gave clean digits and attacked ones these scores, (m,) and (n,)."""
    clean, attacked = (np.sort(np.asarray(each, np.float64)) for each in (clean_scores, attacked_scores))
    levels = np.unique(np.concatenate([clean, attacked]))[::-1]
    false_alarms, detected = (_share_from(scores, levels) for scores in (clean, attacked))
    return Roc(false_alarms, detected, float(np.trapezoid(detected, false_alarms)))


def _share_from(scores: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The share of the sorted scores at each falling level or above, with a 0 before them; NaN where none is given."""
    above = len(scores) - np.searchsorted(scores, levels, side="left")
    return np.concatenate([[0.0], above]) / (len(scores) or np.nan)


@dataclass(frozen=True, eq=False)
class Detection:
    """What a watchman made of one attack.

    digits: how many were attacked; fooled: how many of them fooled the network, and count; auc: against the clean
    digits that set the threshold; detected_at_5: the share that scores above the threshold of 5 % false alarms; roc:
    the whole curve. Shares are NaN where none fooled.
    """

    digits: int
    fooled: int
    auc: float
    detected_at_5: float
    roc: Roc


def report(
    watchman: Watchman,
    attack: Attack,
    x: np.ndarray,
    y: np.ndarray,
    *,
    eps: float | np.ndarray | None = None,
    norm: str | None = None,
    seed: int = 0,
) -> Detection:
    """Attack digits x (n, 28, 28, 1) of classes y (n,) as one who does not know the detector, and ask the watchman."""
    result = attack(watchman.model, x, y, eps, norm, None, seed)
    return judged(watchman, result.adversarial, result.success)


def judged(watchman: Watchman, x: np.ndarray, fooled: np.ndarray) -> Detection:
    """What a watchman makes of attacked digits x (n, 28, 28, 1), of which those that fooled (n,) count."""
    scores = watchman.score(x[fooled]) if fooled.any() else np.empty(0, np.float32)
    curve = roc(watchman.clean, scores)
    caught = float((scores > watchman.threshold()).mean()) if len(scores) else float("nan")
    return Detection(len(x), int(fooled.sum()), curve.auc, caught, curve)


# ----------------------------------------------------------------------------------------------------- the command line

_EPS = {"linf": 0.2, "l2": 2.0, "l1": 20.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.detection", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=zoo.FIRST, help="the network that is attacked (default: %(default)s)")
    parser.add_argument("--detectors", nargs="*", default=list(defenses.names("detector")), metavar="NAME")
    parser.add_argument("--attacks", nargs="*", default=["fgsm", "pgd", "cw", "deepfool"], metavar="NAME")
    parser.add_argument("--digits", type=int, default=200, help="digits attacked, not learnt from (default: 200)")
    parser.add_argument("--eps", type=float, help="budget of attacks that have one (default: 0.2 in L∞)")
    parser.add_argument("--norm", default="linf", help="of the attacker who knows (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="steps of the attacker who knows (default: 100)")
    parser.add_argument("--restarts", type=int, default=2, help="and runs (default: 2)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    return commands.status(lambda: _table(options))


def _table(options: argparse.Namespace) -> None:
    model = zoo.load(options.model)
    attacked, others = parted(options.digits)
    results = {}
    for name in options.attacks:
        attack = attacks.get(name)()
        eps = None if attack.minimises else _EPS[attack.norms[0]] if options.eps is None else options.eps
        results[name] = attack(model, attacked.images, attacked.labels, eps, None, None, options.seed)
    fooled = ", ".join(f"{name} {result.success.sum()}" for name, result in results.items())
    print(f"{len(attacked)} digits on {model.name}; fooled: {fooled}.")
    print("AUC and share detected at 5 % false alarms; at last, the attacker who knows: fooled, and seen of these")
    for name in options.detectors:
        cells = _row(defenses.get(name)().fit(model, others, seed=options.seed), results, attacked, options)
        print(f"{name:20}", *cells, sep="  ", flush=True)


def _row(watchman: Watchman, results: dict, attacked: Digits, options: argparse.Namespace) -> list[str]:
    found = {name: judged(watchman, result.adversarial, result.success) for name, result in results.items()}
    cells = [f"{name} {each.auc:.3f} {each.detected_at_5:4.0%}" for name, each in found.items()]
    outcome = knowing(
        watchman,
        attacked.images,
        attacked.labels,
        eps=_EPS.get(options.norm, 0.2) if options.eps is None else options.eps,
        norm=options.norm,
        steps=options.steps,
        restarts=options.restarts,
        seed=options.seed,
    )
    fooled = outcome.result.success
    alarms = (watchman.score(attacked.images) > watchman.threshold()).mean()
    seen = outcome.seen[fooled].mean() if fooled.any() else float("nan")
    return [*cells, f"knowing {fooled.mean():4.0%} {seen:4.0%}", f"(false alarms {alarms:.1%})"]


def parted(count: int) -> tuple[Digits, Digits]:
    """The bundled digits in two: `count` of them, evenly from all classes, to be attacked; and the rest."""
    whole = bundled()
    if not 1 <= count <= len(whole) // 2:
        raise InputError(f"{count} digits are to be attacked; a number from 1 to {len(whole) // 2} was expected.")
    chosen = np.zeros(len(whole), bool)
    chosen[np.arange(count) * len(whole) // count] = True
    return whole[chosen], whole[~chosen]


if __name__ == "__main__":
    sys.exit(main())
