"""What a shipped model's card says of where it comes from and how it was made; core/measuring.py has its figures."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras
from keras import layers

from core import digits
from core.digits import Digits
from core.fit import describe
from core.recipes import recipe

#: Stands in every card.
NOTE = (
    "Measured by this project's own code. On another machine or with other library versions the training ends in "
    "slightly other weights, and the figures differ by a few tenths of a point."
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
        "libraries": libraries(),
        "trained": datetime.now(UTC).date().isoformat(),
        "command": f"python -m core.training {name}",
        "note": NOTE,
        "license": "Weights: MIT, as the code. MNIST by Y. LeCun, C. Cortes and C. Burges, CC BY-SA 3.0.",
    }


def libraries() -> dict[str, str]:
    """The versions that a figure may hang on."""
    packages = ("tensorflow", "keras", "numpy", "mlxtend")
    return {"python": platform.python_version()} | {package: _version(package) for package in packages}


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
