"""The benchmark against the straight way of doing it with Foolbox or ART: every digit at every epsilon.

One model, PGD-40 at ten epsilons: the whole robust accuracy curve. Ours goes through the public call of the benchmark,
its file included; theirs attack all digits at each epsilon and count what is read rightly afterwards. And the memory
of a run over all test digits, in a process of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core import digits, zoo
from core.benchmark import rows
from core.benchmark.grid import Grid
from core.benchmark.journal import Journal
from core.benchmark.robustness import run
from core.classifier import Classifier
from core.digits import Digits
from tests import peers
from tests.perf.engine import OURS, timed
from tests.perf.targets import Row
from tests.support import some_digits

MODELS = ("plain_cnn", "trades_cnn")
EPSILONS = tuple(float(eps) for eps in np.linspace(0.03, 0.3, 10).round(3))
STEPS, STEP_SIZE = 40, 0.1
TARGET = 0.2  # of the time of the best peer: five times as fast
ALL = "--models plain_cnn,trades_cnn --attacks fgsm,pgd --norm linf --eps 0.1,0.3 --digits 10000"
MEMORY = 1.5  # GB

Counts = np.ndarray  # (k,) of digits still read rightly, at each epsilon


def ours(name: str, given: Digits, thorough: bool) -> Counts:
    """By the benchmark; Foolbox's and ART's steps are as long as ours."""
    attack = f"pgd:steps={STEPS}:step_size={STEP_SIZE}"
    grid = Grid((name,), (attack,), {"linf": EPSILONS}, given, thorough=thorough)
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "rows.jsonl") as book:
        run(grid, book)
        return np.array([row.robust for row in rows.table(grid, book.lines)])


def foolbox(model: Classifier, given: Digits) -> Counts:
    """Foolbox takes all epsilons in one call."""
    import tensorflow as tf

    attack, x, y = peers.foolbox_pgd(STEPS, STEP_SIZE), tf.constant(given.images), tf.constant(given.labels)
    success = attack(peers.foolbox_model(model), x, y, epsilons=list(EPSILONS))[2]
    return len(given) - np.asarray(success).sum(axis=1)


def art(model: Classifier, given: Digits) -> Counts:
    """ART takes them one by one."""
    runs = [peers.art_pgd(model, eps, STEPS, STEP_SIZE) for eps in EPSILONS]
    return np.array([(model.predict(each(given.images, given.labels)) == given.labels).sum() for each in runs])


def main(count: int) -> None:
    """Print, for each model, the seconds and the counts of each, and how ours compares with the best."""
    for name in MODELS:
        model, given = zoo.load(name), _given(count)
        ways: dict[str, Callable[[], Counts]] = {
            title: lambda name=name, given=given, thorough=thorough: ours(name, given, thorough)
            for title, thorough in ((OURS, False), (f"{OURS}, thorough", True))
        }
        for rival, way in (("Foolbox", foolbox), ("ART", art)):
            ways[rival] = lambda way=way, model=model, given=given: way(model, given)
        print(f"\nRobust accuracy of {name} at {len(EPSILONS)} epsilons, PGD-{STEPS}, Linf, {count:,} digits")
        seconds = {}
        for each, way in ways.items():
            kept: list[Counts] = []
            try:
                seconds[each] = timed(lambda way=way, kept=kept: kept.append(way()))
            except ImportError as missing:
                print(f"{each} is left out: {missing}")
                continue
            print(f"{each:22}{seconds[each]:9.1f} s   standing: {' '.join(map(str, kept[0]))}", flush=True)
        rivals = [value for each, value in seconds.items() if not each.startswith(OURS)]
        if rivals:
            print(Row(f"{name}: of the best peer's time", seconds[OURS] / min(rivals), TARGET, "×"), flush=True)
    if digits.at_hand():
        print(f"\npython -m core.benchmark {ALL}")
        took, gigabytes = whole()
        print(f"{took:.0f} s")
        print(Row("its memory at most", gigabytes, MEMORY, "GB"), flush=True)


def whole() -> tuple[float, float]:
    """The run of all test digits: its seconds, and the most gigabytes that its process held."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [sys.executable, "-m", "core.benchmark", *ALL.split(), "--out", str(Path(folder) / "rows.jsonl")]
        began = time.perf_counter()
        process = subprocess.Popen(asked, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"The benchmark ended with status {process.returncode}.")
    return time.perf_counter() - began, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def _given(count: int) -> Digits:
    """The official test digits, where they are at hand; else bundled ones."""
    return digits.mnist()[1][:count] if digits.at_hand() else Digits(*some_digits(count))
