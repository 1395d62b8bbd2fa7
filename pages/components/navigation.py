"""The frame and the pages in it, whichever of them a visitor came to first."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages.components import frame

_PAGES = (
    ("attack", "Attack", "bolt"),
    ("compare", "Compare", "grid_view"),
    ("blackbox", "Black box", "visibility_off"),
    ("landscape", "Landscape", "landscape"),
    ("defend", "Defend", "shield"),
    ("poison", "Poison", "science"),
    ("benchmark", "Scoreboard", "leaderboard"),
    ("learn", "Learn", "school"),
)


def run() -> None:
    """Draw the frame and run the page that is asked for; the first is the default."""
    frame.draw()
    pages = [
        st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", url_path=name, default=name == _PAGES[0][0])
        for name, title, icon in _PAGES
    ]
    st.navigation(pages, position="top").run()


def address(name: str, query: str) -> str:
    """Where a page lies, as another page links to it, with a query string; the first has no path of its own."""
    return f"{'./' if name == _PAGES[0][0] else name}?{query}"


def ensure() -> None:
    """Called by a page before all else: goes on only where the frame is there.

    A new server whose first visitor came by a link to one page takes pages/ for pages of Streamlit's old kind, and runs
    that page alone. It is then run again, inside the frame; afterwards the server knows.
    """
    if PagesManager.uses_pages_directory:
        run()
        st.stop()
