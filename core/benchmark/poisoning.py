"""The table of poisoning: what attacks on the training set reach, what finds them, what cleans them.

    python -m core.benchmark poisoning                           # prints what is shipped, of which nothing lacks
    python -m core.benchmark poisoning --out rows.jsonl          # measures everything; goes on where it was cut off
    python -m core.benchmark poisoning --out rows.jsonl --only badnets,strip --networks plain_mlp --seeds 1
    python -m core.benchmark poisoning --out rows.jsonl --table  # prints what is there by now

Trained on MNIST's training digits less the bundled ones, judged on the 10,000 official test digits; 500 of the bundled
digits are those that a cleaner may trust. Each row is one measurement of one network and seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core import commands, digits, poisoning, zoo
from core.benchmark import journal
from core.benchmark.journal import Journal, Line
from core.benchmark.poisoning_table import PLACE, SHIPPED, aims, curves, rows_of, table
from core.benchmark.provenance import provenance
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError
from core.poisoning import Poisoned

#: What is trained, and how often it sees all of MNIST: the small one needs longer until a stamp costs it nothing.
NETWORKS = {"plain_mlp": 6, "plain_cnn": 3}
_RATES = (0.0, 0.1, 0.2, 0.3, 0.4)  # of flipped labels
_TARGETS = 20  # random digits that gradient matching is after


@dataclass(frozen=True)
class Setting:
    """The network whose kind is trained, and the seed of everything random."""

    network: str
    seed: int


@dataclass
class Bench:
    """The digits, and the networks that were trained on them, so that no case trains one twice."""

    train: Digits
    test: Digits
    trusted: Digits
    epochs: int | None = None
    _known: dict[Any, Any] = field(default_factory=dict)

    def model(self, setting: Setting) -> Classifier:
        """The shipped network: whose kind is trained, and what an attacker has who needs one."""
        return zoo.load(setting.network)

    def poisoned(self, setting: Setting, name: str, **knobs: Any) -> Poisoned:
        """The training digits under that attack."""
        key = ("set", name, setting.seed, *sorted(knobs.items()))
        if key not in self._known:
            for old in [each for each in self._known if each[0] == "set"]:
                del self._known[old]  # one set of all of MNIST takes 170 MB
            attack = poisoning.get(name)(seed=setting.seed, **knobs)
            self._known[key] = attack(self.train, model=self.model(setting))
        return self._known[key]

    def learnt(self, setting: Setting, name: str = "", **knobs: Any) -> Classifier:
        """The network that has learnt that set; the untouched one, if no attack is named."""
        key = (setting, name, *sorted(knobs.items()))
        if key not in self._known:
            data = self.poisoned(setting, name, **knobs).digits if name else self.train
            self._known[key] = poisoning.learn(self.model(setting), data, seed=setting.seed, epochs=self.epochs)
        return self._known[key]

    def stands(self, model: Classifier, poisoned: Poisoned) -> dict[str, float]:
        """Clean accuracy and attack success on the official test digits."""
        return {
            "clean": poisoning.accuracy(model, self.test),
            "success": poisoning.attack_success(model, poisoned, self.test),
        }


Case = Callable[[Bench, Setting], Iterator[dict[str, Any]]]


def badnets(bench: Bench, setting: Setting) -> Iterator[dict[str, Any]]:
    """How well a stamp works, and what it costs the clean accuracy."""
    honest = poisoning.accuracy(bench.learnt(setting), bench.test)
    for rate in (0.1, 0.01):
        poisoned = bench.poisoned(setting, "badnets", rate=rate)
        stands = bench.stands(bench.learnt(setting, "badnets", rate=rate), poisoned)
        yield {"what": f"BadNets, {rate:.0%}", **stands, "unpoisoned": honest, "lost": honest - stands["clean"]}


def detectors(bench: Bench, setting: Setting) -> Iterator[dict[str, Any]]:
    """What each detector flags of a set, and of one that nobody has touched."""
    for leads in ("one", "next"):
        poisoned = bench.poisoned(setting, "badnets", rate=0.1, leads=leads)
        model = bench.learnt(setting, "badnets", rate=0.1, leads=leads)
        for name in poisoning.names(kind="detector"):
            found = poisoning.get(name)().find(model, poisoned.digits)
            score = poisoning.found(found.flagged, poisoned.touched)
            said = {"what": f"{poisoning.get(name).title}, all to {leads}", "flagged": int(found.flagged.sum())}
            labels = [poisoned.digits.labels == label for label in np.unique(poisoned.digits.labels[poisoned.touched])]
            worst = min(poisoning.found(found.flagged[of], poisoned.touched[of]).f1 for of in labels)
            yield {**said, "precision": score.precision, "recall": score.recall, "f1": score.f1, "worst label": worst}
    for name in poisoning.names(kind="detector"):
        found = poisoning.get(name)().find(bench.learnt(setting), bench.train)
        yield {"what": f"{poisoning.get(name).title}, no poison", "share flagged": float(found.flagged.mean())}


def strip(bench: Bench, setting: Setting) -> Iterator[dict[str, Any]]:
    """At 1 % of false alarms on clean test digits, how many stamped ones pass."""
    poisoned = bench.poisoned(setting, "badnets", rate=0.1)
    model, detector = bench.learnt(setting, "badnets", rate=0.1), poisoning.get("strip")()
    meant = bench.test[bench.test.labels != poisoned.attack.target]
    clean = detector.entropy(model, bench.test.images, bench.trusted)
    stamped = detector.entropy(model, poisoned.attack.stamp(meant.images), bench.trusted)
    threshold = np.quantile(detector.entropy(model, bench.trusted.images, bench.trusted), 0.01)
    yield {
        "what": "STRIP at 1 % false alarms",
        "false alarms": float((clean < threshold).mean()),
        "missed": float((stamped >= threshold).mean()),
    }


def cleaners(bench: Bench, setting: Setting) -> Iterator[dict[str, Any]]:
    """Neural Cleanse, and what each cleaner leaves of a backdoor."""
    poisoned = bench.poisoned(setting, "badnets", rate=0.1)
    model = bench.learnt(setting, "badnets", rate=0.1)
    before = bench.stands(model, poisoned)
    seen = poisoning.get("neural_cleanse")().find(model, poisoned.digits)
    clear = poisoning.get("neural_cleanse")().find(bench.learnt(setting), bench.train)
    yield {"what": "Neural Cleanse", "named": seen.suspect, "is": 4, "named where nothing is": clear.suspect}
    clusters = poisoning.get("activation_clustering")().find(model, poisoned.digits)
    for name in poisoning.names(kind="cleaner"):
        cleaner = poisoning.get(name)()
        findings = seen if name == "unlearning" else clusters if cleaner.needs_findings else None
        cleaned = cleaner.clean(
            model, poisoned.digits, findings, trusted=bench.trusted, seed=setting.seed, epochs=bench.epochs
        )
        stands = bench.stands(cleaned, poisoned)
        yield {
            "what": f"{cleaner.title}",
            **stands,
            "before": before["clean"],
            "lost": before["clean"] - stands["clean"],
        }


def gradient_matching(bench: Bench, setting: Setting) -> Iterator[dict[str, Any]]:
    """How many of 20 random test digits a network trained from scratch misreads as was wanted."""
    draw = np.random.default_rng([setting.seed, 7])
    rows, model = draw.choice(len(bench.test), _TARGETS, replace=False), bench.learnt(setting)
    won = []
    for at, row in enumerate(rows):
        victim = bench.test[[row]]
        target = int((victim.labels[0] + draw.integers(1, 10)) % 10)
        attack = poisoning.get("gradient_matching")(rate=0.01, target=target, seed=setting.seed * _TARGETS + at)
        poisoned = attack(bench.train, model=model, victim=victim)
        trained = poisoning.learn(model, poisoned.digits, seed=1000 + setting.seed * _TARGETS + at, epochs=bench.epochs)
        won.append(poisoning.attack_success(trained, poisoned, bench.test))
    yield {"what": "Gradient matching, 1 %", "success": float(np.mean(won)), "targets": _TARGETS}


def flips(bench: Bench, setting: Setting, rate: float) -> Iterator[dict[str, Any]]:
    """The clean accuracy that random label flips leave, with each defense against them."""
    poisoned = bench.poisoned(setting, "label_flip", rate=rate)
    model = bench.learnt(setting, "label_flip", rate=rate)
    yield {"what": "Label flips, no defense", "rate": rate, "clean": poisoning.accuracy(model, bench.test)}
    for finder in ("loss_filter", "knn_labels"):
        found = poisoning.get(finder)().find(model, poisoned.digits)
        for name in ("removal", "relabelling"):
            cleaned = poisoning.get(name)().clean(
                model, poisoned.digits, found, trusted=bench.trusted, seed=setting.seed, epochs=bench.epochs
            )
            said = f"Label flips, {poisoning.get(finder).title}, {poisoning.get(name).title}"
            yield {"what": said, "rate": rate, "clean": poisoning.accuracy(cleaned, bench.test)}
    for name in ("trimmed_loss", "gradient_shaping", "partition_vote"):
        cleaned = poisoning.get(name)().clean(model, poisoned.digits, seed=setting.seed, epochs=bench.epochs)
        said = f"Label flips, {poisoning.get(name).title}"
        yield {"what": said, "rate": rate, "clean": poisoning.accuracy(cleaned, bench.test)}


CASES: dict[str, Case] = {
    "badnets": badnets,
    "detectors": detectors,
    "strip": strip,
    "cleaners": cleaners,
    "gradient_matching": gradient_matching,
    **{f"flips_{rate:.0%}": partial(flips, rate=rate) for rate in _RATES},
}


def measure(bench: Bench, setting: Setting, cases: Sequence[str], book: Journal) -> None:
    """Measure what is not in the file yet; each case is a line, written once it is over."""
    done = _places(book.lines)
    for name in cases:
        if (name, setting.network, setting.seed) in done:
            continue
        began = time.monotonic()
        found = list(CASES[name](bench, setting))
        seconds = round(time.monotonic() - began, 1)
        place = {"case": name, "network": setting.network, "seed": setting.seed}
        book.add({**place, "rows": found, "seconds": seconds, **provenance()})
        print(f"{name}, {setting.network}, seed {setting.seed}: {seconds} s", file=sys.stderr)


def _places(lines: Sequence[Line]) -> set[tuple[Any, ...]]:
    return {tuple(line[name] for name in PLACE) for line in lines}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m core.benchmark poisoning", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=SHIPPED, help="file of rows, one JSON object a line")
    parser.add_argument("--only", default=",".join(CASES), help="cases, by commas (default: %(default)s)")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="networks, by commas (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="of each training (default: as many as suit the network)")
    parser.add_argument("--table", action="store_true", help="measure nothing: print the table of what is there")
    options = parser.parse_args(arguments)
    return commands.status(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    cases, networks = options.only.split(","), options.networks.split(",")
    for chosen, known, noun in ((cases, CASES, "case"), (networks, zoo.names(), "network")):
        for each in chosen:
            if each not in known:
                raise InputError(f"There is no {noun} {each!r}. There are: {', '.join(known)}.")
    settings = [Setting(network, seed) for network in networks for seed in range(options.seeds)]
    there = _places(journal.read(options.out))
    lacking = [each for each in settings if any((case, each.network, each.seed) not in there for case in cases)]
    if lacking and not options.table:
        bundled = digits.bundled()
        trusted = bundled[np.random.default_rng(0).permutation(len(bundled))[:500]]
        given = digits.training(), digits.mnist()[1], trusted
        for setting in lacking:
            # What was trained for one is let go before the next.
            bench = Bench(*given, options.epochs or NETWORKS.get(setting.network))
            with Journal(options.out) as book:
                measure(bench, setting, cases, book)
    rows = rows_of(journal.read(options.out))
    print("\n\n".join((aims(rows), curves(rows), table(rows))))
