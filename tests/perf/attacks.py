"""Every attack against its peers: the same model object and digits, the same budgets, in turns, in one process.

Success is the share of the digits that are read rightly before and fooled after, within eps where the row has one. The
median size is over all rightly read digits, a digit that was not fooled counting as infinitely far, so that nobody
gains by giving up on the hard ones. Time is the whole call, after a first one that traces and warms up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from core import norms, zoo
from core.classifier import Classifier
from core.errors import InputError
from core.result import TOLERANCE, Result
from tests.perf.rivals import Make, Row, Run, rows
from tests.support import next_class, some_digits

OURS = "Epsilon Lab"
PATIENCE = 20.0  # seconds after which one implementation of one row is not repeated any more
SMALLER, QUICKER, WEAKER = 1.02, 0.5, 0.005  # the bars: share of a peer's size and of its time, loss of success


@dataclass
class Outcome:
    """What one implementation did: the share fooled, the median size (infinite if most stood), seconds of each run."""

    success: float
    size: float
    times: list[float]

    @property
    def seconds(self) -> float:
        return median(self.times)


def judged(
    model: Classifier, row: Row, x: np.ndarray, y: np.ndarray, made: "np.ndarray | Result"
) -> tuple[float, float]:
    """(success, size) of what a run made, by the same eyes for all: the model is asked again."""
    there = made.adversarial if isinstance(made, Result) else np.clip(np.asarray(made, np.float32), 0, 1)
    right = model.predict(x) == y
    read = model.predict(np.where(np.isfinite(there), there, x))
    fooled = right & (read == next_class(y) if row.targeted else read != y)
    norm = norms.get(row.norm)
    if isinstance(made, Result):
        size = made.size
    elif norm.of_pixels:
        size = norm.size(there.astype(np.float64) - x)
    else:
        size = np.full(len(x), np.nan)  # a peer does not tell how far it turned a digit
    if row.eps is not None:
        fooled &= ~(size > row.eps * (1 + 1e-4) + TOLERANCE)  # peers' own rounding is forgiven
    return float(fooled[right].mean()), float(np.median(np.where(fooled, size, np.inf)[right]))


def timed(run: Run, x: np.ndarray, y: np.ndarray) -> tuple[float, "np.ndarray | Result"]:
    """Seconds that a run takes, and what it makes."""
    start = time.perf_counter()
    made = run(x, y)
    return time.perf_counter() - start, made


def ready(model: Classifier, row: Row, x: np.ndarray, y: np.ndarray) -> tuple[dict[str, Run], dict[str, str]]:
    """The runs that work, warmed up on a few digits, and what is wrong with the others."""
    runs, faults = {}, {}
    given: dict[str, Make] = {OURS: row.ours, **row.theirs}
    for name, make in given.items():
        try:
            runs[name] = make(model)
            runs[name](x[:2], y[:2])
        except ImportError as missing:
            faults[name] = f"is not installed ({missing})"
        except InputError as refusal:
            faults[name] = f"refuses: {refusal}"
        except Exception as fault:  # a peer may break in any way: the table says so and goes on
            if name == OURS:
                raise
            faults[name] = f"crashes: {type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
    return runs, faults


def measure(model: Classifier, row: Row, x: np.ndarray, y: np.ndarray, repeats: int) -> tuple[dict, dict]:
    """The outcome of each implementation, run in turns; one that takes long is run once."""
    runs, faults = ready(model, row, x, y)
    if OURS in faults:
        return {}, faults
    outcomes: dict[str, Outcome] = {}
    for turn in range(repeats):
        for name, run in list(runs.items()):
            done = outcomes.get(name)
            if done and sum(done.times) > PATIENCE:
                continue
            try:
                seconds, made = timed(run, x, y)
            except Exception as fault:
                if name == OURS:
                    raise
                faults[name] = f"crashes: {type(fault).__name__}: {fault}"
                del runs[name]
                continue
            if turn == 0:
                outcomes[name] = Outcome(*judged(model, row, x, y, made), [seconds])
            else:
                outcomes[name].times.append(seconds)
    return outcomes, faults


def marks(row: Row, ours: Outcome, rivals: dict[str, Outcome]) -> list[str]:
    """Where a peer beats us, or we miss our own bar: one sentence each; none if all is well."""
    said = []
    for name, peer in rivals.items():
        if ours.success < peer.success - WEAKER:
            said.append(f"{name} fools more: {peer.success:.1%} against {ours.success:.1%}")
        if row.by_size and ours.size > peer.size * SMALLER:
            said.append(f"{name}'s median change is smaller: {peer.size:.4g} against {ours.size:.4g}")
    if rivals:
        name, quickest = min(rivals.items(), key=lambda each: each[1].seconds)
        share = ours.seconds / quickest.seconds
        if share > 1:
            said.append(f"{name} is quicker: ours takes {share:.2f} times as long")
        elif share > QUICKER:
            said.append(f"ours takes {share:.2f} of {name}'s time; the aim is {QUICKER:g}")
    return said


def compare(model: Classifier, row: Row, count: int, repeats: int, say: Callable[[str], None]) -> None:
    """Measure one row and print its table."""
    x, y = some_digits(min(count, row.digits or count), start=100)
    kept = ~np.isin(y, row.without)
    x, y = x[kept], y[kept]
    outcomes, faults = measure(model, row, x, y, repeats)
    if OURS in faults:
        say(f"\n{row.title}\n{OURS} {faults[OURS]}")
        return
    ours = outcomes.pop(OURS)
    right = int((model.predict(x) == y).sum())
    say(f"\n{row.title}; {right} digits")
    say(f"{'':14}{'success':>9}{'median ' + row.norm:>13}{'time':>11}{'size, ours of it':>18}{'time, ours of it':>18}")
    for name, each in {OURS: ours, **outcomes}.items():
        line = f"{name:14}{each.success:>9.1%}{each.size:>13.4g}{each.seconds:>9.2f} s"
        if each is not ours:
            size = f"{ours.size / each.size:.3f}" if np.isfinite([ours.size, each.size]).all() and each.size else "-"
            line += f"{size:>18}{ours.seconds / each.seconds:>18.3f}"
        say(line)
    for name, fault in faults.items():
        say(f"{name:14} {fault}")
    if row.note:
        say(f"  {row.note}")
    for sentence in marks(row, ours, outcomes):
        say(f"  ! {sentence}")


def main(only: str | None = None, digits: int = 100, repeats: int = 5) -> None:
    """Print the table of every row, or of the attacks named in `only`, with commas between them."""
    model = zoo.load("plain_cnn")
    wanted = set(only.split(",")) if only else None
    chosen = [row for row in rows() if wanted is None or row.attack in wanted]
    unknown = (wanted or set()) - {row.attack for row in chosen}
    if unknown:
        raise SystemExit(f"No row is about {', '.join(sorted(unknown))}.")
    for row in chosen:
        compare(model, row, digits, repeats, lambda line: print(line, flush=True))
