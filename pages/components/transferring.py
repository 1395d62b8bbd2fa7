"""The transfer matrix of the zoo: what fools one network, shown to all the others. Long work, kept for all visitors."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core import attacks, digits, metrics, zoo
from core.classifier import Classifier
from core.result import Result
from pages.components import cache, session
from pages.components.jobs import Job
from pages.components.kept import Kept

#: All visitors' finished matrices.
MATRICES = Kept(32)
EACH = 12  # bundled digits of each class
COUNT = 10 * EACH
ATTACK = "pgd"


@dataclass(frozen=True)
class Setting:
    """What one matrix is about, as its key: the models that can be loaded, each with its version; the norm; ε."""

    models: tuple[tuple[str, str], ...]
    norm: str
    eps: float

    @property
    def titles(self) -> list[str]:
        """The models' names for the visitor."""
        return [cache.titles().get(name, name) for name, _ in self.models]


def setting(norm: str, eps: float) -> tuple[Setting, list[str]]:
    """The setting for all models of the zoo, and a sentence for each that is missing."""
    loaded, missing = [], []
    for name in zoo.names():
        try:
            loaded.append((name, cache.model(name).version))
        except zoo.ModelUnavailable as fault:
            missing.append(str(fault))
    return Setting(tuple(loaded), norm, eps), missing


def run(job: Job, asked: Setting) -> dict[str, Any] | None:
    """Attack the same digits on each model, and show what fooled it to the others; None when stopped.

    Gives shares[i][j]: of the digits fooled on model i, and read rightly by j before, the share that j reads wrong;
    None where there is no such digit; fooled[i]: how many of the COUNT digits were fooled on model i.
    """
    models = [cache.model(name) for name, _ in asked.models]
    known = digits.bundled()
    rows = np.concatenate([session.rows_of(label)[:EACH] for label in range(10)])
    attack = attacks.get(ATTACK)()
    fooled: list[int] = []

    def counted(source: Classifier, *given: Any) -> Result:
        def watch(done: int, total: int, _: np.ndarray) -> bool:
            return job.report(len(fooled) * total + done, len(models) * total)

        result = attack(source, *given, watch=watch)
        fooled.append(int(result.success.sum()))
        return result

    shares = metrics.transfer_matrix(
        models,
        counted,  # type: ignore[arg-type] - called as an attack is, it counts and reports beside
        known.images[rows],
        known.labels[rows],
        eps=asked.eps,
        norm=asked.norm,
        watch=lambda *_: job.wanted,
    )
    if not job.wanted:
        return None
    told = [[None if np.isnan(share) else float(share) for share in row] for row in shares]
    MATRICES.put(asked, {"shares": told, "fooled": fooled})
    return MATRICES.get(asked)
