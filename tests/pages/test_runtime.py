"""The cures that make the server start and answer quickly, and the packages that make them necessary."""

import asyncio
import gc
import inspect
import subprocess
import sys
import threading
import tomllib
import webbrowser
from importlib.util import find_spec

import keras
import pytest
import streamlit as st
from keras.src.visualization import plot_image_gallery
from keras.src.wrappers import fixes
from streamlit.runtime import app_session
from streamlit.runtime.scriptrunner import script_runner
from streamlit.web.server.app_discovery import discover_asgi_app

from pages.components import quick_import, runtime
from tests.pages.driving import DASHBOARD, opened


def test_streamlit_still_clears_keras_after_every_run(monkeypatch):
    """When this fails, a newer Streamlit leaves Keras alone: take keras.backend.clear_session out of keep_warm."""
    calls = []
    monkeypatch.setattr(keras.backend, "clear_session", lambda: calls.append(1))
    script_runner._clean_problem_modules()
    assert calls, "runtime.keep_warm need not replace clear_session any more"


def test_streamlit_still_collects_all_garbage_after_every_run():
    """When this fails, take postScriptGC out of .streamlit/config.toml, or find its new name."""
    source = inspect.getsource(script_runner.ScriptRunner._on_script_finished)
    assert "gc.collect(2)" in source and 'config.get_option("runner.postScriptGC")' in source
    settings = tomllib.loads(DASHBOARD.with_name(".streamlit").joinpath("config.toml").read_text(encoding="utf-8"))
    assert settings["runner"]["postScriptGC"] is False


def test_browsers_are_told_to_forget_late():
    """When this fails, see whether a newer Streamlit still needs maxCachedMessageAge in .streamlit/config.toml."""
    source = inspect.getsource(app_session)
    assert 'max_cached_message_age = config.get_option("global.maxCachedMessageAge")' in source
    settings = tomllib.loads(DASHBOARD.with_name(".streamlit").joinpath("config.toml").read_text(encoding="utf-8"))
    assert settings["global"]["maxCachedMessageAge"] >= 20


@pytest.mark.parametrize("module, package", [(fixes, "sklearn"), (plot_image_gallery, "matplotlib")])
def test_keras_still_imports_what_nobody_asked_it_for(module, package):
    """When this fails, take the package out of quick_import.UNUSED."""
    assert package in quick_import.UNUSED
    assert f"import {package}" in inspect.getsource(module), f"Keras leaves {package} alone now"


def test_a_warm_server_is_cured():
    opened()
    assert runtime.start().done() and runtime.start() is runtime.start()
    assert gc.isenabled() and gc.get_freeze_count() > 50_000
    assert sys.getswitchinterval() < 0.001
    assert "keep_warm" in keras.backend.clear_session.__qualname__
    keras.utils.clear_session()  # the way that remains


def test_only_the_thread_that_imports_quickly_goes_without():
    name, elsewhere = "sklearn", []
    assert find_spec(name), "scikit-learn comes with mlxtend"
    loaded = {each: sys.modules.pop(each) for each in list(sys.modules) if each.partition(".")[0] == name}
    before = sys.getswitchinterval(), list(sys.meta_path)
    try:
        with quick_import.quick():
            with pytest.raises(ImportError, match=name):
                find_spec(name)
            other = threading.Thread(target=lambda: elsewhere.append(find_spec(name)))
            other.start()
            other.join()
            assert elsewhere[0] and not gc.isenabled()
        assert find_spec(name) and gc.isenabled()
        assert (sys.getswitchinterval(), sys.meta_path) == before
    finally:
        sys.modules.update(loaded)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere TensorFlow's libraries have other names")
def test_the_libraries_come_before_the_import():
    """In a process of its own, whose libraries this test can see."""
    code = (
        "from pages.components import quick_import; quick_import.load_libraries(); import sys;"
        "assert 'tensorflow' not in sys.modules;"
        "assert 'libtensorflow_cc' in open('/proc/self/maps').read()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DASHBOARD.parent)


def test_streamlits_command_finds_the_server_that_warms_up():
    found = discover_asgi_app(DASHBOARD)
    assert found.is_asgi_app and found.import_string == "dashboard:app"


@pytest.mark.parametrize("headless", [True, False])
def test_the_server_warms_up_and_opens_a_browser_for_whom_sits_before_it(headless, monkeypatch):
    opens, starts = [], []
    options = {"server.headless": headless, "server.address": None, "server.port": 8509}
    monkeypatch.setattr(st, "get_option", options.get)
    monkeypatch.setattr(webbrowser, "open", opens.append)
    monkeypatch.setattr(runtime, "start", lambda: starts.append(1))

    async def serve() -> None:
        async with runtime.lifespan(None):
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)

    asyncio.run(serve())
    assert starts == [1]
    assert opens == ([] if headless else ["http://localhost:8509"])
