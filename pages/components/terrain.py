"""The survey behind the Landscape page: an attack, a second direction, and the plane that they span."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core import attacks, digits, landscape, norms
from core.attacks import Attack
from core.classifier import Classifier
from core.errors import InputError
from core.landscape import Plane
from core.result import Result
from pages.components import session
from pages.components.jobs import Job
from pages.components.session import View

RANDOM = "random"
_MEASURES = ("linf", "l2", "l1")  # norms in which a direction has a length
_ROOM = 1.5  # how far the plane goes beyond the attack's change and the ball
_AT_ONCE = 2000  # points whose sizes are measured together


def directions() -> tuple[str, ...]:
    """What the second direction may be: random, an attack's change by its name, or towards a digit: digit_3."""
    return (RANDOM, *attacks.names(), *(f"digit_{label}" for label in range(10)))


def title(direction: str) -> str:
    """A second direction in words."""
    if direction == RANDOM:
        return "Random"
    if direction.startswith("digit_"):
        return f"Towards a {direction[-1]}"
    return attacks.get(direction).title


@dataclass(frozen=True, eq=False)
class Survey:
    """The plane about a digit and what lies in it.

    measure: the norm of its axes; change: the attack's size there, 0 where it found none; path: (k, 2), its iterates;
    beside: how far, in L2, they leave the plane; rim: (m, 2), the ball, or None where the attack's norm has none;
    border: the smallest size at which another class is read, and that class; across, up: the directions in words;
    note: what had to give way.
    """

    plane: Plane
    measure: str
    result: Result
    change: float
    path: np.ndarray
    beside: float
    rim: np.ndarray | None
    gradient: np.ndarray
    border: tuple[float, int] | None
    across: str
    up: str
    note: str


def survey(job: Job, model: Classifier, view: View, toward: str) -> Survey | None:
    """Attack, span the plane, ask the network at all its points; None once nobody waits any more."""
    x, y, measure = view.x, view.y, view.norm if view.norm in _MEASURES else "l2"
    if not job.report(0, 3):
        return None
    attack = view.instance()
    result = _attacked(job, model, view, attack, view.eps)
    if not job.report(1, 3):
        return None
    gradient = landscape.input_gradient(model, x, y, target=view.target)
    change, across, note = result.change[0], f"{attack.title}’s change", ""
    if not change.any():
        change, across = gradient.astype(np.float64), "Input gradient"
        note = f"{attack.title} found no change here, so that the input gradient leads across. "
    if not change.any():
        change, across, note = _noise(view), "Random", "There is no change and no gradient here: both ways are random. "
    u = landscape.unit(change, measure)
    v, up, given_way = _second(job, model, view, toward, u, measure)
    if not job.report(2, 3):
        return None
    size = float(norms.get(measure).size(result.change)[0])
    reach = _ROOM * max(size, view.eps if measure == view.norm else 0.0) or norms.get(measure).diameter / 10
    plane = landscape.plane(model, x, u, v, reach)
    assert result.path is not None  # it was asked for
    path, beside = landscape.coordinates(result.path[:, 0], x, u, v)
    job.report(3, 3)
    return Survey(
        plane=plane,
        measure=measure,
        result=result,
        change=size,
        path=path if size else path[:1],
        beside=float(beside.max()),
        rim=landscape.ball(u, v, view.eps, measure) if measure == view.norm and view.eps else None,
        gradient=gradient,
        border=_nearest(plane, measure, result, size),
        across=across,
        up=up,
        note=note + given_way,
    )


def _attacked(job: Job, model: Classifier, view: View, attack: Attack, eps: float) -> Result:
    target = None if view.target is None or not attack.targetable else np.array([view.target])
    norm = view.norm if view.norm in attack.norms else attack.norms[0]
    if norm != view.norm:
        eps = session.snap(eps / session.eps_max(view.norm) * session.eps_max(norm), norm)
    return attack(
        model,
        view.x[None],
        np.array([view.y]),
        eps=eps,
        norm=norm,
        target=target,
        seed=view.seed,
        watch=lambda *_: job.wanted,
        path=True,
    )


def _noise(view: View) -> np.ndarray:
    return np.random.default_rng(abs(view.seed)).normal(size=view.x.shape)


def _second(
    job: Job, model: Classifier, view: View, toward: str, u: np.ndarray, measure: str
) -> tuple[np.ndarray, str, str]:
    """The second direction at right angles to u, in words, and why it is another than was asked for."""
    if toward.startswith("digit_"):
        other = digits.bundled().images[session.rows_of(int(toward[-1]))[0]].astype(np.float64) - view.x
    elif toward != RANDOM:
        other = _attacked(job, model, view, attacks.get(toward)(), view.eps).change[0]
    else:
        return landscape.random_direction(u, measure, view.seed), "Random", ""
    try:
        said = title(toward) if toward.startswith("digit_") else f"{title(toward)}’s change"
        return landscape.orthogonal(other, u, measure), said, ""
    except InputError:  # zero, or the same direction again
        note = f"{title(toward)} gives no second direction here, so that a random one leads up. "
        return landscape.random_direction(u, measure, view.seed), "Random", note


def _nearest(plane: Plane, measure: str, result: Result, size: float) -> tuple[float, int] | None:
    """The nearest border that the grid or the attack, which lies in the plane as well, has found."""
    border, reads = nearest_border(plane, measure), int(result.prediction[0])
    if reads != int(result.logits_clean[0].argmax()) and (border is None or size < border[0]):
        return size, reads
    return border


def nearest_border(plane: Plane, measure: str) -> tuple[float, int] | None:
    """The least size, in that norm, of a change in the plane that is read otherwise than the digit; and as what."""
    middle = plane.prediction[len(plane.b) // 2, len(plane.a) // 2]
    rows, columns = np.nonzero(plane.prediction != middle)
    best: tuple[float, int] | None = None
    for at in range(0, len(rows), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        a, b = (each[:, None, None, None] for each in (plane.a[columns[part]], plane.b[rows[part]]))
        points = plane.x + a * plane.u + b * plane.v
        change = (np.clip(points, 0, 1) if plane.clipped else points) - plane.x
        size = norms.get(measure).size(change)
        least = int(size.argmin())
        if best is None or size[least] < best[0]:
            best = float(size[least]), int(plane.prediction[rows[part][least], columns[part][least]])
    return best


def told(survey: Survey) -> dict[str, Any]:
    """The survey's picture for the map: see landscape.pack."""
    from pages.components import landscape as component
    from pages.components import packing

    return {
        "plane": component.pack(survey.plane),
        "gradient": packing.coded(survey.gradient.astype(np.float32)),
        "ball": None if survey.rim is None else survey.rim.round(5).tolist(),
        "path": survey.path.round(5).tolist(),
        "found": [survey.change, 0.0] if survey.change else None,
        "across": survey.across,
        "up": survey.up,
    }
