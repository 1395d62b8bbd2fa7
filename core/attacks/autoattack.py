"""AutoAttack."""

from dataclasses import dataclass

import numpy as np

from core import attacks
from core.attacks import _checks, _knobs
from core.attacks.base import Attack, Task, Watch
from core.knobs import knob, only_with

_SHARE = 100  # what each part counts for in the progress


@dataclass(frozen=True, kw_only=True)
class AutoAttack(Attack):
    r"""Four attacks that fail for different reasons, one after another, each on the digits that still stand.

    $$\text{robust}(x) \iff \forall a \in \{\text{APGD-CE}, \text{APGD-T}, \text{FAB-T}, \text{Square}\}:\;
    F\big(a(x)\big) = y$$

    The field's common test of a defense. *Standard*, as in the authors' own code: Auto-PGD on the cross-entropy;
    Auto-PGD on the DLR loss towards each of the nine other classes (in L1 five restarts of the first, and five
    classes); FAB towards each of the nine; Square Attack with 5000 queries; 100 steps each. What is not standard:
    *quick*, which is Auto-PGD alone, with three classes; other numbers of steps or queries; a target; and chance, since
    here the random numbers belong to the digit. The authors' versions *plus* and *rand* are not here.

    The notes tell how many digits stood after each part, and warn of what makes the verdict doubtful: outputs that are
    no logits, random answers, missing gradients, and Square winning where gradients should have.

    Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks",
    ICML 2020, https://arxiv.org/abs/2003.01690
    """

    title = "AutoAttack"
    norms = ("linf", "l2", "l1")
    knowledge = "gradient"
    staged = True

    version: str = knob(
        "standard",
        "Version",
        choices=("standard", "quick"),
        help="All four parts, or Auto-PGD's two with three classes",
    )
    steps: int = _knobs.steps(100)
    queries: int = only_with("version", "standard", _knobs.queries(5000))

    def parts(self, norm: str) -> list[tuple[str, Attack]]:
        """The attacks in their order, each with its name in the paper."""
        climb, boundary, scores = (attacks.get(name) for name in ("apgd", "fab", "square"))
        quick, sparse = self.version == "quick", norm == "l1"
        restarts, targets = (5 if sparse and not quick else 1), (3 if quick else 5 if sparse else 9)
        along = [
            ("APGD-CE", climb(steps=self.steps, restarts=restarts, loss="cross_entropy", early_stop=True)),
            ("APGD-T", climb(steps=self.steps, targets=targets, loss="dlr", early_stop=True)),
        ]
        if quick:
            return along
        return [
            *along,
            ("FAB-T", boundary(steps=self.steps, targets=9, early_stop=True)),
            ("Square", scores(queries=self.queries)),
        ]

    def run(self, task: Task) -> np.ndarray:
        answers = [task.logits(task.x) for _ in range(2)]
        margin = task.margin(answers[0])
        standing = np.flatnonzero((margin <= 0) & (task.eps > 0))  # a digit that is lost already is not attacked
        for sentence in _checks.before(task, answers[0], answers[1], standing):
            task.note(sentence)
        x, told, counts = (
            task.x.copy(),
            _Progress(task, len(self.parts(task.norm.name))),
            [f"{len(standing)} to attack"],
        )
        attacked = len(standing)
        task.keep(x)
        for place, (title, attack) in enumerate(self.parts(task.norm.name)):
            if not len(standing) or task.stopped:
                break
            rows = standing
            given = (task.x[rows], task.labels[rows], task.eps[rows], task.norm.name)
            target = task.target[rows] if (task.target >= 0).any() else None
            result = attack(task.model, *given, target, task.seed + place, told.within(place, x, rows))
            task.spend(forwards=result.forwards - result.gradients, gradients=result.gradients, rows=rows)
            # What stands comes back as the point that came nearest to being read wrong.
            gap = task.margin(result.logits_adversarial, rows)
            nearer = result.success | (result.within & (gap > margin[rows]) & (margin[rows] <= 0))
            x[rows[nearer]], margin[rows[nearer]] = result.adversarial[nearer], gap[nearer]
            standing = rows[~result.success]
            counts.append(f"{len(standing)} after {title}")
            if title == "Square":
                for sentence in _checks.square_alone(len(rows) - len(standing), attacked):
                    task.note(sentence)
            task.keep(x)
        task.note(f"Standing: {', '.join(counts)}.")
        told.end(x)
        return x


class _Progress:
    """Each part's progress as a share of the whole, for whoever watches."""

    def __init__(self, task: Task, parts: int):
        self._task, self._total, self._told = task, parts * _SHARE, 0

    def within(self, place: int, x: np.ndarray, rows: np.ndarray) -> Watch | None:
        """The watch of the part at that place, which works on those rows of x (n, 28, 28, 1)."""

        def watch(done: int, total: int, part: np.ndarray) -> bool:
            shown = x.copy()
            shown[rows] = part
            return self._tell(place * _SHARE + done * _SHARE // total, shown)

        return watch if self._task.watch else None

    def end(self, x: np.ndarray) -> None:
        """All is done, and sooner than foreseen where no digit was left for the later parts."""
        if not self._task.stopped:
            self._tell(self._total, x)

    def _tell(self, done: int, x: np.ndarray) -> bool:
        if done <= self._told:
            return True
        self._told = done
        return self._task.report(done, self._total, x)
