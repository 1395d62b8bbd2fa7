"""The Attack page: one digit, one attack, every ε at once."""

import streamlit as st

from pages.components import runtime, waiting

place = st.empty()  # in every run: what follows keeps its place on the page, and so the browser keeps the scrubber
if not runtime.ready():
    # The first visitor of a new server: the frame and the digit stand while TensorFlow is still being imported.
    with waiting.shown(place):
        runtime.wait()

from pages.components import attack_view  # noqa: E402 - brings TensorFlow in

attack_view.draw()
