"""What pages open with: the row of picks, what was wrong with the link, the dialogs."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components import extras, own_digit, own_models, own_network, session, strip
from pages.components.extras import Extra

_CODE = "code_asked"


def row() -> DeltaGenerator:
    """The row in which the picks stand."""
    return st.container(horizontal=True, key="picks", vertical_alignment="bottom", gap="xsmall")


def link_notes(place: DeltaGenerator | None = None) -> None:
    """Say what was ignored in the link that the visitor came by."""
    if session.notes():
        (place or st).info("A part of the link was ignored. " + " ".join(session.notes()), icon=":material/link_off:")


@contextmanager
def picks(own: tuple[Extra, ...]) -> Iterator[None]:
    """The row of picks: the digits, and beside them what the block draws. own: the page's picks beside the View."""
    place = row()
    extras.said(own)  # a fault of the link in them has its note, too
    link_notes()
    with place:
        asked = strip.draw(session.current().index)
        yield
    dialogs(asked)


def dialogs(asked: str | None) -> None:
    """Open what was asked for, at the end of a run: the dialog of the strip's button, or that of a network."""
    if asked:
        own_digit.ask(asked)
    else:
        own_network.offer()


def ask_code(of: str = "") -> None:
    """A callback: the visitor wants to see the code, of what on the page where there is more than one thing."""
    st.session_state[_CODE] = of


def code_asked() -> str | None:
    """Of what the code is to be shown in this run, None if of nothing; answered once."""
    return st.session_state.pop(_CODE, None)


def rerun_for_code() -> None:
    """In a fragment: a dialog belongs to the page."""
    if _CODE in st.session_state:
        st.rerun()


@st.dialog("The same, in Python", width="medium")
def show_code(lines: str) -> None:
    """The code in a dialog."""
    st.code(lines, language="python", wrap_lines=True)
    st.caption("Run it where this project's folder is the working directory, or on the Python path.")
    for name in own_models.titles():
        if own_models.code(name) in lines:  # it loads a file
            own_models.save(name, f"save_{name}", "Save the network")
