"""What the card of a shipped model says: where it comes from, how it was made, and what was measured on it."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras
import numpy as np
from keras import layers

from core import attacks, digits, knobs
from core.attacks.base import Watch
from core.classifier import BATCH, Classifier
from core.digits import Digits
from core.fit import describe
from core.recipes import recipe

#: The attack that every card names: all its settings, so that its figure can be checked.
ATTACK: dict[str, Any] = {
    "name": "pgd",
    "knobs": {"steps": 100, "restarts": 5, "early_stop": True},
    "norm": "linf",
    "eps": 0.3,
    "seed": 0,
}

#: Standard deviation of the noise that an autoencoder's card names.
NOISE = 0.3

#: Stands in every card.
NOTE = (
    "Measured by this project's own code. On another machine or with other library versions the training ends in "
    "slightly other weights, and the figures differ by a few tenths of a point."
)


def measure(model: Classifier, test: Digits, watch: Watch | None = None) -> dict[str, Any]:
    """Accuracy on these digits, clean and under the attack that every card names."""
    setting = ATTACK
    attack = attacks.get(setting["name"])(**setting["knobs"])
    result = attack(
        model, test.images, test.labels, eps=setting["eps"], norm=setting["norm"], seed=setting["seed"], watch=watch
    )
    withstood = ~(result.already_wrong | result.fooled)
    return {
        "clean": {"accuracy": round(float(np.mean(~result.already_wrong)), 4), "digits": len(test)},
        "attacked": {
            "accuracy": round(float(np.mean(withstood)), 4),
            "digits": len(test),
            "attack": setting["name"],
            "settings": knobs.as_dict(attack),
            "norm": setting["norm"],
            "eps": setting["eps"],
            "seed": setting["seed"],
        },
        **_tested(test),
    }


def measure_autoencoder(network: keras.Model, test: Digits) -> dict[str, Any]:
    """How far an autoencoder's pictures are from these digits, rebuilt from themselves and from noisy copies."""
    noise = np.random.default_rng(0).normal(size=test.images.shape)
    noisy = np.clip(test.images + NOISE * noise, 0, 1).astype(np.float32)
    rebuilt = [network.predict(x, BATCH, verbose=0) for x in (test.images, noisy)]  # type: ignore[arg-type]
    clean, denoised = (round(float(np.mean((images - test.images) ** 2)), 5) for images in rebuilt)
    return {
        "clean": {"mean_squared_error": clean, "digits": len(test)},
        "noisy": {"mean_squared_error": denoised, "digits": len(test), "sigma": NOISE, "seed": 0},
        **_tested(test),
    }


def _tested(test: Digits) -> dict[str, Any]:
    return {
        "test_set": "MNIST, the official 10,000 test digits",
        "test_sha256": digits.fingerprint(test),
        "date": datetime.now(UTC).date().isoformat(),
    }


def in_words(card: dict[str, Any]) -> str:
    """A card's figures in a sentence."""
    clean = card["figures"]["clean"]
    if "mean_squared_error" in clean:
        noisy = card["figures"]["noisy"]
        return (
            f"{card['name']}: mean squared error of {clean['digits']:,} rebuilt digits {clean['mean_squared_error']}, "
            f"{noisy['mean_squared_error']} from noise of {noisy['sigma']}."
        )
    attacked = card["figures"]["attacked"]
    return (
        f"{card['name']}: {100 * clean['accuracy']:.2f} % of {clean['digits']:,} clean, "
        f"{100 * attacked['accuracy']:.2f} % under {attacked['attack']} {attacked['settings']} "
        f"at {attacked['norm']} {attacked['eps']}."
    )


def provenance(name: str, network: keras.Model, data: Digits) -> dict[str, Any]:
    """A model's provenance: all of its card but the measured figures."""
    chosen = recipe(name)
    return {
        "name": name,
        "kind": chosen.kind,
        "title": chosen.title,
        "summary": chosen.summary,
        "order": chosen.order,
        "architecture": architecture(network),
        "parameters": network.count_params(),
        "recipe": {**describe(chosen.plan, chosen.objective), "network": architecture(chosen.build())},
        "seed": chosen.plan.seed,
        "training_digits": len(data),
        "training_set": "MNIST, the 60,000 training digits less the 5,000 bundled ones",
        "training_sha256": digits.fingerprint(data),
        "libraries": {"python": platform.python_version()}
        | {package: _version(package) for package in ("tensorflow", "keras", "numpy", "mlxtend")},
        "trained": datetime.now(UTC).date().isoformat(),
        "command": f"python -m core.training {name}",
        "note": NOTE,
        "license": "Weights: MIT, as the code. MNIST by Y. LeCun, C. Cortes and C. Burges, CC BY-SA 3.0.",
    }


def architecture(model: keras.Model) -> list[str]:
    """A network's layers, each in a few words."""
    return [_words(layer) for layer in model.layers]


def _words(layer: keras.layers.Layer) -> str:
    act = getattr(layer, "activation", None)
    then = f", {act.__name__}" if act is not None and act.__name__ != "linear" else ""
    if isinstance(layer, layers.Conv2D):
        kernel = "x".join(map(str, layer.kernel_size))
        return f"Conv2D {layer.filters}, {kernel}, stride {layer.strides[0]}, {layer.padding}{then}"
    if isinstance(layer, layers.Dense):
        return f"Dense {layer.units}{then}"
    if isinstance(layer, layers.Dropout):
        return f"Dropout {layer.rate:g}"
    return f"{type(layer).__name__}{then}"


def _version(package: str) -> str:
    """The installed version; TensorFlow goes by two names."""
    for each in (package, f"{package}-cpu"):
        try:
            return version(each)
        except PackageNotFoundError:
            continue
    return "unknown"
