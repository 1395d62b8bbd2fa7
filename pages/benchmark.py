"""The Scoreboard page: every network under every attack, which of them leads, and a table of the visitor's own."""

from pages.components import waiting

waiting.until_ready()

from pages.components import scoreboard_view  # noqa: E402 - brings TensorFlow in

scoreboard_view.draw()
