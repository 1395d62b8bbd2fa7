"""What a transform of the input is worth: digits read right behind it, clean, and attacked naively and adaptively.

    python -m core.scores                        # every transform in front of the plain CNN, 200 digits, as a table
    python -m core.scores --transform jpeg --model hardened_cnn --eps 0.3

Naively, the attacker knows the network alone; adaptively, the transform as well. Only the second says what a defense
withstands: Athalye, Carlini and Wagner 2018, arXiv:1802.00420.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core import attacks, commands, defenses, digits, zoo
from core.attacks import Attack
from core.attacks.base import Watch
from core.classifier import Classifier
from core.defenses.base import Transform


@dataclass(frozen=True, kw_only=True)
class TransformScores:
    """How many of `digits` are read right.

    plain_clean, plain_attacked: by the network alone; clean: behind the transform; naive: behind it, after the attack
    on the network alone; adaptive: after the attack on both; worst: after either. A digit counts under an attack only
    where it is read right without one as well, and is lost only to a change that keeps to its budget.
    """

    digits: int
    plain_clean: int
    clean: int
    naive: int
    adaptive: int
    worst: int
    plain_attacked: int


def transform_scores(
    transform: Transform,
    model: Classifier,
    attack: Attack,
    x: np.ndarray,
    y: np.ndarray,
    *,
    eps: float,
    norm: str | None = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> TransformScores | None:
    """Attack digits x (n, 28, 28, 1), y (n,) naively and adaptively, and read them behind the transform.

    A random transform is read with draws that the attacker has not seen, and the logits averaged over them. watch is
    the attack's, told of both attacks as one; where it returns False there are no scores, but None.
    """
    halves = _Halves(watch)
    bare = attack(model, x, y, eps=eps, norm=norm, seed=seed, watch=halves)
    halves.second = True
    if halves.stopped:
        return None
    known = attack(transform.protect(model, seed=seed), x, y, eps=eps, norm=norm, seed=seed, watch=halves)
    if halves.stopped:
        return None
    judge = transform.protect(model, seed=seed + 1)
    clean = judge.predict(bare.clean) == y
    naive, adaptive = (clean & ((judge.predict(result.adversarial) == y) | ~result.within) for result in (bare, known))
    return TransformScores(
        digits=len(y),
        plain_clean=int((~bare.already_wrong).sum()),
        clean=int(clean.sum()),
        naive=int(naive.sum()),
        adaptive=int(adaptive.sum()),
        worst=int((naive & adaptive).sum()),
        plain_attacked=int((~bare.already_wrong & ~bare.success).sum()),
    )


class _Halves:
    """Tells one watcher of two attacks in turn, and both of them that they are to stop."""

    def __init__(self, watch: Watch | None):
        self.watch, self.second, self.stopped = watch, False, False

    def __call__(self, done: int, total: int, x: np.ndarray) -> bool:
        if self.watch is not None and not self.stopped:
            self.stopped = self.watch(done + total * self.second, 2 * total, x) is False
        return not self.stopped


# ----------------------------------------------------------------------------------------------------- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.scores", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transform", choices=defenses.names("transform"), help="one transform (default: all)")
    parser.add_argument("--model", choices=zoo.names(), default=zoo.FIRST)
    parser.add_argument("--digits", type=int, default=200, help="how many bundled digits (default: %(default)s)")
    parser.add_argument("--eps", type=float, default=0.15, help="budget in the L-infinity norm (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=40, help="steps of PGD (default: %(default)s)")
    options = parser.parse_args(arguments)
    return commands.status(lambda: _table(options))


def _table(options: argparse.Namespace) -> None:
    every = digits.bundled()
    some = every[np.linspace(0, len(every), options.digits, endpoint=False).astype(int)]
    model, attack = zoo.load(options.model), attacks.get("pgd")(steps=options.steps)
    chosen = [options.transform] if options.transform else defenses.names("transform")
    for at, name in enumerate(chosen):
        told = transform_scores(defenses.get(name)(), model, attack, some.images, some.labels, eps=options.eps)
        if told is None:  # nobody watches, so nobody stops it
            continue
        if not at:
            print(
                f"{model.title} alone reads {told.plain_clean} of {told.digits} digits right, and "
                f"{told.plain_attacked} under PGD-{options.steps}, L∞ {options.eps:g}. Behind a transform:\n\n"
                "| transform | clean | naive | adaptive | worst of both |\n|---|---|---|---|---|"
            )
        cells = [defenses.get(name).title, told.clean, told.naive, told.adaptive, told.worst]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
