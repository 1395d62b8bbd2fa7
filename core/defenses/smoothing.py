"""Randomised smoothing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy.stats import beta, norm

from core import lowering, norms
from core.attacks import _inputs
from core.attacks._parts import abreast
from core.classifier import CLASSES, IMAGE, Classifier
from core.defenses.base import Certificate
from core.knobs import knob
from core.result import TOLERANCE
from core.seeds import Stream
from core.specs import COUNT, NUMBER

_COPIES = 250  # noisy copies that are read at a time
_PIECE = 4 * _COPIES  # copies of one call
_REPORTS = 20
_KEYS = 2**23  # values that a stream's uniform numbers take

#: `watch(done, total, counts)`: called with how many noisy copies of each image were read, and the votes (n, 10) so
#: far; False stops it.
Watch = Callable[[int, int, np.ndarray], bool | None]


@dataclass(frozen=True, eq=False)
class Votes:
    """What the noisy copies of n images were read as.

    counts: (n, 10) int64, the votes of the proof; choice: (n,) int64, the class that each image is read as; abstains:
    (n,) bool, no majority was proven; p_low: (n,) float64, the least share of all noisy copies that is proven to be
    read as the choice; radius: (n,) float64, in L2, 0 where it abstains.
    """

    counts: np.ndarray
    choice: np.ndarray
    abstains: np.ndarray
    p_low: np.ndarray
    radius: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Smoothing(Certificate):
    r"""Let the network read many noisy copies of the image, and take the class that most of them are read as.

    $$g(x) = \arg\max_k\, P\big(f(x + \sigma\eta) = k\big), \quad \eta \sim \mathcal N(0, I), \qquad
    r = \sigma\,\Phi^{-1}(\underline{p})$$

    How g votes cannot change fast: whatever f is, no change of L2 norm below r takes the majority from the choice. A
    first few copies choose the class, and fresh ones prove how often it wins at least: p is the Clopper-Pearson bound
    of its votes, wrong with a probability of at most α. Where p is not above one half, the answer is: no answer. It
    proves something about g, not about f; and f should have been trained on noise, or it guesses.

    Cohen, Rosenfeld and Kolter 2019, https://arxiv.org/abs/1902.02918
    """

    title = "Randomised smoothing"
    norm = "l2"

    sigma: float = knob(0.5, "Noise σ", 0.05, 2.0, step=0.05, help="Standard deviation of each pixel's noise")
    choosing: int = knob(100, "Copies to choose", 10, 1000, step=10, help="Noisy copies that choose the class")
    samples: int = knob(
        10_000,
        "Copies to prove",
        10,
        100_000,
        step=100,
        help="Noisy copies that prove it: n that all agree prove no more than σ·Φ⁻¹(α^(1/n)), so few cannot prove much",
    )
    alpha: float = knob(0.001, "Error α", 1e-6, 0.1, step=0.001, help="How likely a radius may be wrong, at most")

    @property
    def most(self) -> float:
        """The largest radius that so many copies can prove: where all of them agree."""
        return float(self._radii(np.array([self.samples]), self.samples)[1][0])

    def vote(self, model: Classifier, x: np.ndarray, *, seed: int = 0, watch: Watch | None = None) -> Votes:
        """Read noisy copies of images x (n, 28, 28, 1), each by a random stream of its own: no batch mate matters.

        watch(done, total, counts so far) is told of progress; where it returns False the votes so far are returned, and
        every image abstains: a proof by votes that somebody stopped when he liked them would be none.
        """
        model, x, watch = _inputs.model(model), _inputs.images(x), _inputs.watch(watch)
        stream = Stream(x, _inputs.seed(seed))
        keys = (stream.uniform(4) * _KEYS).astype(np.int32).reshape(-1, 2, 2)
        choice = self._read(model, x, keys[:, 0], 0, self.choosing).argmax(axis=1)
        counts, stopped = np.zeros((len(x), CLASSES), np.int64), False
        # Whole batches in each report, so that the last one alone is cut.
        step = max(-(-self.samples // (_REPORTS * _COPIES)), 1) * _COPIES
        for first in range(0, self.samples, step):
            last = min(first + step, self.samples)
            counts += self._read(model, x, keys[:, 1], first, last)
            if watch is not None and watch(last, self.samples, counts.copy()) is False:
                stopped = last < self.samples
                break
        if stopped:
            nothing = np.zeros(len(x))
            return Votes(counts, choice, np.ones(len(x), bool), nothing, nothing)
        p_low, radius = self._radii(counts[np.arange(len(x)), choice], self.samples)
        return Votes(counts, choice, p_low <= 0.5, p_low, radius)

    def proven(self, model: Classifier, x: np.ndarray, y: np.ndarray, eps: np.ndarray, seed: int) -> np.ndarray:
        read, reach = self.reach(model, x, seed)
        return (read == y) & (reach >= eps)

    def reach(self, model: Classifier, x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        votes = self.vote(model, x, seed=seed)
        # So much beyond its budget is still granted to an attack, and the bound holds below the radius alone.
        reach = np.maximum(votes.radius - 2 * TOLERANCE, 0.0)
        return votes.choice, np.where(votes.abstains, -1.0, np.minimum(reach, norms.get(self.norm).diameter))

    def _radii(self, won: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
        """What is proven by that many votes (n,) of the total: the least share, and the radius."""
        p_low = np.where(won > 0, beta.ppf(self.alpha, np.maximum(won, 1), total - won + 1), 0.0)
        return p_low, np.where(p_low > 0.5, self.sigma * norm.ppf(np.maximum(p_low, 0.5)), 0.0)

    def _read(self, model: Classifier, x: np.ndarray, keys: np.ndarray, first: int, last: int) -> np.ndarray:
        """The votes (n, 10) of the noisy copies from `first`, a multiple of 250, to before `last`."""
        graph = model.graph("noisy_votes", lambda: _build(model), _SIGNATURE)
        starts = range(first, last, _PIECE)
        pieces = [(row, start, min(start + _PIECE, last)) for row in range(len(x)) for start in starts]

        def votes(piece: tuple[int, int, int]) -> np.ndarray:
            row, *copies = piece
            return graph(x[row], keys[row], *copies, np.float32(self.sigma)).numpy()

        return np.stack(abreast(votes, pieces)).reshape(len(x), len(starts), CLASSES).sum(axis=1)


_SIGNATURE = [tf.TensorSpec(IMAGE, tf.float32), tf.TensorSpec((2,), tf.int32), COUNT, COUNT, NUMBER]


def _build(model: Classifier) -> Callable:
    def run(x: tf.Tensor, key: tf.Tensor, first: tf.Tensor, last: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
        net = lowering.forward(model.keras)

        def body(at: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            noise = tf.random.experimental.stateless_fold_in(key, at)
            noise = tf.random.stateless_normal((_COPIES, *IMAGE), noise)
            read = tf.argmax(net(x[None] + sigma * noise), axis=1, output_type=tf.int32)
            counted = tf.cast(at + tf.range(_COPIES) < last, tf.int64)  # the last batch may be one too many
            return at + _COPIES, counts + tf.math.unsorted_segment_sum(counted, read, CLASSES)

        start = (first, tf.zeros(CLASSES, tf.int64))
        return tf.while_loop(lambda at, _: at < last, body, start, parallel_iterations=1)[1]

    return run
