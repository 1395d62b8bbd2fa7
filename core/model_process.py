"""Reading a stranger's Keras file in a process of its own, which may take only so much time and memory.

    python -m core.model_process FOLDER      # what `read_apart` starts; it reads FOLDER/given

What a damaged or hostile file does to the parsers of ZIP and HDF5, or to Keras, ends there. What comes back is a
configuration, checked again, and plain arrays: never code, and nothing that could be unpickled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.model_archives import MAX_BYTES, ModelRefused, opened

if TYPE_CHECKING:
    import keras

SECONDS = 180.0  # of waiting, most of which TensorFlow takes to start
_WORKING = 30  # seconds of computing on the file
_MEMORY = 1_500_000_000  # bytes, beside what TensorFlow takes
_WRITTEN = 4 * MAX_BYTES  # bytes of any file
_GIVEN, _CONFIG, _WEIGHTS, _REFUSAL = "given", "config.json", "weights.npz", "refusal.txt"
_ROOT = Path(__file__).resolve().parent.parent


def read_apart(data: bytes, *, seconds: float = SECONDS, wanted: Callable[[], bool] = lambda: True) -> keras.Model:
    """The Keras model in the bytes of a .keras or .h5 file, as `model_files.read` gives it, read by another process.

    seconds: how long to wait for it; wanted: asked ten times a second, False ends it. Raises ModelRefused with the
    reason; also where the process took too long, too much memory, or died.
    """
    from core import model_files  # not in the process that is started here, until it has to

    if not data or len(data) > MAX_BYTES:
        opened(data)  # refuses it, without a process
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _GIVEN).write_bytes(data)
        status = _run(folder, seconds, wanted)
        if (folder / _REFUSAL).is_file():
            raise ModelRefused((folder / _REFUSAL).read_text(encoding="utf-8")[:1000])
        if status != 0:
            raise ModelRefused(
                f"Reading the file took more than {_WORKING} seconds or {_MEMORY / 1e9:g} GB, or broke off: it is "
                "damaged, or made to do so. Save the model anew, or use a smaller one."
            )
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        with np.load(folder / _WEIGHTS, allow_pickle=False) as arrays:
            weights = [arrays[str(place)] for place in range(len(arrays.files))]
    return model_files.rebuilt(config, weights)


def _run(folder: Path, seconds: float, wanted: Callable[[], bool]) -> int:
    """The exit status of the process that reads the folder's file; it is ended when nobody wants it any more."""
    known = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    there = {"PYTHONPATH": str(_ROOT), "HOME": str(folder), "KERAS_HOME": str(folder), "CUDA_VISIBLE_DEVICES": "-1"}
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "core.model_process", str(folder)],
        cwd=folder,
        env={**known, **quiet, **there},
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
    )
    until = time.monotonic() + seconds
    try:
        while process.poll() is None:
            if not wanted():
                raise ModelRefused("Reading the file was stopped.")
            if time.monotonic() > until:
                raise ModelRefused(
                    f"Reading the file took longer than {seconds:g} seconds. Try it again, or use a smaller model."
                )
            time.sleep(0.1)
        return process.returncode
    finally:
        process.kill()
        process.wait()


def main(folder: Path) -> int:
    """Read the folder's file and leave there what came of it; returns the exit status."""
    data = (folder / _GIVEN).read_bytes()
    try:
        _limit(True)
        opened(data)  # most of what is no model need not wait for TensorFlow
        _limit(False)
        import tensorflow as tf

        from core import model_files

        tf.add(0.0, 1.0)  # its threads and pools are there by now
        _limit(True)
        model = model_files.read(data)
        config = model_files.described(model)
    except ModelRefused as refusal:
        (folder / _REFUSAL).write_text(str(refusal), encoding="utf-8")
        return 0
    (folder / _CONFIG).write_text(json.dumps(config), encoding="utf-8")
    weights: dict[str, Any] = {str(place): np.asarray(each) for place, each in enumerate(model.get_weights())}
    np.savez(folder / _WEIGHTS, **weights)
    return 0


def _limit(on: bool) -> None:
    """Let this process take only so much beside what it has by now, or as much as it likes."""
    if sys.platform == "win32":
        return  # the parent's clock is all there is
    import resource

    used, statm = resource.getrusage(resource.RUSAGE_SELF), Path("/proc/self/statm")
    limits = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + _WORKING,
        resource.RLIMIT_FSIZE: _WRITTEN,
        resource.RLIMIT_CORE: 0,
    }
    if statm.exists():
        limits[resource.RLIMIT_AS] = int(statm.read_text().split()[0]) * resource.getpagesize() + _MEMORY
    for what, most in limits.items():
        last = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if on else last, last))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
