"""Importing TensorFlow in little more than half the time, with room for the server to answer meanwhile."""

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pathlib import Path

#: Keras imports these for conveniences of its own where they are installed, as they are here, for mlxtend; a third of
#: what `import tensorflow` takes.
UNUSED = ("sklearn", "matplotlib", "pandas")
_TURN = 0.0005  # seconds: a thread that imports lets go of the interpreter after that long, where Python's own is 0.005


class _Missing(MetaPathFinder):
    """Tells one thread that those packages are not installed; other threads find them."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def find_spec(self, name, path=None, target=None) -> None:
        if name in UNUSED and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{name} is not imported at the server's start.", name=name)


@contextmanager
def quick() -> Iterator[None]:
    """Imports within go without UNUSED, and without the collector looking again and again at all that they make."""
    missing, turn = _Missing(), sys.getswitchinterval()
    sys.meta_path.insert(0, missing)
    sys.setswitchinterval(_TURN)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(turn)
        sys.meta_path.remove(missing)


def load_libraries() -> None:
    """Load TensorFlow's shared libraries without holding the interpreter; only a head start, so it never fails.

    Python holds the interpreter while it loads an extension: for half a second here, and for five where the file still
    lies on the disk. A foreign call does not.
    """
    with suppress(Exception):  # Windows, or another layout: the import loads them then
        spec = find_spec("tensorflow")
        assert spec and spec.origin
        load = ctypes.CDLL(None).dlopen
        load.restype = ctypes.c_void_p
        for name in ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2"):
            load(str(Path(spec.origin).with_name(name)).encode(), os.RTLD_NOW)
