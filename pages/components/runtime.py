"""TensorFlow in a Streamlit server: loaded beside the first page, warmed up once, and kept warm between reruns."""

import asyncio
import contextlib
import ctypes
import gc
import os
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

import streamlit as st

from pages.components import quick_import

FIRST = "plain_cnn"  # the model that a new visitor meets
_ARENA_MAX = -8  # M_ARENA_MAX in glibc's malloc.h
_TURN = 0.0005  # seconds
_COURTESY = 1.5  # seconds that the import waits, at most, for the first visitor's frame to go out

_lock = threading.Lock()
_warm: Future | None = None
_framed = threading.Event()


@contextlib.asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Streamlit's server from its first moment: TensorFlow is on its way before a browser has loaded the page.

    Opens that browser, too, as Streamlit does for a script, but not for an app.
    """
    start()
    if not st.get_option("server.headless"):
        address = st.get_option("server.address") or "localhost"
        url = f"http://{address}:{st.get_option('server.port')}"
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)
    yield


def start() -> Future:
    """Begin to import TensorFlow and trace the first attack in the background; once a process."""
    global _warm
    with _lock:
        if _warm is None:
            _share_heaps()
            _warm = Future()
            threading.Thread(target=_warm_up, args=(_warm,), name="warm-up", daemon=True).start()
        return _warm


def _share_heaps() -> None:
    """Have threads share two heaps.

    Each visitor's run is a thread, and glibc gives each of many threads a heap of its own, which grows with what was
    used in it once: a server that has shown all pages holds 60 MB less, and is no slower.
    """
    with contextlib.suppress(Exception):  # another system's library has no such setting
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def ready() -> bool:
    """Whether TensorFlow is there; looks only, and starts nothing."""
    return _warm is not None and _warm.done()


def framed() -> None:
    """Say that a visitor has the page's frame: from now on the import may take what it can get."""
    _framed.set()


def wait() -> None:
    """Return once TensorFlow is ready; raise what went wrong if it never will be."""
    start().result()


def _warm_up(done: Future) -> None:
    try:
        # One thread an operation: the attack loop cuts its batches into parts for the cores itself, and to hand its
        # small operations from thread to thread costs more than they do.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import numpy as np

        from core import digits
        from pages.components import frame, strip  # noqa: F401 - NumPy and Pillow, for the first visitor's frame

        libraries = threading.Thread(target=quick_import.load_libraries, name="libraries")
        libraries.start()
        digits.bundled()
        libraries.join()
        # What is left of the import holds the interpreter, which the first visitor's frame needs too: it goes first.
        _framed.wait(_COURTESY)
        with quick_import.quick():
            from core import attacks, sweep, zoo
            from pages.components import attack_view, cache  # noqa: F401 - the page's own

            with contextlib.suppress(zoo.ModelUnavailable):  # the page says so, and what to do
                blank = np.zeros((28, 28, 1), np.float32)
                sweep.sweep(cache.model(FIRST), blank, 0, attacks.get("pgd")(steps=2))
            keep_warm()
        # A page's run lets go of the interpreter with every message that it sends, and whoever works has it for a turn.
        # Python's own turns are ten times as long: fifty messages so wait a quarter of a second for each busy thread.
        sys.setswitchinterval(_TURN)
        done.set_result(None)
    except BaseException as fault:
        done.set_exception(fault)


def keep_warm() -> None:
    """Undo two kindnesses that cost a third of a second each with TensorFlow in the process.

    Python's collector goes through the hundreds of thousands of objects that the imports made: frozen, it passes them
    over (uncollected: that takes a quarter of a second, and few of them are garbage). And after every run Streamlit
    calls keras.backend.clear_session(), which empties TensorFlow's kernel cache, so that the next attack pays too:
    nothing here uses the state that it clears. keras.utils.clear_session still works. A third one, a full collection
    after every run, is switched off in .streamlit/config.toml.
    """
    import keras

    keras.backend.clear_session = lambda *_, **__: None
    gc.freeze()
