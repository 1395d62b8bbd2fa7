"""A network of the visitor's own: uploaded, looked into by a process of its own, and then theirs on every page."""

import hashlib
import re
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import streamlit as st

from core import digits, model_process
from core.adapting import PIXELS
from core.classifier import Classifier
from core.errors import InputError
from core.model_archives import MAX_BYTES
from pages.components import own_models, pending, session
from pages.components.jobs import Job

#: What the picks of a model offer beside the models.
OFFER = "upload"
_ASKED, _JOB, _KEY = "own_network_asked", "own_network", "network"
_KNOWN = 500  # bundled digits, as many of each class, that tell how its pixels are meant
_LOOK = 0.2  # seconds between two looks at the work
_POOR = 0.5  # of them: a network that reads fewer rightly is hardly one for these digits


def ask() -> None:
    """A callback: the visitor wants to bring a network."""
    st.session_state[_ASKED] = True


def offer() -> None:
    """Open the dialog, if it was asked for."""
    if st.session_state.pop(_ASKED, False):
        upload()


@st.dialog("Bring a network of your own")
def upload() -> None:
    """The file, what came of it, and the button that puts it up."""
    size = MAX_BYTES // 1_000_000
    file = st.file_uploader(
        f"A Keras model, .keras or .h5, at most {size} MB", ["keras", "h5", "hdf5"], key=_KEY, max_upload_size=size
    )
    if file is None:
        pending.drop(_JOB)
        st.caption(
            "It takes one digit, as (28, 28, 1), (28, 28) or 784 numbers, and returns ten numbers, one for each. It is "
            "read without running any code in it, and stays yours alone, for this visit."
        )
        return
    data = file.getvalue()
    asked = hashlib.sha256(data).hexdigest()
    found = pending.of(_JOB, asked, lambda job: _looked_into(job, data))
    assert found.job is not None
    bar = st.progress(0.0)
    while not found.job.wait(_LOOK):
        found.job.look()
        words = f"{found.place} ahead in the queue" if found.place else "Reading it in a process of its own…"
        bar.progress(found.job.done / found.job.total, words)  # who closes the dialog ends the wait here
    bar.empty()
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    elif found.job.result is None:
        st.caption("Reading was broken off. Choose the file again.")
    else:
        _put_up(found.job.result, file.name)


def _looked_into(job: Job, data: bytes) -> dict[str, Any]:
    """The Keras model in these bytes, and how many of the known digits it reads rightly, by the range of its pixels."""
    model = model_process.read_apart(data, wanted=lambda: job.wanted)
    some = digits.bundled()[:: len(digits.bundled()) // _KNOWN]
    right = {}
    for at, pixels in enumerate(PIXELS):
        job.report(at, len(PIXELS))
        right[pixels] = int((Classifier(model, pixels=pixels).predict(some.images) == some.labels).sum())
    return {"model": model, "right": right, "of": len(some)}


def _put_up(found: dict[str, Any], file: str) -> None:
    """Ask how the pixels are meant, say what comes of it, and on the button make it the visitor's own."""
    right, count = found["right"], found["of"]
    best = max(right, key=right.__getitem__)
    pixels = st.selectbox(
        "The pixels that it was trained on",
        list(PIXELS),
        index=list(PIXELS).index(best),
        format_func=lambda name: PIXELS[name].title,
        key=f"{_KEY}_pixels_{id(found)}",
    )
    share = f"{100 * right[pixels] / count:.1f}\u00a0%"
    st.markdown(f"With pixels from {PIXELS[pixels].title} it reads **{share}** of {count} known digits rightly.")
    if right[best] < _POOR * count:
        st.warning("However its pixels are meant, it reads few of them. It can be attacked all the same.")
    elif right[pixels] < right[best] - 0.02 * count:
        st.warning(f"With pixels from {PIXELS[best].title} it would read {100 * right[best] / count:.1f}\u00a0%.")
    if st.button("Use it on every page", key=f"{_KEY}_take", width="stretch"):
        try:
            model = Classifier(found["model"], title=_title(file), pixels=pixels)
        except InputError as fault:
            st.error(str(fault), icon=":material/error:")
            return
        told = "" if pixels == "unit" else f', pixels="{pixels}"'
        name = own_models.add(model, f"load({_file(file)!r}{told})")
        pending.drop(_JOB)
        session.put(replace(session.current(), model=name))
        st.rerun()


def _file(name: str) -> str:
    """A file's name of letters that mean nothing anywhere on a page."""
    return re.sub(r"[^\w. -]", "", PurePath(name.replace("\\", "/")).name, flags=re.ASCII)[-60:].strip()


def _title(name: str) -> str:
    """What a network of that file is called: as the file, but that underscores would mean something in Markdown."""
    return _file(name).replace("_", " ")[-24:].strip()
