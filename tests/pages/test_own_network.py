"""A network that the visitor brings: looked into, asked about its pixels, and theirs on every page."""

from dataclasses import replace
from urllib.parse import parse_qsl

import keras
import numpy as np
import pytest
import streamlit as st

from core import digits, zoo
from core.classifier import Classifier, load
from pages.components import own_models, own_network, session
from tests.hostile import MAKERS
from tests.pages.driving import AppTest, button, calm, choose, data, opened, view

COMES_BY = "digit=2003&attack=fgsm&eps=0.100"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> bytes:
    """The plain MLP as a stranger may have it: pixels from 0 to 255, a softmax at its end."""
    shipped = zoo.load("plain_mlp").keras
    *hidden, _ = (each for each in shipped.layers if not isinstance(each, keras.layers.InputLayer))
    kept = [type(each).from_config(each.get_config()) for each in hidden]
    ends = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), *kept, ends])
    model.set_weights(shipped.get_weights())
    path = tmp_path_factory.mktemp("model") / "model.h5"
    model.save(path)
    return path.read_bytes()


DIALOG = """
from pages.components import own_network, session
session.current()
own_network.upload()
"""


def brought(name: str, content: bytes) -> AppTest:
    """The dialog with that file in it; alone, since AppTest knows no fragments and so would close it again."""
    at = AppTest.from_string(DIALOG, default_timeout=120)
    for key, value in parse_qsl(COMES_BY):
        at.query_params[key] = value
    calm(at.run()).file_uploader[0].set_value((name, content, "application/octet-stream"))
    return calm(at.run())


def test_the_offer_changes_nothing_by_itself():
    at = opened(COMES_BY)
    choose(at, "pick_model", own_network.OFFER)
    assert view(at).model == zoo.FIRST and len(at.file_uploader) == 1
    assert any("returns ten numbers" in each.value for each in at.caption)
    choose(at, "pick_model", "plain_mlp")
    assert view(at).model == "plain_mlp" and not at.file_uploader


def test_it_is_read_rightly_once_its_pixels_are_known(file):
    at = brought("model.h5", file)
    assert not at.error
    some = digits.bundled()[::10]
    right = (zoo.load("plain_mlp").predict(some.images) == some.labels).mean()
    assert any(f"{100 * right:.1f}\u00a0%" in each.value and "0 to 255" in each.value for each in at.markdown)
    pixels = next(each for each in at.selectbox if each.label.startswith("The pixels"))
    calm(pixels.set_value("signed").run())
    assert any("0 to 255" in each.value for each in at.warning)
    calm(next(each for each in at.selectbox if each.label.startswith("The pixels")).set_value("bytes").run())
    button(at, "network_take")
    own = view(at).model
    assert own.startswith(own_models.PREFIX) and view(at).index == 2003
    x = digits.bundled().images[::500]
    np.testing.assert_allclose(
        own_models.get(own).probabilities(x), zoo.load("plain_mlp").probabilities(x), rtol=1e-3, atol=1e-5
    )
    assert own_models.code(own) == "load('model.h5', pixels=\"bytes\")"


def test_it_is_on_every_page_of_its_visitor_alone(file):
    own = view(button(brought("model.h5", file), "network_take")).model
    at = opened(COMES_BY)
    at.session_state[own_models._KEY] = [own]
    choose(calm(at.run()), "pick_model", own)
    assert data(at)["caption"].endswith("model.h5") and not at.error
    for page in ("compare", "blackbox", "landscape", "defend"):
        calm(at.switch_page(f"pages/{page}.py").run())
        assert at.selectbox(key="pick_model").value == own and not at.error, page
    other = opened("model=" + own)
    assert view(other).model == zoo.FIRST and "model.h5" not in other.selectbox(key="pick_model").options


def test_the_code_that_is_offered_loads_the_file(file, tmp_path, monkeypatch):
    at = brought("model.h5", file)
    button(at, "network_take")
    (tmp_path / "model.h5").write_bytes(file)
    monkeypatch.chdir(tmp_path)
    found = eval(own_models.code(view(at).model), {"load": load})
    assert isinstance(found, Classifier) and found.version == own_models.get(view(at).model).version
    given = []
    monkeypatch.setattr(st, "download_button", lambda *said, **more: given.append(said))
    own_models.save(view(at).model, "save")
    assert not given  # its visitor has the file


@pytest.mark.parametrize("name", ["lambda.keras", "pickle.keras", "traversal.keras", "classes.keras", "empty.keras"])
def test_a_refusal_names_its_reason_and_loses_nothing(name, tmp_path):
    make, says = MAKERS[name]
    at = brought(name, make(tmp_path))
    assert len(at.error) == 1, [each.value for each in at.error]
    assert says in at.error[0].value
    assert view(at).index == 2003 and view(at).model == zoo.FIRST


def test_a_network_that_reads_nothing_is_said_to(tmp_path):
    path = tmp_path / "new.keras"
    keras.utils.set_random_seed(0)
    keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)]).save(path)
    at = brought("new.keras", path.read_bytes())
    assert any("reads few of them" in each.value for each in at.warning)


def test_word_of_what_the_pick_showed_before_is_no_pick():
    """Another part of the page may speak before the browser has come to the pick."""
    at = opened(COMES_BY)
    at.session_state[session.KEY] = replace(view(at), model="plain_mlp")  # as the dialog does
    calm(at.run())
    choose(at, "pick_model", zoo.FIRST)
    assert view(at).model == "plain_mlp" and at.selectbox(key="pick_model").value == "plain_mlp"
    choose(at, "pick_model", zoo.FIRST)
    assert view(at).model == zoo.FIRST


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("model.h5", "model.h5"),
        ("../../etc/passwd.keras", "passwd.keras"),
        ("<img src=x onerror=alert(1)>.keras", "srcx onerroralert1.keras"),
        ("**bold**_x_.keras", "bold x .keras"),
        ("☃.keras", ".keras"),
        ("m" * 300 + ".keras", "m" * 18 + ".keras"),
    ],
)
def test_a_files_name_cannot_mean_anything_on_a_page(name, title):
    assert own_network._title(name) == title
