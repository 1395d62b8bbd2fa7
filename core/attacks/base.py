"""The law of every attack: its inputs are checked, its change is kept in the ball, the judge has the last word."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import tensorflow as tf

from core import losses, norms
from core.attacks import _inputs
from core.classifier import CLASSES, Classifier
from core.registry import Idea
from core.result import TOLERANCE, Result, judge
from core.seeds import Stream

Watch = Callable[[int, int, np.ndarray], bool | None]


@dataclass(eq=False)
class Task:
    """What one run of an attack works on, checked and complete, and where it books what it spends.

    x: (n, 28, 28, 1) float32; labels: (n,) int32; target: (n,) int32, -1 where any wrong class will do; eps: (n,)
    float32, infinite for a minimising attack without a budget; stream: the images' own random numbers; seed: what
    fixed them, for an attack that learns something on other digits than these.
    """

    model: Classifier
    x: np.ndarray
    labels: np.ndarray
    target: np.ndarray
    eps: np.ndarray
    norm: norms.Norm
    stream: Stream
    seed: int = 0
    watch: Watch | None = None
    wants_path: bool = False
    forwards: np.ndarray = field(init=False)
    gradients: np.ndarray = field(init=False)
    path: list[np.ndarray] = field(default_factory=list)
    path_forwards: list[np.ndarray] = field(default_factory=list)
    told_size: np.ndarray | None = None  # (n,) in the norm's units, from an attack whose size pixels cannot tell
    notes: list[str] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.forwards = np.zeros(len(self.x), np.int64)
        self.gradients = np.zeros(len(self.x), np.int64)

    def spend(
        self, *, forwards: int | np.ndarray = 0, gradients: int | np.ndarray = 0, rows: np.ndarray | slice = slice(None)
    ) -> None:
        """Book forward rows and gradients on each of those images; a gradient brings the forward row that it needs."""
        self.forwards[rows] += forwards + gradients
        self.gradients[rows] += gradients

    def logits(self, x: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The model's logits (k, 10) of images x (k, 28, 28, 1), which stand for those rows: one query each.

        Of several candidates for each row, x (k, s, 28, 28, 1), the logits are (k, s, 10), and each row pays s queries.
        """
        self.spend(forwards=int(np.prod(x.shape[1:-3])), rows=rows)
        return self.model.logits(x.reshape(-1, *x.shape[-3:])).reshape(*x.shape[:-3], CLASSES)

    def margin(self, logits: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """By how much (k,) those logits of `rows` are what the attack wants; positive exactly when it has succeeded."""
        given = (tf.constant(each) for each in (logits, self.labels[rows], self.target[rows]))
        return losses.margin(*given).numpy()

    def keep(self, x: np.ndarray) -> None:
        """Where the path is wanted, keep an iterate (n, 28, 28, 1) and what each image has spent by then."""
        if self.wants_path:
            self.path.append(np.array(x, np.float32))
            self.path_forwards.append(self.forwards.copy())

    def note(self, sentence: str) -> None:
        """Tell whoever reads the result something that its numbers do not show, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def report(self, done: int, total: int, x: np.ndarray) -> bool:
        """Tell whoever watches how far the run is; False once they want it stopped."""
        if self.watch is not None and self.watch(done, total, x) is False:
            self.stopped = True
        return not self.stopped


@dataclass(frozen=True, kw_only=True)
class Attack(Idea):
    """Base of all attacks: a frozen dataclass of knobs whose `run` holds the idea, and nothing but the idea.

    Class attributes: title; norms that it can be bounded in, its own first; knowledge it needs of the model
    ("nothing", "gradient", "scores" or "decision"); minimises: it looks for the smallest change, and eps only judges
    it, so that task.eps may be infinite and an image that is not read as wanted comes back as it was; staged: it is
    made of other attacks, each on the images that those before left unfooled; targetable; made_to_measure: its
    change is made for the very digit, where others make one for many and need a larger eps.
    """

    norms: ClassVar[tuple[str, ...]]
    knowledge: ClassVar[str]
    minimises: ClassVar[bool] = False
    staged: ClassVar[bool] = False
    targetable: ClassVar[bool] = True
    made_to_measure: ClassVar[bool] = True

    @abstractmethod
    def run(self, task: Task) -> np.ndarray:
        """The adversarial images, (n, 28, 28, 1). They need not be inside the ball or the box yet."""

    def __call__(
        self,
        model: Classifier,
        x: np.ndarray,
        y: np.ndarray,
        eps: float | np.ndarray | None = None,
        norm: str | None = None,
        target: np.ndarray | None = None,
        seed: int = 0,
        watch: Watch | None = None,
        path: bool = False,
    ) -> Result:
        """Attack n digits.

        x: (n, 28, 28, 1) floats in [0, 1]; y: (n,) labels 0..9; eps: the budget in the norm's units, one number or one
        an image, or None for a minimising attack; norm: one of self.norms, None for the first; target: (n,) classes to
        be read as, each other than its label, or None for any wrong class; seed: any integer; watch(done, total,
        x_so_far) is told of progress and may return False to stop, which returns the best so far; path: keep the
        iterates.

        Raises InputError for anything else, with a sentence that says what was expected.
        """
        x, labels = _inputs.images(x), _inputs.labels(y, len(x))
        chosen = _inputs.norm(self, norm)
        budget = _inputs.budget(eps, len(x), chosen, optional=self.minimises)
        goal = _inputs.target(self, target, labels)
        task = Task(
            model=_inputs.model(model),
            x=x,
            labels=labels.astype(np.int32),
            target=(np.full(len(x), -1) if goal is None else goal).astype(np.int32),
            eps=np.full(len(x), np.inf, np.float32) if budget is None else budget.astype(np.float32),
            norm=chosen,
            stream=Stream(x, _inputs.seed(seed)),
            seed=seed,
            watch=_inputs.watch(watch),
            wants_path=path,
        )
        idle = budget is not None and not budget.any()
        adversarial = x if idle else np.asarray(self.run(task), dtype=np.float32)
        if budget is not None and not self.minimises and chosen.of_pixels:
            adversarial = keep_inside(chosen, x, adversarial, budget)
        elif budget is not None:
            adversarial = np.where((budget == 0)[:, None, None, None], x, adversarial)
        size = None if chosen.of_pixels else np.zeros(len(x)) if task.told_size is None else task.told_size
        return judge(
            task.model,
            x,
            np.clip(adversarial, 0, 1),
            labels,
            norm=chosen.name,
            eps=budget,
            target=goal,
            forwards=task.forwards,
            gradients=task.gradients,
            path=np.stack(task.path or [x]) if path else None,
            path_forwards=_told_of_path(task) if path else None,
            told_size=size,
            notes=tuple(task.notes),
            settle=self.minimises,
        )


def _told_of_path(task: Task) -> np.ndarray | None:
    """(k, n) forwards at each kept iterate; None from an attack that kept iterates without saying."""
    told = task.path_forwards or ([] if task.path else [np.zeros_like(task.forwards)])
    return np.stack(told) if len(told) == max(len(task.path), 1) else None


def keep_inside(norm: norms.Norm, x: np.ndarray, adversarial: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """adversarial, projected into the ball of radius eps (n,) about x and clipped into [0, 1]; x itself where eps is 0.

    Clipping moves pixels towards x, so it cannot leave the ball; rounding to float32 can, and is taken back.
    """
    adversarial = np.clip(np.where(np.isfinite(adversarial), adversarial, x), 0, 1)
    change = adversarial.astype(np.float64) - x
    over = norm.size(change) > eps + TOLERANCE / 2
    if over.any():
        change[over] = norm.project(tf.constant(change[over]), tf.constant(eps[over])).numpy()
    while over.any():
        adversarial[over] = np.clip(x[over] + change[over], 0, 1)
        size = norm.size(adversarial[over].astype(np.float64) - x[over])
        excess = size - eps[over]
        change[over] *= np.maximum(1 - 2 * excess / np.maximum(size, TOLERANCE), 0)[:, None, None, None].clip(max=1)
        over[over] = excess > TOLERANCE / 2
    adversarial[eps == 0] = x[eps == 0]
    return adversarial
