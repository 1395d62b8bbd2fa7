"""The zoo's recipes: `python -m core.training NAME` trains a model, measures it, and writes its weights and its card.

    python -m core.training plain_cnn                 # train (or go on from the checkpoint), measure, write
    python -m core.training plain_cnn --measure       # measure the weights that are there, and rewrite the card's figures

A training that is interrupted goes on where its last epoch ended when the same command is given again. Its checkpoint lies in
$XDG_CACHE_HOME/epsilon-lab (or ~/.cache/epsilon-lab), or where --work-dir says. The figures are taken on MNIST's 10,000
official test digits, which no training and no choice of a recipe has seen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from core import attacks, digits, fit, zoo
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError

#: The attack that every card names: all its settings, so that its figure can be checked.
ATTACK: dict[str, Any] = {"name": "pgd", "knobs": {"steps": 100, "restarts": 5}, "norm": "linf", "eps": 0.3, "seed": 0}

#: Stands in every card.
NOTE = (
    "Measured by this project's own code; on another machine or library version the training ends in slightly other weights, "
    "and the figures differ by a few tenths of a point."
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model of the zoo is made.

    `build` returns a fresh network that ends in logits; its dropout layers serve the training only and are left out of the
    saved model. `title` and `summary` are what a visitor reads; `order` is the place in the picker.
    """

    title: str
    summary: str
    order: int
    build: Callable[[], keras.Model]
    plan: fit.Plan
    objective: fit.Objective = fit.CrossEntropy()


def _network(*hidden: keras.layers.Layer) -> keras.Model:
    """Image -> these layers -> ten logits."""
    return keras.Sequential([keras.Input((28, 28, 1), name="image"), *hidden, layers.Dense(10, name="logits")])


def _mlp() -> keras.Model:
    return _network(layers.Flatten(name="pixels"), layers.Dense(64, activation="relu", name="hidden"))


def _cnn(first: int, second: int, hidden: int, dropped: tuple[float, float] = (0.0, 0.0)) -> keras.Model:
    """Two strided convolutions and a hidden layer: of the networks of this accuracy, the one with the least arithmetic.

    Dropout of zero leaves no layer behind.
    """
    stack = [
        layers.Conv2D(first, 4, 2, padding="same", activation="relu", name="strokes"),
        layers.Conv2D(second, 4, 2, padding="same", activation="relu", name="shapes"),
        layers.Flatten(name="features"),
        layers.Dropout(dropped[0], name="drop_features"),
        layers.Dense(hidden, activation="relu", name="hidden"),
        layers.Dropout(dropped[1], name="drop_hidden"),
    ]
    return _network(*(layer for layer in stack if getattr(layer, "rate", 1.0) > 0))


