"""Who is taken for whom: the test digits' classes against what is read, before the poison and after."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core.poisoning._backdoor import Backdoor, DirtyLabel
from pages.components import confusing, confusion
from pages.components.infecting import Infected


def draw(infected: Infected | None) -> None:
    """The panel."""
    with st.container(border=True, key="confusion-panel"):
        st.markdown("### Who is taken for whom")
        if infected is None:
            st.caption("Once a network has learnt the set, it stands here which digits it mistakes for which.")
            return
        confusion.draw(_data(infected), key="confusion")


def _data(infected: Infected) -> dict[str, Any]:
    counts, attack = confusing.counted(infected), infected.poisoned.attack
    shown = {"clean": _rows(counts.clean)}
    words = {"clean": "1,000 test digits, as they are"}
    if counts.stamped is not None and isinstance(attack, Backdoor):
        shown["stamped"] = _rows(counts.stamped)
        goal = "the next" if isinstance(attack, DirtyLabel) and attack.leads == "next" else attack.target
        words["stamped"] = f"The same digits, each stamped to be read as {goal}"
    wanted = None if counts.wanted is None else counts.wanted.tolist()
    return {"names": list(confusing.NAMES), "shown": shown, "words": words, "wanted": wanted}


def _rows(tables: tuple[np.ndarray, np.ndarray]) -> list[list[list[int]]]:
    return [table.tolist() for table in tables]
