"""Accuracy from both sides, over ε: what a certificate proves at least, what an attack leaves at most. Long work."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core import attacks, crown, defenses
from core.classifier import Classifier
from core.digits import Digits
from pages.components import schooling
from pages.components.jobs import Job
from pages.components.kept import Kept

NORM = "linf"
CERTIFICATES = ("interval", "crown")
COUNTS = (100, 200, 500)
#: At which ε digits are attacked: the first steps are short for the networks that fall at once; the last is the end.
EPSILONS = (0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.32, 0.36, 0.4)
MOST = EPSILONS[-1]
_ATTACK = "pgd"
_PART = {"interval": 50, "crown": 10}  # digits that are proven between two looks: some of each class
_QUICK = 8192  # numbers of a network's largest layer, up to which CROWN takes no more than about a second for a digit

#: What finished work has handed in, by Claim; and the outcome of single digits, by Single.
CURVES, SINGLES = Kept(32), Kept(256)


@dataclass(frozen=True)
class Claim:
    """What is asked of many digits: of which network, by which certificate, and how many they are."""

    model: str
    version: str
    certificate: str
    count: int


@dataclass(frozen=True)
class Single:
    """What is asked of one digit, its 784 float32 as bytes."""

    model: str
    version: str
    certificate: str
    pixels: bytes


def check(model: Classifier, certificate: str) -> None:
    """Raise InputError, with the reason, for a network that this certificate cannot bound."""
    defenses.get(certificate)().rows(model)


def quick(model: Classifier, certificate: str) -> bool:
    """Whether one digit takes no more than about a second: then nobody has to ask for it."""
    return certificate == "interval" or crown.largest(model.keras) <= _QUICK


def material(count: int) -> Digits:
    """So many bundled digits, alike of each class, the classes in turn: none of them was learnt from here."""
    apart = schooling.material(0)[1]
    rows = np.stack([np.flatnonzero(apart.labels == label) for label in range(10)])
    return apart[rows.T.ravel()[:count]]


def prove(claim: Claim, model: Classifier) -> Callable[[Job], None]:
    """What a job does for a claim: it proves all digits, some at a time, and then attacks those that are left.

    It hands in {"radii", "right", "seconds"}: of the next digits the proven radii, below 0 where nothing is proven of
    the right class, how many were read rightly, and how long all took so far; and then for each ε {"eps", "standing"}:
    how many digits it could not break at that ε or below.
    """
    digits = material(claim.count)

    def run(job: Job) -> None:
        certificate, began = defenses.get(claim.certificate)(), time.monotonic()
        radii = np.empty(0)
        standing = np.empty(0, bool)
        step = _PART[claim.certificate]
        for at in range(0, claim.count, step):
            part = digits[np.arange(at, min(at + step, claim.count))]
            read, reach = certificate.reach(model, part.images, 0)
            right = read == part.labels
            found = np.where(right, reach, -1.0)
            radii, standing = np.append(radii, found), np.append(standing, right)
            spent = time.monotonic() - began
            job.hand_in({"radii": found.tolist(), "right": int(right.sum()), "seconds": spent})
            if not job.report(len(radii), claim.count):
                return
        for done, eps in enumerate(EPSILONS):
            _attack(job, model, digits, standing, (radii < eps) & standing, eps, done)
            if not job.wanted:
                return
            job.hand_in({"eps": eps, "standing": int(standing.sum())})
        CURVES.put(claim, list(job.parts))

    return run


def _attack(
    job: Job, model: Classifier, digits: Digits, standing: np.ndarray, open_: np.ndarray, eps: float, done: int
) -> None:
    """Attack the digits of which nothing is known at eps yet, and note in `standing` which of them fell."""

    def watch(step: int, steps: int, _: np.ndarray) -> bool:
        return job.report(round(100 * (done + step / steps)), 100 * len(EPSILONS))

    job.report(100 * done, 100 * len(EPSILONS))
    rows = np.flatnonzero(open_)  # what is proven cannot fall, and what fell at a smaller ε has fallen
    if len(rows):
        result = attacks.get(_ATTACK)()(
            model, digits.images[rows], digits.labels[rows], eps=eps, norm=NORM, watch=watch
        )
        standing[rows[result.success]] = False


def single(asked: Single, model: Classifier) -> Callable[[Job], None]:
    """What a job does for one digit: SINGLES has {"read", "radius"} then, below 0 where nothing is proven."""

    def run(job: Job) -> None:
        x = np.frombuffer(asked.pixels, np.float32).reshape(1, 28, 28, 1)
        read, reach = defenses.get(asked.certificate)().reach(model, x, 0)
        SINGLES.put(asked, {"read": int(read[0]), "radius": float(reach[0])})

    return run
