"""A digit of the visitor's own: drawn on the pad, or uploaded as a picture."""

import numpy as np
import streamlit as st
from PIL import Image

from core import digits
from core.errors import InputError
from pages.components import cache, session, sketchpad, strip


def _offer(picture: Image.Image, key: str) -> None:
    """Show what came of a picture and what the model reads; on the button, make it the page's digit."""
    x = digits.from_picture(picture)
    view = session.current()
    model = cache.model(view.model)
    shares = cache.reading(view.model, model.version, x.tobytes())
    read = int(shares.argmax())
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.html(
        f'<img src="{strip.png(x)}" alt="The digit as the network gets it" width="112" '
        'style="image-rendering:pixelated">'
    )
    with right:
        sure = "> 99.9" if shares[read] > 0.999 else f"{100 * shares[read]:.1f}"
        st.markdown(f"The network reads **{read}** with {sure}\u00a0% confidence.")
        label = st.selectbox("This is a", range(10), index=read, key=f"{key}_label_{hash(x.tobytes())}")
        if st.button("Attack this digit", key=f"{key}_take", width="stretch"):
            pixels = np.rint(255 * x).astype(np.uint8).tobytes()
            session.put(view.with_digit(None, pixels, int(label)))
            st.rerun()


@st.dialog("Draw a digit")
def draw() -> None:
    """The sketchpad, with finger, pen or mouse."""
    picture = sketchpad.draw(key="pad")
    if picture is None:
        st.caption("Draw one digit, large. It is centred and scaled as the network's training digits were.")
        return
    try:
        _offer(picture, "drawn")
    except InputError as fault:
        st.error(str(fault))


@st.dialog("Upload a picture of a digit")
def upload() -> None:
    """A picture or a photo, dark on light or light on dark."""
    kinds = ["png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff"]
    file = st.file_uploader("One digit, at most 5 MB", kinds, key="picture", max_upload_size=5)
    if file is None:
        return
    try:
        _offer(digits.open_picture(file.getvalue()), "uploaded")
    except InputError as fault:
        st.error(str(fault))


def ask(how: str | None) -> None:
    """Open the dialog that the strip's button asks for, if it was pressed."""
    if how == "draw":
        draw()
    elif how == "upload":
        upload()
