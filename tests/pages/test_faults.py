"""Models that are missing or damaged, and uploads that are no digits: a sentence, nothing lost, no traceback."""

import shutil
from urllib.parse import parse_qsl

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from core import zoo
from pages.components import session
from pages.components.session import View
from tests.pages.driving import AppTest, button, calm, choose, data, opened, view
from tests.pictures import as_bytes

GONE = "plain_mlp"


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A copy of the models' folder, which a test may damage."""
    copy = tmp_path / "zoo"
    copy.mkdir()
    for name in zoo.names():
        for suffix in (".json", ".keras"):
            shutil.copy(zoo.folder() / f"{name}{suffix}", copy)
    monkeypatch.setattr(zoo, "folder", lambda: copy)
    st.cache_resource.clear()
    yield copy
    st.cache_resource.clear()
    st.cache_data.clear()


def missing(models):
    (models / f"{GONE}.keras").unlink()


def cut_short(models):
    file = models / f"{GONE}.keras"
    file.write_bytes(file.read_bytes()[:1000])


def no_model_at_all(models):
    (models / f"{GONE}.keras").write_text("a letter to my aunt", encoding="utf-8")


@pytest.mark.parametrize("damage", [missing, cut_short, no_model_at_all])
def test_a_damaged_model_takes_nothing_else_with_it(models, damage):
    damage(models)
    at = opened("digit=2003&attack=fgsm&eps=0.100&target=1")
    assert not at.error
    choose(at, "pick_model", GONE)
    assert len(at.error) == 1 and GONE in at.error[0].value and "Traceback" not in at.error[0].value
    button(at, "digit_4")
    assert at.error and view(at).attack == "fgsm" and view(at).target == 1
    choose(at, "pick_model", zoo.FIRST)
    assert not at.error and data(at)["eps"] == pytest.approx(0.1) and view(at).y == 4


def test_the_first_model_missing(models):
    (models / f"{zoo.FIRST}.keras").unlink()
    at = opened("digit=2003")
    assert len(at.error) == 1 and zoo.FIRST in at.error[0].value
    choose(at, "pick_model", GONE)
    assert not at.error and data(at)["label"] == 4


def test_a_damaged_card(models):
    (models / f"{GONE}.json").write_text('{"title": ', encoding="utf-8")
    at = opened("digit=2003")
    assert not at.error
    choose(at, "pick_model", GONE)
    assert view(at).model == GONE


def test_restored_weights_work_without_a_restart(models):
    file = models / f"{GONE}.keras"
    kept = file.read_bytes()
    file.unlink()
    at = opened(f"model={GONE}")
    assert at.error
    file.write_bytes(kept)
    assert not calm(at.run()).error


# ------------------------------------------------------------------------------------------------------------- uploads
def picture() -> bytes:
    """A dark stroke on light paper."""
    image = Image.new("L", (60, 80), 240)
    image.paste(20, (26, 16, 34, 64))
    return as_bytes(image)


DIALOG = """
from pages.components import own_digit, session
session.current()
own_digit.upload()
"""


def upload(name: str, content: bytes, link: str) -> AppTest:
    """The upload dialog with that file in it; alone, since AppTest knows no fragments and so would close it again."""
    at = AppTest.from_string(DIALOG, default_timeout=120)
    for key, value in parse_qsl(link):
        at.query_params[key] = value
    calm(at.run()).file_uploader[0].set_value((name, content, "image/png"))
    return calm(at.run())


NO_DIGITS = {
    "empty": b"",
    "a letter": b"Dear aunt, this is no picture at all.",
    "cut off": picture()[:60],
    "blank": as_bytes(Image.new("L", (50, 50), 255)),
    "too big": picture() + bytes(5 * 2**20),
}


@pytest.mark.parametrize("fault", NO_DIGITS)
def test_an_upload_that_is_no_digit(fault):
    at = upload("it.png", NO_DIGITS[fault], "digit=2003&attack=fgsm&eps=0.100")
    assert len(at.error) == 1 and at.error[0].value.endswith(".")
    assert view(at) == View(index=2003, attack="fgsm", eps=session.snap(0.1, "linf"))


def test_an_upload_is_read_and_becomes_the_digit():
    at = upload("one.png", picture(), "attack=fgsm&eps=0.100")
    assert not at.error and any("reads **1**" in each.value for each in at.markdown)
    label = next(each for each in at.selectbox if each.label == "This is a")
    assert label.value == 1
    label.set_value(7)
    button(at, "uploaded_take")
    assert view(at).y == 7 and view(at).index is None and view(at).attack == "fgsm" and view(at).eps > 0
    assert np.frombuffer(view(at).pixels, np.uint8).max() == 255
