"""The Landscape page: the plane through a digit, what the network reads there, and the loss over it."""

from pages.components import waiting

waiting.until_ready()

from pages.components import landscape_view  # noqa: E402 - brings TensorFlow in

landscape_view.draw()
