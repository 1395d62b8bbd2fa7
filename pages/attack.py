"""The Attack page: one digit, one attack, every ε at once."""

from pages.components import runtime, waiting

if not runtime.start().done():
    # The first visitor of a new server: the frame and the digit stand while TensorFlow is still being imported.
    with waiting.shown():
        runtime.wait()

from pages.components import attack_view

attack_view.draw()
