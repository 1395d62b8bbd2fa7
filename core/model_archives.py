"""What a Keras file from a stranger may hold: looked at as bytes, ZIP, HDF5 and JSON, before Keras is even there."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py

from core.errors import InputError, shown

MAX_BYTES = 20_000_000
MAX_UNPACKED = 4 * MAX_BYTES
MAX_LAYERS = 200
MAX_MEMBERS = 10_000  # groups and arrays of weights; a group within itself has no end

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
_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
SAVE = "Save the model with model.save('name.keras') and use that file."


class ModelRefused(InputError):
    """A file or a model that cannot be used, or not safely; the message says why."""


def opened(data: bytes) -> tuple[str, dict]:
    """The ending that suits the bytes of a Keras file, .keras or .h5, and the model's configuration, both checked.

    Raises ModelRefused with the reason where they are neither, are damaged, or hold what is no plain network.
    """
    if not data:
        raise ModelRefused(f"The model file is empty. {SAVE}")
    if len(data) > MAX_BYTES:
        raise ModelRefused(f"The model file is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    if zipfile.is_zipfile(io.BytesIO(data)):
        suffix, config = ".keras", _config_of_archive(data)
    elif data.startswith(b"\x89HDF\r\n\x1a\n"):
        suffix, config = ".h5", _config_of_hdf5(data)
    else:
        raise ModelRefused(f"The file is not a Keras model: neither a .keras archive nor an .h5 file. {SAVE}")
    check(config)
    return suffix, config


def check(config: Any) -> None:
    """Refuse a configuration of anything but plain layers of Keras, and of too many."""
    try:
        _check(config)
    except RecursionError as error:
        raise ModelRefused(f"The model's configuration is nested too deeply. {SAVE}") from error


def _config_of_archive(data: bytes) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise ModelRefused(f"The model file unpacks to more than {MAX_UNPACKED // 1_000_000} MB.")
            if strange := sorted({entry.filename for entry in entries} - _MEMBERS):
                raise ModelRefused(f"The archive holds what no plain model needs: {shown(strange[0])}. {SAVE}")
            if len(entries) > len(_MEMBERS):
                raise ModelRefused(f"The archive holds a file twice. {SAVE}")
            config = json.loads(archive.read("config.json"))
            if isinstance(config, dict):
                config.pop("compile_config", None)  # how it was trained; Keras does not read it here either
            by = str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
            if by.startswith("2."):
                raise ModelRefused(
                    f"The archive is of Keras {by[:9]}. Save the model with model.save('name.h5') there."
                )
            _check_hdf5(archive.read("model.weights.h5"))
    except ModelRefused:
        raise
    except Exception as error:  # a damaged archive: bad CRC, missing parts, wrong encoding, encryption
        raise ModelRefused(f"The file is damaged, or not a .keras archive. {SAVE}") from error
    return config


def _config_of_hdf5(data: bytes) -> Any:
    _check_hdf5(data)
    with h5py.File(io.BytesIO(data), "r") as file:
        try:
            return json.loads(str(file.attrs["model_config"]))
        except Exception as error:  # none there, or none that can be read
            raise ModelRefused(f"The .h5 file holds weights without the model's configuration. {SAVE}") from error


def _check_hdf5(data: bytes) -> None:
    """Refuse HDF5 that points outside itself, or at itself, or that claims more numbers than there is memory.

    An external link or storage would read this machine's files.
    """
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            groups: list[Any] = [file]
            seen, size = 0, 0
            while groups:
                group = groups.pop()
                for key in group:
                    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                        raise ModelRefused(f"The model's weights link to another place. {SAVE}")
                    seen += 1
                    if seen > MAX_MEMBERS:
                        raise ModelRefused(f"The model's weights are in more than {MAX_MEMBERS:,} parts. {SAVE}")
                    member = group[key]
                    if isinstance(member, h5py.Group):
                        groups.append(member)
                        continue
                    if member.external or member.is_virtual:
                        raise ModelRefused(f"The model's weights are stored in another file. {SAVE}")
                    size += member.nbytes
                    if size > MAX_UNPACKED:
                        raise ModelRefused(f"The model's weights unpack to more than {MAX_UNPACKED // 1_000_000} MB.")
    except ModelRefused:
        raise
    except Exception as error:  # HDF5 raises several kinds for a damaged file
        raise ModelRefused(f"The model's weights are damaged. {SAVE}") from error


def _layers(config: Any) -> Iterator[str]:
    """The class names of a model's layers, those of nested models included."""
    if not isinstance(config, dict) or config.get("class_name") not in _MODELS:
        raise ModelRefused(f"The model is neither Sequential nor Functional. {SAVE}")
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ModelRefused(f"The model's configuration lists no layers. {SAVE}")
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
