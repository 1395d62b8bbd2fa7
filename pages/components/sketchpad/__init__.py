"""The sketchpad: a square to draw a digit on, with finger, pen or mouse."""

import base64
import binascii
from pathlib import Path
from typing import Any

from PIL import Image

from core import digits
from core.errors import InputError
from pages.components import browser

_component = browser.component(Path(__file__).parent)


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