RECIPES: dict[str, Recipe] = {
    "plain_mlp": Recipe(
        title="Plain MLP",
        summary="The smallest network: one hidden layer of 64 neurons, trained on clean digits only. It falls to the smallest changes.",
        order=1,
        build=_mlp,
        plan=fit.Plan(epochs=10, batch=128, rate=2e-3, decay="cosine", seed=0),
    ),
    "plain_cnn": Recipe(
        title="Plain CNN",
        summary="A small convolutional network, trained on clean digits only: accurate, and defenceless.",
        order=0,
        build=lambda: _cnn(16, 32, 100, (0.3, 0.5)),
        plan=fit.Plan(epochs=40, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.999, seed=0),
    ),
    "hardened_cnn": Recipe(
        title="Hardened CNN",
        summary="A convolutional network that met attacked digits in every step of its training, changed by up to 0.3 a pixel.",
        order=2,
        build=lambda: _cnn(32, 64, 128),
        plan=fit.Plan(epochs=26, batch=128, rate=2e-3, warmup=0.1, decay="cosine", average=0.998, seed=0),
        objective=fit.Adversarial(eps=0.3, steps=8, step_size=0.3, ramp=0.2),
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of that name; InputError for a name that has none, listing those that do."""
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}. The recipes are: {', '.join(RECIPES)}.")
    return RECIPES[name]


def train(name: str, work: Path, watch: fit.Watch | None = None, data: Digits | None = None) -> keras.Model | None:
    """Train a model by its recipe, going on from its checkpoint in the folder `work`: the finished network, or None if stopped."""
    chosen = recipe(name)
    data = digits.training() if data is None else data
    # The network's first weights and its dropout masks come from Keras' global seed.
    keras.utils.set_random_seed(chosen.plan.seed)
    model = chosen.build()
    # A recipe that was changed begins a checkpoint of its own and does not trip over the old one.
    made = json.dumps([fit.describe(chosen.plan, chosen.objective), model.to_json()], sort_keys=True)
    checkpoint = work / f"{name}-{hashlib.sha256(made.encode()).hexdigest()[:12]}.npz"
    fitted = fit.fit(model, data, chosen.plan, objective=chosen.objective, watch=watch, checkpoint=checkpoint)
    return None if fitted.stopped else bare(model, name)


def bare(model: keras.Model, name: str) -> keras.Model:
    """The same function without the layers that only serve a training, never compiled: what is saved."""
    kept = [layer for layer in model.layers if not isinstance(layer, layers.Dropout)]
    copy = keras.Sequential(
        [keras.Input((28, 28, 1), name="image"), *(type(layer).from_config(layer.get_config()) for layer in kept)],
        name=name,
    )
    copy.set_weights(model.get_weights())
    return copy


# ------------------------------------------------------------------------------------------------------------- the card


def measure(model: Classifier, test: Digits, watch: Callable[..., bool | None] | None = None) -> dict[str, Any]:
    """Accuracy on these digits, clean and under the attack that every card names."""
    setting = ATTACK
    attack = attacks.get(setting["name"])(**setting["knobs"])
    begun = time.perf_counter()
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
            "settings": {field: getattr(attack, field) for field in attack.__dataclass_fields__},
            "norm": setting["norm"],
            "eps": setting["eps"],
            "seed": setting["seed"],
            "seconds": round(time.perf_counter() - begun, 1),
        },
        "test_set": "MNIST, the official 10,000 test digits",
        "test_sha256": digits.fingerprint(test),
        "date": datetime.now(UTC).date().isoformat(),
    }


def card(name: str, model: Classifier, data: Digits) -> dict[str, Any]:
    """A model's provenance: all of its card but the measured figures."""
    chosen = recipe(name)
    return {
        "name": name,
        "title": chosen.title,
        "summary": chosen.summary,
        "order": chosen.order,
        "architecture": [_sentence(layer) for layer in model.keras.layers],
        "parameters": model.parameters,
        "recipe": {
            **fit.describe(chosen.plan, chosen.objective),
            "dropout": [layer.rate for layer in chosen.build().layers if isinstance(layer, layers.Dropout)],
        },
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


def _sentence(layer: keras.layers.Layer) -> str:
    """A layer in a few words."""
    act = getattr(layer, "activation", None)
    then = f", {act.__name__}" if act is not None and act.__name__ != "linear" else ""
    if isinstance(layer, layers.Conv2D):
        return f"Conv2D {layer.filters}, {layer.kernel_size[0]}x{layer.kernel_size[1]}, stride {layer.strides[0]}, {layer.padding}{then}"
    if isinstance(layer, layers.Dense):
        return f"Dense {layer.units}{then}"
    return f"{type(layer).__name__}{then}"


def _version(package: str) -> str:
    """The installed version; TensorFlow goes by two names."""
    for each in (package, f"{package}-cpu"):
        try:
            return version(each)
        except ModuleNotFoundError:
            continue
    return "unknown"


# ------------------------------------------------------------------------------------------------------ the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.training", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=sorted(RECIPES), help="the model to make")
    parser.add_argument("--measure", action="store_true", help="do not train: measure the weights that are there")
    parser.add_argument(
        "--work-dir", type=Path, default=_cache_folder(), help="folder of checkpoints (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=0, help="processor threads to use (default: all)")
    options = parser.parse_args(arguments)
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    try:
        return _measure_again(options.name) if options.measure else _make(options.name, options.work_dir)
    except InputError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from the last epoch.", file=sys.stderr)
        return 130


def _make(name: str, work: Path) -> int:
    data, (_, test) = digits.training(), digits.mnist()
    network = train(name, work, watch=_Progress("training"), data=data)
    if network is None:
        return 1
    folder = zoo.folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.part.keras"
    network.save(part)
    os.replace(part, folder / f"{name}.keras")
    model = zoo.read(folder / f"{name}.keras", name)
    _write(name, {**card(name, model, data), "figures": measure(model, test, _Progress("measuring"))})
    return 0


def _measure_again(name: str) -> int:
    _, test = digits.mnist()
    model, old = zoo.load(name), zoo.card(name)
    _write(name, {**old, "figures": measure(model, test, _Progress("measuring"))})
    return 0


def _write(name: str, card: dict[str, Any]) -> None:
    """The card into its file, whole; a summary onto the screen."""
    path = zoo.folder() / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
    clean, attacked = card["figures"]["clean"], card["figures"]["attacked"]
    print(
        f"{name}: {100 * clean['accuracy']:.2f} % of {clean['digits']:,} clean, {100 * attacked['accuracy']:.2f} % under "
        f"{attacked['attack']} {attacked['settings']} at {attacked['norm']} {attacked['eps']}."
    )


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "epsilon-lab"


class _Progress:
    """Prints how far a training or a measurement is, at most every two seconds."""

    def __init__(self, what: str):
        self.what, self.begun, self.first, self.told = what, time.monotonic(), -1, 0.0

    def __call__(self, done: int, total: int, state: Any = None) -> None:
        now = time.monotonic()
        if self.first < 0:
            self.first, self.begun = done, now
        if now - self.told < 2 and done < total:
            return
        self.told = now
        left = (now - self.begun) / max(done - self.first, 1) * (total - done)
        numbers = "  ".join(f"{key} {value:.4g}" for key, value in state.items()) if isinstance(state, dict) else ""
        print(f"{self.what} {done:,}/{total:,}  {numbers}  {left / 60:.0f} min left", flush=True)


if __name__ == "__main__":
    sys.exit(main())
