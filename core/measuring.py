"""The figures of a shipped model, taken on MNIST's official test digits: what its card gives as measured."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import attacks, defenses, digits, knobs
from core.attacks.base import Watch
from core.classifier import BATCH, IMAGES, Classifier
from core.digits import Digits
from core.specs import CLASS

#: The attack that every card names, with all its settings, so that its figure can be checked.
PGD: dict[str, Any] = {"steps": 100, "restarts": 5, "early_stop": True}
SEED = 0

_NOISE = 0.3  # standard deviation of the noise that an autoencoder is judged on
_PART = 500  # digits that AutoAttack takes at a time: what is done is kept
_VOTED = 50  # the same of votes
_RADII = (0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What is measured of a model beside its clean accuracy.

    norm, eps: the budget of the attacks; autoattack: whether that is measured, too; certified: the ε, in L∞, at which
    the share of proven digits is told; sigma: of the noise under which it votes, None where it does not; naive: by
    which word a score that only seems to be one is told beside the true one: "noise" or "saturated".
    """

    norm: str = "linf"
    eps: float = 0.3
    autoattack: bool = False
    certified: tuple[float, ...] = ()
    sigma: float | None = None
    naive: str | None = None


def measure(
    model: Classifier, test: Digits, judged: Judged, work: Path, watch: Watch | None = None, most: int | None = None
) -> dict[str, Any]:
    """All figures that `judged` asks for.

    work: a folder in which AutoAttack and votes keep what is done, so that a measurement that was cut off goes on;
    most: on about how many of the test digits they are run, AutoAttack on the first, votes on every k-th; None for all.
    """
    pgd = _attacked(model, test, "pgd", PGD, judged, watch)
    figures: dict[str, Any] = {
        "clean": {"accuracy": _share(model.predict(test.images) == test.labels), "digits": len(test)}
    }
    figures["attacked"] = pgd
    proven = {eps: _proven(model, test, eps) for eps in judged.certified}
    if judged.autoattack:
        spared = proven[judged.eps] if judged.norm == "linf" and judged.eps in proven else np.zeros(len(test), bool)
        figures["autoattack"] = _autoattacked(model, test[: most or len(test)], spared, judged, work, watch)
    if proven:
        figures["certified"] = {
            "accuracy": {f"{eps:g}": _share(stands) for eps, stands in proven.items()},
            "digits": len(test),
            "certificate": "interval, then crown",
            "norm": "linf",
        }
    if judged.sigma:
        # MNIST's digits come writer after writer: the first ones alone would be no sample of all.
        spread = test[:: max(1, len(test) // (most or len(test)))]
        figures["smoothed"] = _smoothed(model, spread, judged.sigma, work, watch)
    if judged.naive:
        figures["naive"] = _NAIVE[judged.naive](model, test, judged)
    return {**figures, **_tested(test)}


def measure_autoencoder(network: keras.Model, test: Digits) -> dict[str, Any]:
    """How far an autoencoder's pictures are from these digits, rebuilt from themselves and from noisy copies."""
    noise = np.random.default_rng(SEED).normal(size=test.images.shape)
    noisy = np.clip(test.images + _NOISE * noise, 0, 1).astype(np.float32)
    errors = [np.mean((network.predict(x, BATCH, verbose=0) - test.images) ** 2) for x in (test.images, noisy)]  # pyright: ignore
    clean, denoised = (round(float(error), 5) for error in errors)
    return {
        "clean": {"mean_squared_error": clean, "digits": len(test)},
        "noisy": {"mean_squared_error": denoised, "digits": len(test), "sigma": _NOISE, "seed": SEED},
        **_tested(test),
    }


def in_words(card: dict[str, Any]) -> str:
    """A card's figures in a few sentences."""
    figures = card["figures"]
    clean = figures["clean"]
    if "mean_squared_error" in clean:
        noisy = figures["noisy"]
        return (
            f"{card['name']}: mean squared error of {clean['digits']:,} rebuilt digits {clean['mean_squared_error']}, "
            f"{noisy['mean_squared_error']} from noise of {noisy['sigma']}."
        )
    told = [f"{card['name']}: {_percent(clean['accuracy'])} of {clean['digits']:,} clean."]
    for name in ("attacked", "autoattack", "naive"):
        if each := figures.get(name):
            told.append(
                f"{_percent(each['accuracy'])} of {each['digits']:,} under {each['attack']} {each['settings']} "
                f"at {each['norm']} {each['eps']}."
            )
    for name, at in (("certified", "ε"), ("smoothed", "radius")):
        if each := figures.get(name):
            shares = ", ".join(f"{_percent(share)} at {at} {where}" for where, share in each["accuracy"].items())
            told.append(f"{name.capitalize()}, of {each['digits']:,}: {shares}.")
    return " ".join(told)


def _attacked(
    model: Classifier, test: Digits, name: str, settings: dict[str, Any], judged: Judged, watch: Watch | None = None
) -> dict[str, Any]:
    attack = attacks.get(name)(**settings)
    given = {"eps": judged.eps, "norm": judged.norm, "seed": SEED, "watch": watch}
    result = attack(model, test.images, test.labels, **given)
    return _told(name, knobs.as_dict(attack), judged, ~(result.already_wrong | result.fooled))


def _told(name: str, settings: dict[str, Any], judged: Judged, stands: np.ndarray) -> dict[str, Any]:
    return {
        "accuracy": _share(stands),
        "digits": len(stands),
        "attack": name,
        "settings": settings,
        "norm": judged.norm,
        "eps": judged.eps,
        "seed": SEED,
    }


def _autoattacked(
    model: Classifier, test: Digits, proven: np.ndarray, judged: Judged, work: Path, watch: Watch | None
) -> dict[str, Any]:
    """Of digits that are proven at this ε none can be fooled, and none is attacked."""
    attack = attacks.get("autoattack")()

    def stand(first: int) -> list[bool]:
        stands = proven[first : min(first + _PART, len(test))].copy()
        part = test[first + np.flatnonzero(~stands)]

        def within(done: int, total: int, x: np.ndarray) -> bool | None:
            return watch(first + len(x) * done // total, len(test), x) if watch else None

        if len(part):
            given = {"eps": judged.eps, "norm": judged.norm, "seed": SEED, "watch": within}
            result = attack(model, part.images, part.labels, **given)
            stands[~stands] = ~(result.already_wrong | result.fooled)
        return stands.tolist()

    path = work / f"autoattack-{model.name}-{model.version}-{judged.norm}-{judged.eps:g}.json"
    stands = _by_parts(path, len(test), _PART, stand)
    told = _told("autoattack", knobs.as_dict(attack), judged, np.array(stands))
    return {**told, "not_attacked": int(proven[: len(test)].sum())} if proven.any() else told


def _by_parts(path: Path, total: int, size: int, rows: Callable[[int], list]) -> list:
    """A row of each digit, `rows(first)` giving those of the next `size`; what is done is kept in that file."""
    done = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    for first in range(len(done), total, size):
        done += rows(first)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(done), encoding="utf-8")
        os.replace(part, path)
    return done[:total]


def _proven(model: Classifier, test: Digits, eps: float) -> np.ndarray:
    """Whether each digit (n,) is proven in Linf by the tighter of the two bounds."""
    proven = np.zeros(len(test), bool)
    for name in ("interval", "crown"):  # the quick one first: the other is asked about the rest
        rest = np.flatnonzero(~proven)
        if len(rest):
            proven[rest] = defenses.get(name)().certify(model, test.images[rest], test.labels[rest], eps)
    return proven


def _smoothed(model: Classifier, test: Digits, sigma: float, work: Path, watch: Watch | None) -> dict[str, Any]:
    """The share of digits that the vote reads rightly, proven up to each radius."""
    smoothing = defenses.get("smoothing")(sigma=sigma, samples=10_000, alpha=0.001)

    def reach(first: int) -> list[float]:
        part = test[first : first + _VOTED]
        votes = smoothing.vote(model, part.images, seed=SEED)
        if watch:
            watch(first + len(part), len(test), part.images)
        return np.where(votes.abstains | (votes.choice != part.labels), -1.0, votes.radius).tolist()

    path = work / f"votes-{model.name}-{model.version}-{sigma:g}-{len(test)}.json"
    radius = np.array(_by_parts(path, len(test), _VOTED, reach))
    return {
        "accuracy": {f"{at:g}": _share(radius >= at) for at in _RADII},
        "digits": len(test),
        "settings": knobs.as_dict(smoothing),
        "norm": "l2",
        "seed": SEED,
    }


def _random(model: Classifier, test: Digits, judged: Judged) -> dict[str, Any]:
    """Noise instead of an attack: what a defense against noise can be mistaken for."""
    return _attacked(model, test, "noise", {}, judged)


def _saturated(model: Classifier, test: Digits, judged: Judged) -> dict[str, Any]:
    """FGSM by the gradient of the probabilities in float32, which is 0 where the softmax saturates."""

    def build() -> Callable:
        def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                shares = tf.exp(tf.nn.log_softmax(model.keras(x, training=False)))
                loss = -tf.math.log(tf.maximum(tf.gather(shares, y, axis=1, batch_dims=1), 1e-30))
            uphill = tape.gradient(loss, x)
            return tf.clip_by_value(x + judged.eps * tf.sign(uphill), 0.0, 1.0)  # pyright: ignore

        return step

    graph = model.graph(("saturated", judged.eps), build, [IMAGES, CLASS])
    parts = [test[first : first + BATCH] for first in range(0, len(test), BATCH)]
    moved = [graph(tf.constant(part.images), tf.constant(part.labels.astype(np.int32))).numpy() for part in parts]
    right = (model.predict(test.images) == test.labels) & (model.predict(np.concatenate(moved)) == test.labels)
    return _told("fgsm by the probabilities", {}, judged, right)


_NAIVE = {"noise": _random, "saturated": _saturated}


def _share(mask: np.ndarray) -> float:
    return round(float(np.mean(mask)), 4)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _tested(test: Digits) -> dict[str, Any]:
    return {
        "test_set": "MNIST, the official 10,000 test digits",
        "test_sha256": digits.fingerprint(test),
        "date": datetime.now(UTC).date().isoformat(),
    }
