"""The Poison page: a training set is touched, a network trains on it, and somebody looks for the poison."""

from pages.components import waiting

waiting.until_ready()

from pages.components import poison_view  # noqa: E402 - brings TensorFlow in

poison_view.draw()
