"""What is common to what cleans a poisoned set or network, or withstands the poison."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core import fit
from core.attacks import _inputs
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError, shown
from core.objectives import Objective
from core.poisoning._learning import learn
from core.poisoning.base import Findings
from core.registry import Idea


@dataclass(frozen=True, eq=False)
class Task:
    """What `clean` was given, checked; `trusted` is empty where nothing was given."""

    model: Classifier
    digits: Digits
    findings: Findings | None
    trusted: Digits
    epochs: int | None
    seed: int
    watch: fit.Watch | None

    @property
    def flagged(self) -> np.ndarray:
        """(n,) bool: the digits that a detector suspects."""
        return np.zeros(len(self.digits), bool) if self.findings is None else self.findings.flagged

    @property
    def unflagged(self) -> Digits:
        """The digits that nobody suspects; InputError where all are suspected."""
        if self.flagged.all():
            raise InputError(
                f"All {len(self.digits):,} digits are flagged, so none is left to train on. Look for poison with a "
                "detector, or with knobs, that flags fewer."
            )
        return self.digits[~self.flagged]

    def learn(
        self,
        digits: Digits,
        *,
        onwards: Classifier | None = None,
        objective: Objective | None = None,
        watch: fit.Watch | None = None,
    ) -> Classifier:
        """A network trained on these digits: one that begins anew, or goes on from what `onwards` has learnt."""
        given = {"epochs": self.epochs, "seed": self.seed, "objective": objective, "watch": watch or self.watch}
        return learn(onwards or self.model, digits, fresh=onwards is None, **given)


@dataclass(frozen=True, kw_only=True)
class Cleaner(Idea):
    """What makes a network that the poison has no hold of, from a poisoned set or a poisoned network.

    Class attributes: `needs_findings`: it works on what a detector has flagged; `helped_by`: the kind of findings that
    spare it work of its own, None where none do; `needs_trusted`: it works on a few digits that are known to be clean.
    """

    kind: ClassVar[str] = "cleaner"
    needs_findings: ClassVar[bool] = False
    helped_by: ClassVar[type[Findings] | None] = None
    needs_trusted: ClassVar[bool] = False

    @abstractmethod
    def run(self, task: Task) -> Classifier:
        """What `clean` returns, of what it has checked."""

    def clean(
        self,
        model: Classifier,
        digits: Digits,
        findings: Findings | None = None,
        *,
        trusted: Digits | None = None,
        epochs: int | None = None,
        seed: int = 0,
        watch: fit.Watch | None = None,
    ) -> Classifier:
        """A clean network; neither the model nor the digits are changed.

        model: the network that was trained on these digits, of which the new one is a copy, fresh or mended; findings:
        what a detector said of the digits; trusted: a few digits known to be clean; epochs: how often the digits are
        seen, None for as many as it suggests. Raises InputError where what it needs is missing or does not match.
        """
        model, seed = _inputs.model(model), _inputs.seed(seed) % 2**31
        if self.needs_findings and findings is None:
            raise InputError(f"{self.title} works on what a detector has found. Pass findings=, a detector's answer.")
        if findings is not None and len(findings.flagged) != len(digits):
            raise InputError(
                f"The findings are of {len(findings.flagged):,} digits and there are {len(digits):,}. Pass the "
                "findings of this very set."
            )
        if self.needs_trusted and (trusted is None or not len(trusted)):
            raise InputError(f"{self.title} needs a few digits that are known to be clean. Pass trusted=, a Digits.")
        if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1):
            raise InputError(f"epochs is {shown(epochs)}; a whole number from 1 was expected, or None.")
        return self.run(Task(model, digits, findings, digits[:0] if trusted is None else trusted, epochs, seed, watch))
