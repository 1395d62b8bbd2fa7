"""The vote of randomised smoothing on one digit: long work, whose votes come in as they are counted."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import defenses
from core.classifier import Classifier
from core.result import TOLERANCE
from pages.components import cache, long_sweep
from pages.components.jobs import Job
from pages.components.kept import Kept
from pages.components.session import View

SIGMAS, SAMPLES = (0.25, 0.5, 1.0), (1_000, 10_000)

#: Finished votes, by Ballot: "counts", "choice", "abstains", "least" and "radius".
OUTCOMES = Kept(128)


@dataclass(frozen=True)
class Ballot:
    """What is voted on: by which network, on which digit, its 784 float32 as bytes, in how much noise, how often."""

    model: str
    version: str
    pixels: bytes
    sigma: float
    samples: int
    seed: int

    @property
    def x(self) -> np.ndarray:
        """The digit, (28, 28, 1) float32."""
        return np.frombuffer(self.pixels, np.float32).reshape(28, 28, 1)

    @property
    def instance(self) -> Any:
        """The certificate with its knobs set."""
        return defenses.get("smoothing")(sigma=self.sigma, samples=self.samples)


def noisy(ballot: Ballot) -> np.ndarray:
    """One noisy copy of the digit, (28, 28, 1), cut to [0, 1] to be looked at: the network reads it uncut."""
    noise = np.random.default_rng(ballot.seed % 2**31).standard_normal(ballot.x.shape)
    return np.clip(ballot.x + ballot.sigma * noise, 0.0, 1.0)


def vote(ballot: Ballot, model: Classifier) -> Callable[[Job], None]:
    """What a job does for a ballot: it hands in {"done", "counts"} as votes come, and OUTCOMES has what they prove."""

    def run(job: Job) -> None:
        def watch(done: int, total: int, counts: np.ndarray) -> bool:
            job.hand_in({"done": done, "counts": counts[0].tolist()})
            return job.report(done, total)

        job.report(0, ballot.samples)
        votes = ballot.instance.vote(model, ballot.x[None], seed=ballot.seed, watch=watch)
        if not job.wanted:
            return
        outcome = {
            "counts": votes.counts[0].tolist(),
            "choice": int(votes.choice[0]),
            "abstains": bool(votes.abstains[0]),
            "least": float(votes.p_low[0]),
            # So much beyond its budget is still granted to an attack, and the bound holds below the radius alone.
            "radius": max(float(votes.radius[0]) - 2 * TOLERANCE, 0.0),
        }
        OUTCOMES.put(ballot, outcome)

    return run


def attacked(view: View) -> np.ndarray | None:
    """The page's own digit as the page's attack has changed it at the page's ε, as it is shown; None before it has."""
    asked = cache.question(view)
    packed = long_sweep.answer(asked) if long_sweep.is_long(asked) else cache.swept(asked)
    if packed is None:
        return None
    row = int(np.abs(np.array(packed["epsilons"]) - view.eps).argmin())
    original = np.frombuffer(base64.b64decode(packed["original"]), np.uint8) / 255
    shares = np.frombuffer(base64.b64decode(packed["change"]), np.int8).reshape(-1, 784)[row]
    changed = original + shares * packed["scales"][row] / 127
    return np.clip(changed, 0, 1).astype(np.float32).reshape(28, 28, 1)
