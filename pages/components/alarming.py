"""A detector watches over the page's network: its clean scores, the attacked digit's, and those of many digits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import attacks, defenses, detection, evasion, knobs, norms, sweep
from core.classifier import Classifier
from core.defenses.base import Watchman
from pages.components import long_sweep, packing
from pages.components.jobs import Job
from pages.components.kept import Kept
from pages.components.question import Question

ROWS = 31  # epsilons at which the digit is scored
APART = 100  # bundled digits that no detector learns from or sets its threshold by: they are for trials
STEPS = 60  # of the attacker who knows the detector
_EPOCH = 5  # seconds that a detector which is a network takes to learn from all digits once
_WIDE = 1000.0  # scores whose middle 98 % span more than that are drawn on a log axis

_watchmen, _crowds, _swept, _tried = Kept(4), Kept(64), Kept(64), Kept(64)


@dataclass(frozen=True)
class Alarm:
    """A digit under attack; the name of the detector that watches over the network, and its knobs, as of Question."""

    question: Question
    detector: str
    knobs: tuple[tuple[str, Any], ...] = ()

    @property
    def instance(self) -> Any:
        """The detector with its knobs set."""
        return defenses.get(self.detector)(**dict(self.knobs))

    @property
    def fit(self) -> tuple[Any, ...]:
        """What the fitted detector depends on."""
        return self.question.version, self.detector, *self.knobs


@dataclass(frozen=True)
class Trial:
    """Many digits under one attack at one ε, on the network that the detector watches over."""

    alarm: Alarm
    eps: float
    digits: int

    @property
    def plain(self) -> tuple[Any, ...]:
        """All that it depends on but ε: not on the digit that the page shows."""
        asking = self.alarm.question
        told = (asking.model, asking.attack, asking.knobs, asking.norm, asking.seed)
        return (*self.alarm.fit, *told, self.digits)


def crowd(asked: Alarm) -> dict[str, Any] | None:
    """The clean digits' scores and the threshold, if the detector was fitted for anybody before."""
    return _crowds.get(asked.fit)


def swept(asked: Alarm) -> dict[str, Any] | None:
    """The digit's score at every ε, if it was worked out for anybody before."""
    return _swept.get(asked)


def tried(asked: Trial) -> dict[str, Any] | None:
    """What came of the trial, if it was made for anybody before."""
    return _tried.get((asked.plain, asked.eps))


def wait(asked: Alarm) -> str | None:
    """Why this is not to begin before the visitor says so, as a sentence; None where it is a matter of a moment."""
    if learns_long(asked):
        seconds = _EPOCH * asked.instance.epochs
        return (
            "This detector is a network of its own, which learns from clean and attacked digits: some "
            f"{seconds} seconds."
        )
    if long_sweep.is_long(asked.question):
        return "This attack takes its time at every ε."
    return None


def learns_long(asked: Alarm) -> bool:
    """Whether the detector is a network that is yet to be trained."""
    return crowd(asked) is None and any(each.name == "epochs" for each in knobs.of(defenses.get(asked.detector)))


def show(asked: Alarm, model: Classifier, *, attacked: bool) -> Callable[[Job], None]:
    """The work of a job: fit the detector, and if that is wanted score the digit, attacked at every ε."""
    question = asked.question

    def run(job: Job) -> None:
        watchman = _fitted(asked, model, job)
        if watchman is None or not attacked:
            return
        found = sweep.sweep(
            model,
            question.x,
            question.label,
            question.instance,
            norm=question.norm,
            epsilons=sweep.grid(question.norm, count=ROWS),
            seed=question.seed,
            watch=job.report,
        )
        if job.wanted:
            told = {
                "epsilons": found.epsilons.round(6).tolist(),
                "scores": watchman.score(found.result.adversarial).tolist(),
                "fooled": found.result.success.tolist(),
                "wrong": bool(found.result.already_wrong[0]),
            }
            _swept.put(asked, told)

    return run


def _fitted(asked: Alarm, model: Classifier, job: Job) -> Watchman | None:
    """The detector, fitted on the bundled digits that are not set apart; None where it is no longer wanted."""
    known = _watchmen.get(asked.fit)
    if known is not None:
        return known
    _, others = detection.parted(APART)
    watchman = asked.instance.fit(model, others, watch=lambda done, total, _: job.report(done, total))
    if not job.wanted:  # a training that was cut short
        return None
    _watchmen.put(asked.fit, watchman)
    told = {
        "scores": packing.coded(np.sort(watchman.clean).astype(np.float32)),
        "threshold": watchman.threshold(),
        "log": spans_decades(watchman.clean),
    }
    _crowds.put(asked.fit, told)
    return watchman


def spans_decades(scores: np.ndarray) -> bool:
    """Whether these scores (n,) want a log axis: none lies below 0, and most lie decades apart."""
    above = scores[scores > 0]
    if scores.min() < 0 or 2 * len(above) < len(scores):
        return False
    low, high = np.quantile(above, [0.01, 0.99])
    return bool(high > _WIDE * low)


def run_trial(asked: Trial, model: Classifier) -> Callable[[Job], None]:
    """The work of a job: many digits attacked by one who does not know the detector, and by one who does.

    The first attacker's outcome is handed in as soon as it is there.
    """
    question = asked.alarm.question
    norm = norms.get(question.norm).name

    def run(job: Job) -> None:
        watchman = _fitted(asked.alarm, model, job)
        if watchman is None:
            return
        some, _ = detection.parted(APART)
        some = some[np.linspace(0, len(some), asked.digits, endpoint=False).astype(int)]
        attack = attacks.get(question.attack)(**dict(question.knobs))
        knows = norm in evasion.NORMS

        def naive_watch(done: int, total: int, _: object = None) -> bool:
            return job.report(done, (1 + knows) * total)

        def knowing_watch(done: int, total: int, _: object = None) -> bool:
            return job.report(total + done, 2 * total)

        result = attack(model, some.images, some.labels, asked.eps, norm=norm, seed=question.seed, watch=naive_watch)
        if not job.wanted:
            return
        told: dict[str, Any] = {"naive": _outcome(watchman, watchman.score(result.adversarial), result.success)}
        job.hand_in(told)
        if knows:
            found = evasion.knowing(
                watchman,
                some.images,
                some.labels,
                eps=asked.eps,
                norm=norm,
                steps=STEPS,
                seed=question.seed,
                watch=knowing_watch,
            )
            if not job.wanted:
                return
            told = {**told, "knowing": _outcome(watchman, found.scores, found.result.success)}
        else:
            *most, last = (norms.get(each).title for each in evasion.NORMS)
            told["lacks"] = (
                f"An attacker who knows the detector is built for {', '.join(most)} and {last}, not for "
                f"{norms.get(norm).title}."
            )
        _tried.put((asked.plain, asked.eps), told)

    return run


def _outcome(watchman: Watchman, scores: np.ndarray, fooled: np.ndarray) -> dict[str, Any]:
    """What the detector makes of the attacked digits that fool the network: their scores, to be held to any threshold.

    auc: None where none fools.
    """
    scores = np.sort(scores[fooled]).astype(np.float32)
    auc = detection.roc(watchman.clean, scores).auc if len(scores) else None
    return {"fooled": len(scores), "scores": packing.coded(scores), "auc": auc}
