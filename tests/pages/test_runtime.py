"""The cures that keep the server quick, and the Streamlit that makes them necessary."""

import gc
import inspect

import keras
from streamlit.runtime.scriptrunner import script_runner

from pages.components import runtime
from tests.pages.driving import opened


def test_streamlit_still_clears_keras_after_every_run(monkeypatch):
    """When this fails, a newer Streamlit leaves Keras alone: take keras.backend.clear_session out of keep_warm."""
    calls = []
    monkeypatch.setattr(keras.backend, "clear_session", lambda: calls.append(1))
    script_runner._clean_problem_modules()
    assert calls, "runtime.keep_warm need not replace clear_session any more"


def test_streamlit_still_collects_all_garbage_after_every_run():
    """When this fails, take gc.freeze out of keep_warm."""
    source = inspect.getsource(script_runner.ScriptRunner._on_script_finished)
    assert "gc.collect(2)" in source, "runtime.keep_warm need not freeze what the imports made any more"


def test_a_warm_server_is_cured():
    opened()
    assert runtime.start().done() and runtime.start() is runtime.start()
    assert gc.get_freeze_count() > 50_000
    assert "keep_warm" in keras.backend.clear_session.__qualname__
    keras.utils.clear_session()  # the way that remains
