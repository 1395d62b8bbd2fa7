"""A network of the visitor's own, from its file to the curve, on a phone."""

import keras
import pytest

from core import zoo
from tests.browser.driving import until

pytestmark = pytest.mark.browser


def test_it_is_brought_and_attacked(visit, tmp_path):
    network = zoo.load("plain_mlp").keras
    network = keras.Model(network.inputs, keras.layers.Softmax()(network.outputs[0]))
    network.save(tmp_path / "mine.h5")
    seen = visit("digit=3500&eps=0.200")
    seen.page.set_viewport_size({"width": 390, "height": 844})
    seen.choose("pick_model", "Bring your own…")
    seen.page.set_input_files("input[type=file]", tmp_path / "mine.h5")
    take = seen.one(".st-key-network_take button")
    until(lambda: take.count() == 1, 180, "the file to be read")
    take.click()
    pick = seen.one(".st-key-pick_model input")
    until(lambda: pick.input_value() == "mine.h5", 30, "it to be picked")
    seen.settled()
    seen.page.wait_for_timeout(1000)
    assert pick.input_value() == "mine.h5"  # and not taken back by a word of what was picked before
    own = seen.looks()
    seen.choose("pick_model", "Plain MLP")
    seen.settled()
    shipped = seen.looks()
    assert shipped["bars"] == own["bars"] and shipped[".verdict"] == own[".verdict"]  # the same network
