"""The Defend page: one attack on two networks, and what else is put up against it."""

from pages.components import waiting

waiting.until_ready()

from pages.components import defend_view  # noqa: E402 - brings TensorFlow in

defend_view.draw()
