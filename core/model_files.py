"""Reading a Keras model that a stranger made: weights and a configuration of plain layers, never code."""

import io
import json
import math
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import keras
from keras.src.legacy.saving.saving_utils import model_from_config  # no public name reads an .h5 file's configuration

from core.errors import InputError

MAX_BYTES = 40_000_000
MAX_UNPACKED = 4 * MAX_BYTES
MAX_LAYERS = 200
MAX_PARAMETERS = 10_000_000
MAX_VALUES = 1_000_000  # numbers that one layer may make of one image

# Each is a plain computation that Keras itself defines and that reads nothing but its weights.
LAYERS = frozenset(
    "InputLayer Dense Conv2D DepthwiseConv2D SeparableConv2D MaxPooling2D AveragePooling2D GlobalAveragePooling2D "
    "GlobalMaxPooling2D Flatten Reshape Activation ReLU LeakyReLU PReLU ELU Softmax BatchNormalization "
    "LayerNormalization Dropout SpatialDropout2D GaussianNoise ZeroPadding2D Cropping2D UpSampling2D Add Concatenate "
    "Multiply Average Rescaling".split()
)
_MODELS = ("Sequential", "Functional", "Model")
_MODULES = ("keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints",
            "keras.activations", "keras.src.models.functional", "keras.src.engine.functional")  # fmt: skip
_SAVE = "Save the model with model.save('name.keras') and use that file."


class ModelRefused(InputError):
    """A file or a model that cannot be used, or not safely; the message says why."""


def read(source: str | Path | bytes) -> keras.Model:
    """The Keras model in a .keras or .h5 file (a path, or its bytes), or ModelRefused with the reason.

    The configuration is checked before Keras sees it, and Keras reads it in safe mode without compiling. At most 40 MB,
    200 layers, 10 million parameters and a million numbers a layer.
    """
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    if not data:
        raise ModelRefused(f"The model file is empty. {_SAVE}")
    if len(data) > MAX_BYTES:
        raise ModelRefused(f"The model file is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    if zipfile.is_zipfile(io.BytesIO(data)):
        suffix, config = ".keras", _config_of_archive(data)
    elif data.startswith(b"\x89HDF\r\n\x1a\n"):
        suffix, config = ".h5", _config_of_hdf5(data)
    else:
        raise ModelRefused(f"The file is not a Keras model: neither a .keras archive nor an .h5 file. {_SAVE}")
    _check(config)
    _check_sizes(config, old=suffix == ".h5")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model" + suffix)
        path.write_bytes(data)
        try:
            return keras.models.load_model(path, compile=False, safe_mode=True)  # type: ignore[return-value]
        except Exception as error:  # Keras raises nearly every kind for a damaged file
            raise _unbuildable(error) from error


def _unbuildable(error: Exception) -> ModelRefused:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ModelRefused(f"Keras could not rebuild the model: {reason[:200]} {_SAVE}")


def _check_sizes(config: dict, *, old: bool) -> None:
    """Refuse a model that would fill the memory.

    In a stateless scope Keras makes no weight, only its shape; but it notes each, and makes them all when that thread
    next leaves such a scope, as many a layer does. The notes of a thread of its own go with it.
    """
    try:
        with ThreadPoolExecutor(max_workers=1) as aside:
            parameters, widest = aside.submit(_sizes, config, old).result()
    except Exception as error:
        raise _unbuildable(error) from error
    if parameters > MAX_PARAMETERS:
        raise ModelRefused(f"The model has {parameters:,} parameters; at most {MAX_PARAMETERS:,} are accepted.")
    if widest > MAX_VALUES:
        raise ModelRefused(f"A layer makes {widest:,} numbers of one image; at most {MAX_VALUES:,} are accepted.")


def _sizes(config: dict, old: bool) -> tuple[int, int]:
    """The parameters of the model, and the numbers that its widest layer makes of one image; no weight is made."""
    with keras.StatelessScope(initialize_variables=False):
        rebuild = model_from_config if old else keras.saving.deserialize_keras_object
        model: Any = rebuild(config)
        return model.count_params(), max(_values(layer) for layer in model.layers)


def _values(layer: keras.layers.Layer) -> int:
    """The numbers that a layer, or the widest one within it, makes of one image."""
    own = max(math.prod(size or 1 for size in each.shape[1:]) for each in keras.tree.flatten(layer.output))
    return max([own, *(_values(inner) for inner in getattr(layer, "layers", ()))])


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise ModelRefused(f"There is no model file {path.name!r}.")
    if path.stat().st_size > MAX_BYTES:
        raise ModelRefused(f"The model file is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    return path.read_bytes()


def _config_of_archive(data: bytes) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
                raise ModelRefused(f"The model file unpacks to more than {MAX_UNPACKED // 1_000_000} MB.")
            config = json.loads(archive.read("config.json"))
            _check_hdf5(archive.read("model.weights.h5"))
    except ModelRefused:
        raise
    except Exception as error:  # a damaged archive: bad CRC, missing parts, wrong encoding, encryption
        raise ModelRefused(f"The file is damaged, or not a .keras archive. {_SAVE}") from error
    return config


def _config_of_hdf5(data: bytes) -> Any:
    _check_hdf5(data)
    with h5py.File(io.BytesIO(data), "r") as file:
        try:
            return json.loads(str(file.attrs["model_config"]))
        except (KeyError, ValueError) as error:
            raise ModelRefused(f"The .h5 file holds weights without the model's configuration. {_SAVE}") from error


def _check_hdf5(data: bytes) -> None:
    """Refuse HDF5 that points outside itself: an external link or storage would read this machine's files."""
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            groups: list[Any] = [file]
            while groups:
                group = groups.pop()
                for key in group:
                    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                        raise ModelRefused(f"The model's weights link to another place. {_SAVE}")
                    member = group[key]
                    if isinstance(member, h5py.Group):
                        groups.append(member)
                    elif member.external or member.is_virtual:
                        raise ModelRefused(f"The model's weights are stored in another file. {_SAVE}")
    except OSError as error:
        raise ModelRefused(f"The model's weights are damaged. {_SAVE}") from error


def _layers(config: Any) -> Iterator[str]:
    """The class names of a model's layers, those of nested models included."""
    if not isinstance(config, dict) or config.get("class_name") not in _MODELS:
        raise ModelRefused(f"The model is neither Sequential nor Functional. {_SAVE}")
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ModelRefused(f"The model's configuration lists no layers. {_SAVE}")
    for layer in layers:
        if layer.get("class_name") in _MODELS:
            yield from _layers(layer)
        else:
            yield str(layer.get("class_name"))


def _check(config: Any) -> None:
    names = list(_layers(config))
    if "Lambda" in names:
        raise ModelRefused("The file holds a Lambda layer, which is code. Save the model without it.")
    strange = sorted(set(names) - LAYERS)
    if strange:
        raise ModelRefused(f"The file holds a layer that is not known to be safe: {', '.join(strange)}.")
    if len(names) > MAX_LAYERS:
        raise ModelRefused(f"The model has {len(names)} layers; at most {MAX_LAYERS} are accepted.")
    _check_objects(config)


def _check_objects(config: Any) -> None:
    """Refuse any object of a module that is not Keras's own, and any function, wherever it stands."""
    if isinstance(config, dict):
        module = config.get("module")
        if config.get("class_name") in ("function", "__lambda__") or (module is not None and module not in _MODULES):
            raise ModelRefused(f"The file refers to code ({module}.{config.get('config')}). Save the model without it.")
        for value in config.values():
            _check_objects(value)
    elif isinstance(config, list):
        for value in config:
            _check_objects(value)
