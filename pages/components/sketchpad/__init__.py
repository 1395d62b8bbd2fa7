"""The sketchpad: a square to draw a digit on, with finger, pen or mouse."""

import base64
import binascii
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from core import digits
from core.errors import InputError

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "epsilon_sketchpad",
    html=(_HERE / "sketchpad.html").read_text(encoding="utf-8"),
    css=(_HERE / "sketchpad.css").read_text(encoding="utf-8"),
    js=(_HERE / "sketchpad.js").read_text(encoding="utf-8"),
)


def draw(*, key: str) -> Image.Image | None:
    """Mount the pad; what is drawn on it, white on black, or None while it is empty."""
    state: Any = _component(key=key, data={}, on_ink_change=lambda: None)
    ink = state.ink
    if not isinstance(ink, str) or not ink:
        return None
    try:
        return digits.open_picture(base64.b64decode(ink, validate=True))
    except (binascii.Error, InputError):  # nothing that the pad itself would send
        return None
