"""The Attack page: one digit, one attack, every ε at once."""

from pages.components import waiting

waiting.until_ready()

from pages.components import attack_view  # noqa: E402 - brings TensorFlow in

attack_view.draw()
