"""What an attack did to each digit, and the judge that decides it: who measures again and asks the model again."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core import norms
from core.classifier import Classifier, softmax

TOLERANCE = 1e-6  # float32 rounding of x + change may exceed eps by this much


@dataclass(frozen=True, eq=False)
class Result:
    """One attack on n digits. All arrays are NumPy's; rows belong to digits.

    clean, adversarial: (n, 28, 28, 1) float32 in [0, 1]; labels: (n,) int64; target: (n,) int64, or None if any wrong
    class would do; eps: (n,) float64, or None if no budget was set; norm: the name of the norm that bounds the change;
    logits_clean, logits_adversarial: (n, 10) float32; forwards: rows that the attack sent through the model, those
    within gradients included; gradients: input gradients it took, both (n,) int64; path: (k, n, 28, 28, 1), the
    iterates that were kept, or None; path_forwards: (k, n) int64, the forwards spent by then, or None; told_size:
    (n,) float64, what the attack says of its change where pixels cannot tell its size (a warp); notes: sentences about
    this run for whoever reads it, such as that no start was found.
    """

    clean: np.ndarray
    adversarial: np.ndarray
    labels: np.ndarray
    target: np.ndarray | None
    eps: np.ndarray | None
    norm: str
    logits_clean: np.ndarray
    logits_adversarial: np.ndarray
    forwards: np.ndarray
    gradients: np.ndarray
    path: np.ndarray | None = None
    told_size: np.ndarray | None = None
    path_forwards: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.clean)

    @cached_property
    def change(self) -> np.ndarray:
        """adversarial - clean: (n, 28, 28, 1) float64."""
        return self.adversarial.astype(np.float64) - self.clean

    @cached_property
    def linf(self) -> np.ndarray:
        """The largest change of any pixel: (n,) float64."""
        return norms.get("linf").size(self.change)

    @cached_property
    def l2(self) -> np.ndarray:
        """The Euclidean size of the change: (n,) float64."""
        return norms.get("l2").size(self.change)

    @cached_property
    def l1(self) -> np.ndarray:
        """The sum of the pixels' changes: (n,) float64."""
        return norms.get("l1").size(self.change)

    @cached_property
    def l0(self) -> np.ndarray:
        """How many pixels changed: (n,) int64."""
        return norms.l0(self.change)

    @property
    def size(self) -> np.ndarray:
        """The size of the change in the attack's own norm: (n,) float64."""
        return norms.get(self.norm).size(self.change) if self.told_size is None else self.told_size

    @cached_property
    def probabilities_clean(self) -> np.ndarray:
        """What the model gave each class before: (n, 10) float32."""
        return softmax(self.logits_clean)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """What the model gives each class after: (n, 10) float32."""
        return softmax(self.logits_adversarial)

    @property
    def prediction(self) -> np.ndarray:
        """The class read after the attack: (n,) int64."""
        return self.logits_adversarial.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the class read after the attack: (n,) float32."""
        return self.probabilities.max(axis=1)

    @property
    def already_wrong(self) -> np.ndarray:
        """Read wrong before any attack: (n,) bool. Such a digit is nobody's success."""
        return self.logits_clean.argmax(axis=1) != self.labels

    @property
    def fooled(self) -> np.ndarray:
        """Read right before and wrong after: (n,) bool."""
        return ~self.already_wrong & (self.prediction != self.labels)

    @property
    def within(self) -> np.ndarray:
        """Whether the change keeps to its budget: (n,) bool, True where there is none."""
        return np.ones(len(self), bool) if self.eps is None else self.size <= self.eps + TOLERANCE

    @property
    def success(self) -> np.ndarray:
        """(n,) bool: within eps, and read as the target, or without one: right before and wrong after."""
        hit = self.fooled if self.target is None else self.prediction == self.target
        return hit & self.within


def judge(
    model: Classifier,
    clean: np.ndarray,
    adversarial: np.ndarray,
    labels: np.ndarray,
    *,
    norm: str,
    eps: np.ndarray | None,
    target: np.ndarray | None,
    forwards: np.ndarray,
    gradients: np.ndarray,
    path: np.ndarray | None = None,
    told_size: np.ndarray | None = None,
    path_forwards: np.ndarray | None = None,
    notes: tuple[str, ...] = (),
    settle: bool = False,
) -> Result:
    """Ask the model about both sides afresh, whatever the attack believes; a pixel that is not a number is put back.

    settle: put back every image that is not read as wanted: an attack that looked for a change and found none returns
    the original.
    """
    adversarial = np.where(np.isfinite(adversarial), adversarial, clean).astype(np.float32)
    both = model.logits(np.concatenate([clean, adversarial]))
    before, after = both[: len(clean)], both[len(clean) :]
    if settle:
        read = after.argmax(axis=1)
        missed = read == labels if target is None else read != target
        missed |= (before.argmax(axis=1) != labels) & (target is None)  # wrong already: there was nothing to find
        adversarial[missed], after[missed] = clean[missed], before[missed]
        told_size = None if told_size is None else np.where(missed, 0.0, told_size)
    return Result(
        clean=clean,
        adversarial=adversarial,
        labels=labels,
        target=target,
        eps=eps,
        norm=norm,
        logits_clean=before,
        logits_adversarial=after,
        forwards=forwards,
        gradients=gradients,
        path=path,
        told_size=told_size,
        path_forwards=path_forwards,
        notes=notes,
    )
