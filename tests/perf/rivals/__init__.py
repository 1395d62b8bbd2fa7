"""What is compared with what: one row for each attack that a peer has too, at budgets as equal as they can be made.

Each module here holds the rows of one family in a list ROWS; a new module is found by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from core import attacks
from core.classifier import Classifier
from core.result import Result
from tests import peers
from tests.support import next_class

#: Digits (n, 28, 28, 1) and labels (n,) -> adversarial images, or our own Result.
Run = Callable[[np.ndarray, np.ndarray], "np.ndarray | Result"]
#: What makes a run ready for one model: wrappers and attack objects are built here, outside of the time taken.
Make = Callable[[Classifier], Run]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison: ours and the peers', on the same digits.

    attack: our name of it, which `--only` picks; norm: what sizes are measured in; setting: the budget in a few words,
    equal for all; ours, theirs: who runs it; eps: the budget that judges success, None where the smallest change is
    looked for; targeted: everybody aims at the class after the label; digits: at most so many, for what takes long;
    without: classes that are left out; by_size: the smaller median wins (else the larger success does); note: what is
    not equal, or worth knowing.
    """

    attack: str
    norm: str
    setting: str
    ours: Make
    theirs: dict[str, Make] = field(default_factory=dict)
    eps: float | None = None
    targeted: bool = False
    digits: int | None = None
    without: tuple[int, ...] = ()
    by_size: bool = True
    note: str = ""

    @property
    def title(self) -> str:
        """The line above the table."""
        budget = "" if self.eps is None else f" at most {self.eps:g}"
        aim = ", targeted" if self.targeted else ""
        return f"{self.attack}, {self.norm}{budget}{aim}: {self.setting}"


def rows() -> list[Row]:
    """The rows of every module in this folder."""
    found = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return [row for module in found for row in module.ROWS]


def lab(
    name: str,
    norm: str,
    *,
    eps: float | None = None,
    targeted: bool = False,
    call: dict[str, Any] | None = None,
    **knobs: Any,
) -> Make:
    """Our attack of that name: the whole public call, checks and judge included; `call` is handed to it as it is."""

    def make(model: Classifier) -> Run:
        attack = attacks.get(name)(**knobs)
        given = {"eps": eps, "norm": norm, **(call or {})}
        return lambda x, y: attack(model, x, y, target=next_class(y) if targeted else None, **given)

    return make


def foolbox(build: Callable[[Any], Any], *, eps: float | None = None, targeted: bool = False) -> Make:
    """A Foolbox attack, built from the package: `foolbox(lambda fb: fb.attacks.DDNAttack(steps=100))`."""

    def make(model: Classifier) -> Run:
        import foolbox as fb
        import tensorflow as tf

        wrapped, attack = peers.foolbox_model(model), build(fb)

        def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            classes = tf.constant(next_class(y) if targeted else y)
            aim = fb.criteria.TargetedMisclassification(classes) if targeted else fb.criteria.Misclassification(classes)
            return np.asarray(attack(wrapped, tf.constant(x), aim, epsilons=eps)[1])

        return run

    return make


def art_attack(name: str, model: Any, *, targeted: bool = False, **knobs: Any) -> Any:
    """ART's attack of that name on a model in its clothes: quiet, and aiming or not, as far as it can be told so."""
    from art.attacks import evasion

    kind = getattr(evasion, name)
    told = {"verbose": False, "targeted": targeted}
    return kind(model, **knobs, **{key: value for key, value in told.items() if key in kind.attack_params})


def art(name: str, *, targeted: bool = False, **knobs: Any) -> Make:
    """An attack of ART, by its name there: `art("DeepFool", max_iter=50)`."""

    def make(model: Classifier) -> Run:
        attack = art_attack(name, peers.art_model(model), targeted=targeted, **knobs)
        return lambda x, y: attack.generate(x, np.eye(10, dtype=np.float32)[next_class(y) if targeted else y])

    return make
