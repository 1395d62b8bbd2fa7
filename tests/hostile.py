"""A folder of files that nobody should load: made here, one by one, by name."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from tests.support import build

LAYERS = keras.layers
CONFIG, META, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

#: name of the file -> what makes its bytes in a folder for scratch, and what the refusal says
MAKERS: dict[str, tuple[Callable[[Path], bytes], str]] = {}


def saved(model: keras.Model, folder: Path, suffix: str = ".keras") -> bytes:
    """The model as a file of that kind."""
    path = folder / f"saved{suffix}"
    model.save(path)
    return path.read_bytes()


def plain(folder: Path, suffix: str = ".keras") -> bytes:
    """A file that is all right."""
    return saved(build(LAYERS.Flatten(), LAYERS.Dense(4), LAYERS.Dense(10)), folder, suffix)


def members(data: bytes) -> dict[str, bytes]:
    """An archive's files by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes], *more: tuple[str, bytes]) -> bytes:
    """An archive of these files, and of more, whose names may stand twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*files.items(), *more]:
            archive.writestr(name, data)
    return out.getvalue()


def changed(data: bytes, change: Callable[[dict], Any]) -> bytes:
    """An archive whose configuration was changed; in place, or to what is returned."""
    files = members(data)
    config = json.loads(files[CONFIG])
    config = change(config) or config
    return packed({**files, CONFIG: json.dumps(config).encode()})


def dense(config: dict) -> dict:
    """The configuration of the first Dense layer."""
    return next(each for each in config["config"]["layers"] if each["class_name"] == "Dense")["config"]


def weights(change: Callable[[h5py.File], None]) -> Callable[[Path], bytes]:
    """A good .keras file but for its weights."""

    def make(folder: Path) -> bytes:
        files = members(plain(folder))
        path = folder / "weights.h5"
        path.write_bytes(files[WEIGHTS])
        with h5py.File(path, "a") as file:
            change(file)
        return packed({**files, WEIGHTS: path.read_bytes()})

    return make


def hostile(name: str, says: str) -> Callable:
    """Puts a maker among the files, under that name."""

    def put(make: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
        MAKERS[name] = (make, says)
        return make

    return put


# --------------------------------------------------------------------------------------------------------------- code
@hostile("lambda.keras", "Lambda")
def _(folder: Path) -> bytes:
    return saved(build(LAYERS.Flatten(), LAYERS.Lambda(lambda x: x * 2), LAYERS.Dense(10)), folder)


@hostile("lambda.h5", "Lambda")
def _(folder: Path) -> bytes:
    return saved(build(LAYERS.Flatten(), LAYERS.Lambda(lambda x: x * 2), LAYERS.Dense(10)), folder, ".h5")


@hostile("lambda_within.keras", "Lambda")
def _(folder: Path) -> bytes:
    inner = keras.Sequential([LAYERS.Input((784,)), LAYERS.Lambda(lambda x: x * 2)])
    return saved(build(LAYERS.Flatten(), inner, LAYERS.Dense(10)), folder)


@hostile("os_system.keras", "refers to code")
def _(folder: Path) -> bytes:
    call = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    return changed(plain(folder), lambda config: dense(config).update(activation=call))


@hostile("own_module.keras", "refers to code")
def _(folder: Path) -> bytes:
    return changed(plain(folder), lambda config: config["config"]["layers"][1].update(module="evil.package"))


@hostile("pickle.keras", "not a Keras model")
def _(folder: Path) -> bytes:
    return b"\x80\x04cos\nsystem\n(S'true'\ntR."


@hostile("pickle_within.keras", "what no plain model needs")
def _(folder: Path) -> bytes:
    return packed(members(plain(folder)), ("assets/tokens.pkl", b"\x80\x04cos\nsystem\n(S'true'\ntR."))


# ----------------------------------------------------------------------------------------------------------- archives
@hostile("traversal.keras", "what no plain model needs")
def _(folder: Path) -> bytes:
    return packed(members(plain(folder)), ("../../../../tmp/epsilon-was-here", b"x"))


@hostile("absolute.keras", "what no plain model needs")
def _(folder: Path) -> bytes:
    return packed(members(plain(folder)), ("/tmp/epsilon-was-here", b"x"))


@hostile("twice.keras", "a file twice")
def _(folder: Path) -> bytes:
    return packed(members(plain(folder)), (CONFIG, b"{}"))


@hostile("bomb.keras", "unpacks to more than 80 MB")
def _(folder: Path) -> bytes:
    return packed(members(plain(folder)), ("padding", bytes(90_000_000)))


@hostile("lying_bomb.keras", "damaged")
def _(folder: Path) -> bytes:
    """Its directory says that the configuration is ten bytes long."""
    data = bytearray(packed({**members(plain(folder)), CONFIG: b"[" + b" " * 90_000_000 + b"]"}))
    at = data.rindex(CONFIG.encode()) - 46  # of its entry in the central directory
    struct.pack_into("<I", data, at + 24, 10)
    return bytes(data)


@hostile("torn.keras", "not a Keras model|damaged")
def _(folder: Path) -> bytes:
    return plain(folder)[:2000]


@hostile("torn.h5", "damaged")
def _(folder: Path) -> bytes:
    return plain(folder, ".h5")[:2000]


@hostile("empty.keras", "empty")
def _(folder: Path) -> bytes:
    return b""


@hostile("huge.keras", "larger than 20 MB")
def _(folder: Path) -> bytes:
    return bytes(20_000_001)


@hostile("keras_2.keras", "of Keras 2")
def _(folder: Path) -> bytes:
    files = members(plain(folder))
    return packed({**files, META: json.dumps({"keras_version": "2.15.0"}).encode()})


# ------------------------------------------------------------------------------------------------------ configurations
@hostile("deep.keras", "nested too deeply|damaged")
def _(folder: Path) -> bytes:
    return packed({**members(plain(folder)), CONFIG: b'{"a":' * 50_000 + b"1" + b"}" * 50_000})


@hostile("nested.keras", "nested too deeply|damaged")
def _(folder: Path) -> bytes:
    """As deep as JSON may be, and models all the way down."""
    inner = b'{"class_name":"Sequential","config":{"layers":['
    return packed({**members(plain(folder)), CONFIG: inner * 490 + b"]}}" * 490})


@hostile("units.keras", "parameters; at most")
def _(folder: Path) -> bytes:
    one = saved(build(LAYERS.Flatten(), LAYERS.Dense(10)), folder)
    return changed(one, lambda config: dense(config).update(units=10**9))


@hostile("wide.keras", "numbers of one image")
def _(folder: Path) -> bytes:
    large = build(LAYERS.UpSampling2D(2), LAYERS.GlobalMaxPooling2D(), LAYERS.Dense(10))
    return changed(saved(large, folder), lambda config: config["config"]["layers"][1]["config"].update(size=[999, 999]))


@hostile("slow.keras", "multiplications an image")
def _(folder: Path) -> bytes:
    """Few weights, few numbers, and much work for each image."""
    convolutions = [LAYERS.Conv2D(64, size, padding="same") for size in (1, 15)]
    return saved(build(*convolutions, LAYERS.GlobalMaxPooling2D(), LAYERS.Dense(10)), folder)


@hostile("layers.keras", "at most 200")
def _(folder: Path) -> bytes:
    return saved(build(LAYERS.Flatten(), *[LAYERS.ReLU() for _ in range(205)], LAYERS.Dense(10)), folder)


@hostile("classes.keras", "for each of 10 digits")
def _(folder: Path) -> bytes:
    return saved(build(LAYERS.Flatten(), LAYERS.Dense(1000)), folder)


@hostile("colour.keras", "28 x 28")
def _(folder: Path) -> bytes:
    return saved(keras.Sequential([LAYERS.Input((32, 32, 3)), LAYERS.Flatten(), LAYERS.Dense(10)]), folder)


# ------------------------------------------------------------------------------------------------------------ weights
@hostile("external_link.keras", "link to another place")
@weights
def _(file: h5py.File) -> None:
    file["elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")


@hostile("soft_link.keras", "link to another place")
@weights
def _(file: h5py.File) -> None:
    file["round"] = h5py.SoftLink("/round")


@hostile("within_itself.keras", "more than 10,000 parts")
@weights
def _(file: h5py.File) -> None:
    """A hard link makes a group a member of itself."""
    file["layers"]["again"] = file["layers"]


@hostile("external_storage.keras", "stored in another file")
@weights
def _(file: h5py.File) -> None:
    file.create_dataset("secret", (64,), "u1", external=[("/etc/passwd", 0, 64)])


@hostile("claims_all_memory.keras", "unpack to more than 80 MB")
@weights
def _(file: h5py.File) -> None:
    """A dataset of 4 TB that was never written takes no room in the file."""
    file.create_dataset("large", (10**12,), "f4", chunks=(1000,))


@hostile("not_numbers.keras", "are no numbers")
@weights
def _(file: h5py.File) -> None:
    def spoil(_: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset):
            each[...] = np.nan

    file.visititems(spoil)
