"""What stands on the page while TensorFlow is being imported: the digits, and the one that will be attacked."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import digits
from pages.components import navigation, runtime, session, strip

_PAGE = """
<div style="display:flex;gap:6px;margin-top:24px;overflow:hidden">{small}</div>
<h1 style="padding:8px 0">Waking the network…</h1>
<p style="padding-bottom:16px">It will be ready in a few seconds. Until then, this is the digit.</p>
<img src="{large}" alt="A handwritten {label}" width="280" height="280"
  style="image-rendering:pixelated;border-radius:2px">
"""


def until_ready() -> None:
    """Return once TensorFlow is there; until then the frame and the digit stand. Every page's first call."""
    navigation.ensure()
    link = session.came_by()
    place = st.empty()  # in every run: what follows keeps its place on the page, and so the browser keeps components
    if not runtime.ready():
        with _shown(place, link):
            runtime.wait()


@contextmanager
def _shown(place: DeltaGenerator, link: dict[str, str]) -> Iterator[None]:
    """Hold the page's place until the block is done."""
    view = session.digit_of(link)
    images = digits.bundled().images
    small = "".join(
        f'<img src="{strip.png(images[session.rows_of(label)[0]])}" alt="{label}" width="42" height="42" '
        'style="image-rendering:pixelated;border-radius:2px">'
        for label in range(10)
    )
    place.html(_PAGE.format(small=small, large=strip.png(view.x), label=view.y))
    runtime.framed()
    yield
    place.empty()
