"""Figures that sum up how robust a network is, beyond the share that one attack leaves standing."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import Attack, _inputs
from core.attacks._gradient import gradient_of, pulled_back
from core.attacks._hyperplane import length
from core.classifier import BATCH, CLASSES, IMAGES, Classifier
from core.errors import InputError, shown
from core.result import Result
from core.seeds import Stream
from core.specs import CLASS

#: Progress of a long measurement: (done, total); False stops it.
Progress = Callable[[int, int], bool | None]


def empirical_robustness(result: Result) -> float:
    """The mean size of a change that fools, as a share of its digit's own size, both in the attack's norm.

    Over the digits that were read rightly and fooled within the budget; NaN where there is none, for nothing was
    measured then. It is a bound from above, and worth something only for attacks that look for the smallest change.

    Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", CVPR 2016, https://arxiv.org/abs/1511.04599
    """
    norm = norms.get(result.norm)
    if not norm.of_pixels:
        raise InputError(f"A change in {norm.title} has no size in pixels; an attack in another norm was expected.")
    own = norm.size(result.clean)
    counted = result.success & ~result.already_wrong & (own > 0)
    return float((result.size[counted] / own[counted]).mean()) if counted.any() else float("nan")


def loss_sensitivity(
    model: Classifier, x: np.ndarray, y: np.ndarray, *, norm: str = "l1", loss: str = "cross_entropy"
) -> float:
    """The mean norm of the loss's gradient in the pixels: how much the loss can rise per unit of change, at first.

    x: (n, 28, 28, 1) in [0, 1]; y: (n,); norm: of the gradient, "l1", "l2" or "linf"; loss: one of core.losses.

    Arpit et al., "A closer look at memorization in deep networks", ICML 2017, https://arxiv.org/abs/1706.05394
    """
    x, model = _inputs.images(x), _inputs.model(model)
    labels, which = _inputs.labels(y, len(x)).astype(np.int32), tf.constant(losses.index(loss))
    _known(norm)

    graph, untargeted = gradient_of(model), np.full(len(x), -1, np.int32)
    parts = []
    for at in range(0, len(x), BATCH):
        part = slice(at, at + BATCH)
        g, scale = graph(x[part], which, labels[part], untargeted[part])
        parts.append(g.numpy() * scale.numpy()[:, None, None, None])
    return float(norms.get(norm).size(np.concatenate(parts)).mean())


def clever(
    model: Classifier,
    x: np.ndarray,
    y: np.ndarray,
    *,
    norm: str = "l2",
    radius: float | None = None,
    target: np.ndarray | int | None = None,
    batches: int = 50,
    samples: int = 100,
    seed: int = 0,
    watch: Progress | None = None,
) -> np.ndarray:
    """An estimate of the smallest change that fools, without an attack: the margin over how fast it can fall.

    For each other class (or the target alone) the largest gradient of its lead is taken in each of `batches` lots of
    `samples` points, uniform in the ball of `radius` about the digit and clipped into [0, 1]. Extreme value theory says
    how the largest of many are distributed, a reversed Weibull law, and its end point stands for the Lipschitz
    constant. The score is the smallest quotient, at most the radius; 0 where the digit is read wrong.

    It is an estimate, not a certificate: a network that hides its gradients between the samples scores too well
    (Goodfellow, 2018, https://arxiv.org/abs/1804.07870). The paper draws 500 lots of 1024.

    x: (n, 28, 28, 1) in [0, 1]; y: (n,); norm: that of the change, "linf", "l2" or "l1"; radius: 0.3, 5 or 40 by
    default; target: a class, or one for each digit; watch(done, total) may return False, which stops after that lot.
    Returns (n,) float64 in the norm's units.

    Weng et al., "Evaluating the robustness of neural networks: an extreme value theory approach", ICLR 2018,
    https://arxiv.org/abs/1801.10578
    """
    x, model = _inputs.images(x), _inputs.model(model)
    labels, n = _inputs.labels(y, len(x)).astype(np.int32), len(x)
    _known(norm)
    radius = {"linf": 0.3, "l2": 5.0, "l1": 40.0}[norm] if radius is None else radius
    if not isinstance(radius, (int, float)) or not 0 < radius <= norms.get(norm).diameter:
        raise InputError(f"radius is {shown(radius)}; a number above 0, to {norms.get(norm).diameter:g}, was expected.")
    for name, count in (("batches", batches), ("samples", samples)):
        if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
            raise InputError(f"{name} is {shown(count)}; a whole number from 1 was expected.")
    aim = _inputs.target(_Aimed, target, labels.astype(np.int64))

    graph = model.graph(("steepness", norm), lambda: _steepness(model, norms.DUAL[norm]), [IMAGES, CLASS])
    stream, kind = Stream(x, _inputs.seed(seed)), norms.get(norm)
    largest, at_once = np.zeros((batches, n, CLASSES)), max(BATCH // n, 1)
    for batch in range(batches):
        for drawn in range(0, samples, at_once):
            lots = range(min(at_once, samples - drawn))
            near = np.clip(x + np.float32(radius) * np.stack([kind.uniform(stream) for _ in lots]), 0, 1)
            rows, own = near.reshape(-1, *x.shape[1:]), np.tile(labels, len(lots))
            parts = [graph(rows[at : at + BATCH], own[at : at + BATCH]).numpy() for at in range(0, len(rows), BATCH)]
            steep = np.concatenate(parts).reshape(len(lots), n, CLASSES).max(axis=0)
            np.maximum(largest[batch], steep, out=largest[batch])
        if watch is not None and watch(batch + 1, batches) is False:
            largest = largest[: batch + 1]
            break

    logits = model.logits(x).astype(np.float64)
    lead = logits[np.arange(n), labels][:, None] - logits
    wanted = np.arange(CLASSES) != labels[:, None] if aim is None else np.arange(CLASSES) == aim[:, None]
    scores = np.full(n, float(radius))
    for row, other in np.argwhere(wanted):
        end = weibull_end(largest[:, row, other])
        if end > 0:
            scores[row] = min(scores[row], max(lead[row, other], 0.0) / end)
    scores[logits.argmax(axis=1) != labels] = 0.0
    return scores


def weibull_end(maxima: np.ndarray) -> float:
    """The end point a of the reversed Weibull law, P(m <= t) = exp(-((a - t) / b) ** c), likeliest for maxima (k,).

    Scale and shape are solved for at each end point, so that only that one is searched. Shapes below 1 are left out:
    the likelihood then grows without bound as the end point nears the largest of the maxima (Smith, 1985).
    """
    top = float(np.max(maxima))
    spread = top - float(np.min(maxima))
    if spread <= 1e-6 * abs(top) or len(maxima) < 3:
        return top  # nothing but rounding to fit a law to

    # The law has no end point in sight beyond some hundred spreads: there it is Gumbel's.
    low, high = np.log(1e-6), np.log(1e2)
    for _ in range(5):
        places = np.linspace(low, high, 41)
        fits = _fits((top - maxima)[None] / spread + np.exp(places)[:, None])
        best = int(fits.argmax())
        if fits[best] == -np.inf:
            return top
        low, high = places[max(best - 1, 0)], places[min(best + 1, len(places) - 1)]
    return top + spread * float(np.exp(places[best]))


def _fits(z: np.ndarray) -> np.ndarray:
    """The greatest log-likelihood of each row of z (p, k) > 0 under a Weibull law that starts at 0: (p,).

    -inf where the likeliest shape is below 1. The shape is the one root of a rising function: found by bisection.
    """
    largest = z.max(axis=1, keepdims=True)
    logs = np.log(z / largest)

    def slope(c: np.ndarray) -> np.ndarray:
        weights = np.exp(c * logs)
        middle = (weights * logs).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
        return middle - 1 / c - logs.mean(axis=1, keepdims=True)

    low, high = np.full_like(largest, 1e-3), np.full_like(largest, 1e6)
    for _ in range(60):
        shape = np.sqrt(low * high)
        below = slope(shape) < 0
        low, high = np.where(below, shape, low), np.where(below, high, shape)
    scale = np.exp(np.log(np.exp(shape * logs).mean(axis=1, keepdims=True)) / shape)  # as a share of the largest
    fit = (
        np.log(shape / (scale * largest))
        + (shape - 1) * (logs - np.log(scale))
        - np.exp(shape * (logs - np.log(scale)))
    )
    return np.where(shape[:, 0] < 1, -np.inf, fit.sum(axis=1))


def transfer_matrix(
    models: Sequence[Classifier],
    attack: Attack,
    x: np.ndarray,
    y: np.ndarray,
    *,
    eps: float | np.ndarray | None = None,
    norm: str | None = None,
    seed: int = 0,
    watch: Progress | None = None,
) -> np.ndarray:
    """How often what fools one network fools another: (sources, destinations) float64.

    Entry [i, j] is the share of the digits fooled on model i that model j then reads wrong too, over those that both
    read rightly before. The diagonal is 1; NaN where nothing was fooled, or where watch(done, total) returned False.

    Papernot, McDaniel and Goodfellow, "Transferability in machine learning", 2016, https://arxiv.org/abs/1605.07277
    """
    if not len(models):
        raise InputError("There is no model to compare; at least one was expected.")
    shares = np.full((len(models), len(models)), np.nan)
    right = [_inputs.model(model).predict(x) == np.asarray(y) for model in models]
    for i, source in enumerate(models):
        result = attack(source, x, y, eps, norm, None, seed)
        for j, other in enumerate(models):
            both = result.success & right[i] & right[j]
            if both.any():
                shares[i, j] = np.mean(other.predict(result.adversarial[both]) != result.labels[both])
        if watch is not None and watch(i + 1, len(models)) is False:
            break
    return shares


def curve_area(epsilons: np.ndarray, accuracy: np.ndarray) -> float:
    """The mean height of the robust accuracy's curve over eps, from the first to the last: 0 to 1.

    epsilons: (m,) rising; accuracy: (m,) in [0, 1], joined by straight lines. One figure for all budgets, so that none
    need be chosen; two networks compare only over the same range. Known as the normalised area under the curve.

    Carlini et al., "On evaluating adversarial robustness", 2019, https://arxiv.org/abs/1902.06705, for why the whole
    curve is to be shown.
    """
    epsilons, accuracy = (np.asarray(each, dtype=np.float64) for each in (epsilons, accuracy))
    if epsilons.ndim != 1 or len(epsilons) < 2 or not (np.diff(epsilons) > 0).all():
        raise InputError("The epsilons of a curve are a list of rising numbers, at least two.")
    if accuracy.shape != epsilons.shape or not ((accuracy >= 0) & (accuracy <= 1)).all():
        raise InputError("The accuracies of a curve are one number from 0 to 1 for each epsilon.")
    return float(np.trapezoid(accuracy, epsilons) / (epsilons[-1] - epsilons[0]))


class _Aimed:
    """What the check of targets asks of an attack."""

    title, targetable = "CLEVER", True


def _known(norm: str) -> None:
    if norm not in norms.DUAL:
        raise InputError(f"The norm is {shown(norm)}; one of {', '.join(norms.DUAL)} was expected.")


def _steepness(model: Classifier, dual: str) -> Callable:
    """x (n, 28, 28, 1), labels (n,) -> the norm of the gradient of the label's lead over each class: (n, 10)."""

    def run(x, labels):
        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch(x)
            logits = lowering.forward(model.keras)(x)
        own = tf.one_hot(labels, CLASSES)

        def one(other, so_far):
            slope = own - tf.one_hot(other, CLASSES)
            return other + 1, so_far.write(other, length(dual, pulled_back(tape, logits, x, slope)))

        empty = tf.TensorArray(tf.float32, CLASSES, element_shape=(None,))
        _, norms_ = tf.while_loop(lambda other, _: other < CLASSES, one, (0, empty), parallel_iterations=1)
        return tf.transpose(norms_.stack())

    return run
