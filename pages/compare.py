"""The Compare page: one digit, all attacks at once."""

from pages.components import waiting

waiting.until_ready()

from pages.components import compare_view  # noqa: E402 - brings TensorFlow in

compare_view.draw()
