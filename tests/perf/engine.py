"""The engine against Foolbox and ART: the same model object, digits, steps and budget, in turns, in one process."""

import time
from collections.abc import Callable
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from core import attacks, norms, zoo
from core.attacks._climb import compiled
from core.classifier import Classifier
from core.sweep import COUNT, sweep
from tests.perf import peers
from tests.support import some_digits

OURS = "Epsilon Lab"
DIGITS = 1000
LADDER = ("noise", "fgm", "fgsm", "bim", "mim", "pgd")  # what every drag of the slider begins with


def timed(run: Callable[[], object]) -> float:
    """Seconds that one run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_turns(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, `repeats` times, one after the other, so that the machine's moods fall on all alike."""
    for run in runs.values():
        run()  # the first call traces and warms up
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats):
        names = list(runs)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(timed(runs[name]))
    return times


def multiply_adds(model: Classifier) -> int:
    """Multiplications with addition that one image costs forward, from the layers' shapes."""
    total = 0
    for layer in model.keras.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


def matmul_peak(size: int = 2048) -> float:
    """The best of twenty float32 matrix products, in floating-point operations a second."""
    a = tf.random.normal((size, size))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    product()
    return 2 * size**3 / min(timed(lambda: product().numpy()) for _ in range(20))


def against_peers(model: Classifier, count: int, repeats: int) -> float:
    """Print PGD's times on `count` digits for each implementation; return our median in seconds."""
    x, y = some_digits(count)
    right = model.predict(x) == y
    runs = peers.all_of(model)
    times = in_turns({name: (lambda run=run: run(x, y)) for name, run in runs.items()}, repeats)
    medians = {name: median(each) for name, each in times.items()}
    rivals = [value for name, value in medians.items() if not name.startswith(OURS)]
    what = f"{count} digits" if count > 1 else "1 digit"
    print(f"\nPGD, {peers.STEPS} steps, Linf {peers.EPS:g}, {model.name}, {what}; {repeats} turns")
    print(f"{'':26}{'median':>10}{'fastest':>10}{'of best peer':>14}{'success':>10}")
    for name, run in runs.items():
        success = (right & (model.predict(run(x, y)) != y)).mean()
        share = f"{medians[name] / min(rivals):.3f}" if rivals else "-"
        row = f"{name:26}{medians[name] * 1e3:7.1f} ms{min(times[name]) * 1e3:7.1f} ms{share:>14}{success:>10.1%}"
        print(row, flush=True)
    return medians[OURS]


def sweeps(model: Classifier, repeats: int) -> None:
    """Print what the sweep of one digit takes, attack by attack."""
    x, y = some_digits(1)
    cases: dict[str, Callable[[], object]] = {}
    for name in LADDER:
        attack = attacks.get(name)()
        norm = attack.norms[0]
        cases[f"{name} {norm}"] = lambda attack=attack, norm=norm: sweep(model, x[0], int(y[0]), attack, norm=norm)
    pgd = attacks.get("pgd")()
    cases["pgd l2"] = lambda: sweep(model, x[0], int(y[0]), pgd, norm="l2")
    cases["pgd l1"] = lambda: sweep(model, x[0], int(y[0]), pgd, norm="l1")
    cases["pgd linf, with its path"] = lambda: sweep(model, x[0], int(y[0]), pgd, norm="linf", path=True)
    times = in_turns(cases, repeats)
    print(f"\nSweep of one digit over {COUNT} epsilons, default knobs, {model.name}; {repeats} turns")
    for name, each in times.items():
        print(f"{name:26}{median(each) * 1e3:7.1f} ms{min(each) * 1e3:7.1f} ms", flush=True)


def with_and_without_xla(model: Classifier, repeats: int) -> None:
    """Print the bare attack loop's times, as TensorFlow runs it and through XLA: the choice in core.attacks._climb."""
    norm = norms.get("linf")
    loops = {
        name: compiled(model, norm, momentum=False, stop=False, xla=xla)
        for name, xla in (("plain", False), ("XLA", True))
    }
    print(f"\nThe loop alone, {peers.STEPS} steps, {model.name}; {repeats} turns")
    print(f"{'digits in one part':26}{'plain':>10}{'XLA':>13}")
    for count in (1, 4, 16, 61, 250):
        x, y = some_digits(count)
        budget = np.full(count, peers.EPS, np.float32)
        given = (x, x, x[:1], y.astype("i4"), np.full(count, -1, "i4"), budget, budget / 10, 0, 0.0, peers.STEPS)
        fixed = [tf.constant(each) for each in given]
        runs = {name: (lambda loop=loop, fixed=fixed: loop(*fixed)[0].numpy()) for name, loop in loops.items()}
        times = in_turns(runs, repeats)
        print(f"{count:<26}{median(times['plain']) * 1e3:7.1f} ms{median(times['XLA']) * 1e3:10.1f} ms", flush=True)


def main(repeats: int = 5) -> None:
    """Print the engine's tables."""
    model = zoo.load("plain_cnn")
    print(f"{model.name}: {model.parameters:,} parameters, {multiply_adds(model):,} multiply-adds forward")
    many = against_peers(model, DIGITS, repeats)
    against_peers(model, 1, 4 * repeats)
    sweeps(model, 4 * repeats)
    with_and_without_xla(model, repeats)
    # A step is one pass forward and one back to the image, which costs as much again; no gradient of weights is needed.
    work = DIGITS * peers.STEPS * 2 * 2 * multiply_adds(model)
    peak = matmul_peak()
    reached = f"{work / many / 1e9:.0f} GFLOP/s of this machine's {peak / 1e9:.0f} in a matrix product"
    print(f"\nPGD on {DIGITS} digits: {reached}, {work / many / peak:.0%}")
