"""The Black box page: what an attacker gets done who knows everything, the scores, the label, or nothing."""

from pages.components import waiting

waiting.until_ready()

from pages.components import blackbox_view  # noqa: E402 - brings TensorFlow in

blackbox_view.draw()
