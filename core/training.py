"""The zoo's recipes: `python -m core.training NAME` trains a model, measures it, and writes its weights and its card.

    python -m core.training plain_cnn              # train, or go on from the checkpoint; measure; write
    python -m core.training plain_cnn --measure    # measure the weights that are there, and rewrite the card's figures

A training that is interrupted goes on where its last epoch ended when the same command is given again. Its checkpoint
lies in $XDG_CACHE_HOME/epsilon-lab (or ~/.cache/epsilon-lab), or where --work-dir says. The figures are taken on
MNIST's 10,000 official test digits, which no training has seen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from core import cards, commands, digits, fit, measuring, model_files, zoo
from core.defenses import Training
from core.digits import Digits
from core.recipes import RECIPES, recipe


def train(name: str, work: Path, watch: fit.Watch | None = None, data: Digits | None = None) -> keras.Model | None:
    """Train a model by its recipe, going on from its checkpoint in the folder `work`.

    Returns the finished network, ready to be saved, or None if `watch` stopped it. `data`: digits.training(), if not
    given.
    """
    chosen = recipe(name)
    data = digits.training() if data is None else data
    # The network's first weights and its dropout masks come from Keras' global seed.
    keras.utils.set_random_seed(chosen.plan.seed)
    model = chosen.build()
    # A recipe that was changed begins a checkpoint of its own and does not trip over the old one.
    made = json.dumps([fit.describe(chosen.plan, chosen.objective), cards.architecture(model)], sort_keys=True)
    checkpoint = work / f"{name}-{hashlib.sha256(made.encode()).hexdigest()[:12]}.npz"
    if isinstance(chosen.objective, Training):
        fitted = chosen.objective.train(model, data, chosen.plan, watch=watch, checkpoint=checkpoint)
    else:
        fitted = fit.fit(model, data, chosen.plan, objective=chosen.objective, watch=watch, checkpoint=checkpoint)
    return None if fitted.stopped else bare(model, name)


def bare(model: keras.Model, name: str) -> keras.Model:
    """The same function without what only serves a training, never compiled: what is saved.

    Dropout is left out; a batch normalisation goes into the weights before it, and a plain ReLU into the layer.
    """
    configs: list[tuple[type, dict[str, Any]]] = []
    weights: list[list[np.ndarray]] = []
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            continue
        if isinstance(layer, layers.BatchNormalization):
            kernel, *bias = weights[-1]
            factor = np.asarray(layer.gamma) / np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon)
            offset = (bias[0] if bias else 0.0) - np.asarray(layer.moving_mean)
            weights[-1] = [kernel * factor, offset * factor + np.asarray(layer.beta)]
            configs[-1][1]["use_bias"] = True
        elif isinstance(layer, layers.ReLU):
            configs[-1][1]["activation"] = "relu"
        else:
            config = layer.get_config()
            config.pop("kernel_initializer", None)  # weights come with it, and a recipe may have one of its own
            configs.append((type(layer), config))
            weights.append(layer.get_weights())
    copies = [kind.from_config(config) for kind, config in configs]
    copy = keras.Sequential([keras.Input((28, 28, 1), name="image"), *copies], name=name)
    for layer, values in zip(copies, weights, strict=True):
        layer.set_weights(values)
    return copy


# ----------------------------------------------------------------------------------------------------- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.training", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=sorted(RECIPES), help="the model to make")
    parser.add_argument("--measure", action="store_true", help="do not train: measure the weights that are there")
    parser.add_argument(
        "--work-dir", type=Path, default=_cache_folder(), help="folder of checkpoints (default: %(default)s)"
    )
    parser.add_argument(
        "--digits", type=int, help="run AutoAttack and votes on so many test digits only (default: all)"
    )
    parser.add_argument("--threads", type=int, default=0, help="processor threads to use (default: all)")
    options = parser.parse_args(arguments)
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    work, most = options.work_dir, options.digits
    try:
        make = _measure_again if options.measure else _make
        return commands.status(lambda: make(options.name, work, most))
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from the last epoch.", file=sys.stderr)
        return 130


def _make(name: str, work: Path, most: int | None) -> int:
    data, (_, test) = digits.training(), digits.mnist()
    network = train(name, work, watch=_Progress("training"), data=data)
    if network is None:
        return 1
    folder = zoo.folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.part.keras"
    part.write_bytes(model_files.written(network))
    # What is measured is what was saved; weights and card change together, when both are there.
    figures = _measured(name, part, test, work, most)
    os.replace(part, folder / f"{name}.keras")
    _write(name, {**cards.provenance(name, network, data), "figures": figures})
    return 0


def _measure_again(name: str, work: Path, most: int | None) -> int:
    _, test = digits.mnist()
    figures = _measured(name, zoo.folder() / f"{name}.keras", test, work, most)
    _write(name, {**zoo.card(name), "figures": figures})
    return 0


def _measured(name: str, path: Path, test: Digits, work: Path, most: int | None) -> dict[str, Any]:
    """The figures of the network in that file."""
    chosen = recipe(name)
    if chosen.kind == "autoencoder":
        return measuring.measure_autoencoder(model_files.read(path), test)
    return measuring.measure(zoo.read(path, name), test, chosen.judged, work, _Progress("measuring"), most)


def _write(name: str, card: dict[str, Any]) -> None:
    """The card into its file, whole; a summary onto the screen."""
    path = zoo.folder() / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
    print(measuring.in_words(card))


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "epsilon-lab"


class _Progress:
    """Prints how far a training or a measurement is, at most every two seconds; several in a row each for itself."""

    def __init__(self, what: str):
        self.what, self.begun, self.first, self.total, self.told = what, 0.0, 0, -1, 0.0

    def __call__(self, done: int, total: int, state: Any = None) -> None:
        now = time.monotonic()
        if total != self.total:
            self.first, self.begun, self.total = done, now, total
        if now - self.told < 2 and done < total:
            return
        self.told = now
        left = (now - self.begun) / max(done - self.first, 1) * (total - done)
        numbers = "  ".join(f"{key} {value:.4g}" for key, value in state.items()) if isinstance(state, dict) else ""
        print(f"{self.what} {done:,}/{total:,}  {numbers}  {left / 60:.0f} min left", flush=True)


if __name__ == "__main__":
    sys.exit(main())
