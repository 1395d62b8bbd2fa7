"""The digits to pick from: one bundled example a class, the next one on a second press, others on a shuffle."""

import base64
import io
from functools import lru_cache

import numpy as np
import streamlit as st
from PIL import Image

from core import digits
from pages.components import session

_SHOWN = "strip_examples"  # class -> the bundled row that its button shows


def png(x: np.ndarray) -> str:
    """A digit (28, 28, 1) in [0, 1] as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(255 * x[:, :, 0]).astype(np.uint8)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@lru_cache(maxsize=512)
def _address(row: int) -> str:
    """A bundled digit as a PNG data URI."""
    return png(digits.bundled().images[row])


def _examples(chosen: int | None) -> dict[int, int]:
    shown = st.session_state.setdefault(_SHOWN, {label: int(session.rows_of(label)[0]) for label in range(10)})
    if chosen is not None:
        shown[int(digits.bundled().labels[chosen])] = chosen
    return shown


def _press(label: int) -> None:
    view = session.current()
    shown = st.session_state[_SHOWN]
    if view.index is not None and view.index == shown[label]:
        rows = session.rows_of(label)
        shown[label] = int(rows[(np.searchsorted(rows, view.index) + 1) % len(rows)])
    session.put(view.with_digit(shown[label]))


def _shuffle() -> None:
    rng = np.random.default_rng()
    st.session_state[_SHOWN] = {label: int(rng.choice(session.rows_of(label))) for label in range(10)}
    view = session.current()
    if view.index is not None:
        session.put(view.with_digit(st.session_state[_SHOWN][view.y]))


def draw(chosen: int | None) -> str | None:
    """The row of digits, with the chosen bundled row marked; "draw" or "upload" once that button is pressed."""
    shown = _examples(chosen)
    rules = [
        f".st-key-digit_{label} button {{ background-image: url({_address(at)}); }}" for label, at in shown.items()
    ]
    if chosen is not None:
        label = int(digits.bundled().labels[chosen])
        rules.append(
            # On a phone the strip scrolls sideways and begins here (and the page at its top, see frame).
            f".st-key-digit_{label} button {{ outline: 2px solid currentColor; outline-offset: 2px;"
            " scroll-initial-target: nearest; }"
            f".st-key-digit_{label} button p {{ font-weight: 700; }}"
        )
    st.html(f"<style>{''.join(rules)}</style>")
    with st.container(horizontal=True, key="strip", width=465):
        for label in range(10):
            st.button(str(label), key=f"digit_{label}", on_click=_press, args=(label,))
    asked = None
    with st.container(horizontal=True, key="more-digits", width=164):
        st.button("Shuffle", key="shuffle", icon=":material/shuffle:", on_click=_shuffle)
        if st.button("Draw", key="draw", icon=":material/draw:"):
            asked = "draw"
        if st.button("Upload", key="upload", icon=":material/upload:"):
            asked = "upload"
    return asked
