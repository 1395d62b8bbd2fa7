"""The budget of pages without a scrubber: a norm and an ε, under one button that names them."""

from collections.abc import Callable

import streamlit as st

from core import norms
from pages.components.extras import Extra
from pages.components.session import DECIMALS, STEP, eps_max, snap


def _read(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:  # NaN is not, either
        raise ValueError(text)
    return value


#: ε as a share of its range, so that it keeps its place in another norm.
share = Extra("budget", 2 / 3, _read, "a share of ε's range, from 0 to 1,")


def eps(norm: str) -> float:
    """The visitor's ε in that norm, on the slider's own steps."""
    return snap(share.value * eps_max(norm), norm)


def said(norm: str, value: float) -> str:
    """An ε as it is written in that norm."""
    return f"{value:.{DECIMALS[norm]}f}"


def draw(norm: str, pick_norm: Callable[[], None], note: str = "") -> None:
    """The button, and under it what pick_norm draws, the slider, and a note."""
    with st.container(width=136, gap="xxsmall", key="budget-pick"):
        st.html("<p>Budget</p>")
        with st.popover(f"{norms.get(norm).title}, ε = {said(norm, eps(norm))}", width="stretch"):
            pick_norm()
            st.slider(
                "ε",
                0.0,
                float(eps_max(norm)),
                step=float(STEP[norm]),
                format=f"%.{DECIMALS[norm]}f",
                **share.bound(eps(norm), lambda value: share.put(value / eps_max(norm))),
            )
            if note:
                st.caption(note)
