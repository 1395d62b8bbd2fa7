"""Reading a Keras model that a stranger made, of no more than a server can bear; and writing one, in memory."""

import io
import math
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.legacy.saving.saving_utils import model_from_config  # no public name reads an .h5 file's configuration
from keras.src.saving import saving_lib  # the public save writes to a disk alone

from core.model_archives import MAX_BYTES, SAVE, ModelRefused, check, opened

MAX_PARAMETERS = 10_000_000
MAX_VALUES = 1_000_000  # numbers that one layer may make of one image
MAX_WORK = 200_000_000  # multiplications of one image, of which an attack needs thousands of times as many


def read(source: str | Path | bytes) -> keras.Model:
    """The Keras model in a .keras or .h5 file (a path, or its bytes), or ModelRefused with the reason.

    The configuration is checked before Keras sees it, and Keras reads it in safe mode without compiling. At most 20 MB,
    200 layers, 10 million parameters, a million numbers a layer and 200 million multiplications of an image.
    """
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    suffix, config = opened(data)
    _check_sizes(config, old=suffix == ".h5")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model" + suffix)
        path.write_bytes(data)
        try:
            model: Any = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises nearly every kind for a damaged file
            raise _unbuildable(error) from error
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise ModelRefused("Some of the model's weights are no numbers. Train it again, with smaller steps perhaps.")
    return model


def written(model: keras.Model) -> bytes:
    """The model as a .keras file, made in memory; its parts deflated, which Keras leaves as they are."""
    plain, small = io.BytesIO(), io.BytesIO()
    saving_lib.save_model(model, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name in source.namelist():
            file.writestr(name, source.read(name))
    return small.getvalue()


def described(model: keras.Model) -> dict:
    """What `rebuilt` makes the model of again, beside its weights, as JSON holds it."""
    config: Any = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return config


def rebuilt(config: dict, weights: list[np.ndarray]) -> keras.Model:
    """The model of `described`, with these weights in its own order; ModelRefused where `read` would refuse it."""
    check(config)
    try:
        model: Any = keras.saving.deserialize_keras_object(config)
        model.set_weights(weights)
    except Exception as error:  # as above
        raise _unbuildable(error) from error
    return model


def _unbuildable(error: Exception) -> ModelRefused:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ModelRefused(f"Keras could not rebuild the model: {reason[:200]} {SAVE}")


def _check_sizes(config: dict, *, old: bool) -> None:
    """Refuse a model that would fill the memory.

    In a stateless scope Keras makes no weight, only its shape; but it notes each, and makes them all when that thread
    next leaves such a scope, as many a layer does. The notes of a thread of its own go with it.
    """
    try:
        with ThreadPoolExecutor(max_workers=1) as aside:
            parameters, widest, work = aside.submit(_sizes, config, old).result()
    except Exception as error:
        raise _unbuildable(error) from error
    if parameters > MAX_PARAMETERS:
        raise ModelRefused(f"The model has {parameters:,} parameters; at most {MAX_PARAMETERS:,} are accepted.")
    if widest > MAX_VALUES:
        raise ModelRefused(f"A layer makes {widest:,} numbers of one image; at most {MAX_VALUES:,} are accepted.")
    if work > MAX_WORK:
        raise ModelRefused(f"The model takes {work:,} multiplications an image; at most {MAX_WORK:,} are accepted.")


def _sizes(config: dict, old: bool) -> tuple[int, int, int]:
    """The model's parameters, the numbers that its widest layer makes of one image, and all of its multiplications.

    No weight is made.
    """
    with keras.StatelessScope(initialize_variables=False):
        rebuild = model_from_config if old else keras.saving.deserialize_keras_object
        model: Any = rebuild(config)
        widest = max(_values(layer) for layer in model.layers)
        return model.count_params(), widest, sum(_work(layer) for layer in model.layers)


def _values(layer: keras.layers.Layer) -> int:
    """The numbers that a layer, or the widest one within it, makes of one image."""
    own = max(math.prod(size or 1 for size in each.shape[1:]) for each in keras.tree.flatten(layer.output))
    return max([own, *(_values(inner) for inner in getattr(layer, "layers", ()))])


def _work(layer: keras.layers.Layer) -> int:
    """At most how many multiplications a layer takes of one image: each kernel at each place that it returns."""
    if inner := getattr(layer, "layers", ()):
        return sum(_work(each) for each in inner)
    places = math.prod(size or 1 for size in keras.tree.flatten(layer.output)[0].shape[1:-1])
    return places * sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise ModelRefused(f"There is no model file {path.name!r}.")
    if path.stat().st_size > MAX_BYTES:
        raise ModelRefused(f"The model file is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    return path.read_bytes()
