"""The Learn page: what all of this is about, in short pieces, each with a figure that is computed as it is read."""

from pages.components import waiting

waiting.until_ready()

from pages.components import learn_view  # noqa: E402 - brings TensorFlow in

learn_view.draw()
