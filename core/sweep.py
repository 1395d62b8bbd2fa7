"""One digit under one attack at many epsilons, in one batch."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from core import norms
from core.attacks import _inputs
from core.attacks.base import Attack, Watch, keep_inside
from core.classifier import Classifier
from core.errors import InputError, shown
from core.result import Result, judge

EPS_MAX = {"linf": 0.3, "l2": 3.0, "l1": 30.0, "l0": 100.0, "warp": 1.0}
COUNT = 61


@dataclass(frozen=True, eq=False)
class Sweep:
    """epsilons: (m,) float64, rising; result: row i is the attack at epsilons[i]."""

    epsilons: np.ndarray
    result: Result

    @property
    def first_fooled(self) -> float | None:
        """The smallest of the epsilons at which the attack succeeded; None if it never did."""
        hits = np.flatnonzero(self.result.success)
        return float(self.epsilons[hits[0]]) if len(hits) else None


def grid(norm: str, eps_max: float | None = None, count: int = COUNT) -> np.ndarray:
    """(count,) epsilons evenly from 0 to eps_max, which is EPS_MAX of the norm unless it is given.

    Of L0 they are whole numbers of pixels: the nearest, each once, so that there may be fewer.
    """
    epsilons = np.linspace(0.0, EPS_MAX[norm] if eps_max is None else eps_max, count)
    return np.unique(np.floor(epsilons + 0.5)) if norm == "l0" else epsilons


def sweep(
    model: Classifier,
    x: np.ndarray,
    y: int,
    attack: Attack,
    *,
    norm: str | None = None,
    eps_max: float | None = None,
    count: int = COUNT,
    epsilons: np.ndarray | None = None,
    target: int | None = None,
    seed: int = 0,
    watch: Watch | None = None,
    path: bool = False,
) -> Sweep:
    """Attack one digit x (28, 28, 1) of label y at `count` budgets from 0 to eps_max, or at the given epsilons.

    All budgets go through the attack as one batch. Its randomness belongs to the image, so every row starts in the same
    direction and the curve over eps is as smooth as the network is. path keeps the iterates of every row. An attack
    that looks for the smallest change runs once, without a budget: at a smaller eps its row is the change it found,
    projected into that ball, which shows the way there; from its size on, all rows are alike.

    Raises InputError for bad input, as the attack does, and for epsilons that do not rise.
    """
    norm = norms.get(attack.norms[0] if norm is None else norm).name
    if epsilons is None:
        if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
            raise InputError(f"count is {shown(count)}; a whole number of epsilons, at least 1, was expected.")
        epsilons = grid(norm, eps_max, int(count))
    epsilons = np.asarray(epsilons, dtype=np.float64)
    if epsilons.ndim != 1 or not len(epsilons) or (np.diff(epsilons) <= 0).any():
        raise InputError("The epsilons of a sweep are a list of rising numbers, at least one.")
    rows = 1 if attack.minimises else len(epsilons)
    result = attack(
        model,
        np.repeat(np.asarray(x)[None], rows, axis=0),
        np.full(rows, y),
        None if attack.minimises else epsilons,
        norm,
        None if target is None else np.full(rows, target),
        seed,
        watch,
        path,
    )
    return along(model, result, epsilons) if attack.minimises else Sweep(epsilons, result)


def along(model: Classifier, found: Result, epsilons: np.ndarray) -> Sweep:
    """The one smallest change that was found, judged at every eps, and cut down to it where eps is smaller.

    found: one digit's result of a minimising attack without a budget; epsilons: (m,) float64, rising.
    """
    rows = len(epsilons)
    budget = _inputs.budget(epsilons, rows, norms.get(found.norm), optional=False)
    assert budget is not None  # it is not optional
    clean, adversarial, labels, forwards, gradients = (
        np.repeat(each, rows, axis=0)
        for each in (found.clean, found.adversarial, found.labels, found.forwards, found.gradients)
    )
    result = judge(
        model,
        clean,
        keep_inside(norms.get(found.norm), clean, adversarial, budget),
        labels,
        norm=found.norm,
        eps=budget,
        target=None if found.target is None else np.repeat(found.target, rows),
        forwards=forwards,
        gradients=gradients,
        path=None if found.path is None else np.repeat(found.path, rows, axis=1),
        path_forwards=None if found.path_forwards is None else np.repeat(found.path_forwards, rows, axis=1),
        notes=found.notes,
    )
    return Sweep(epsilons, result)
