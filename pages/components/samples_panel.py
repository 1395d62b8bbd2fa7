"""What the victim is given: some digits of the poisoned set, at once where making it takes no time."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import poisoning
from core.errors import InputError
from core.poisoning import Poisoned
from pages.components import infecting, packing, samples
from pages.components.infecting import Infected, Plot
from pages.components.kept import Kept

_SHOWN = 8
_QUICK = 3500  # digits that are poisoned while a visitor waits
_DRAWN = Kept(64)  # by plot, whether it was trained on, and how many digits there are


def draw(plot: Plot | None, infected: Infected | None) -> None:
    """The panel. plot: what the picks ask for, None where that cannot be; infected: what was trained last."""
    with st.container(border=True, key="samples-panel", height="stretch"):
        st.markdown("### What the victim is given")
        try:
            shown = _shown(plot, infected)
        except InputError as fault:
            st.error(str(fault), icon=":material/error:")
            return
        if shown is None:
            st.caption("Some digits of the poisoned set will stand here, the touched ones framed.")
            return
        data, words = shown
        samples.draw(data, key="samples")
        st.caption(words)


def _shown(plot: Plot | None, infected: Infected | None) -> tuple[dict[str, Any], str] | None:
    """Digits of the set that was trained on, or, where something else is picked by now, of the one that would be."""
    if infected is None or plot not in (None, infected.plot):
        tried = _tried(plot)
        if tried is not None or infected is None or plot is None or plot.attack != infected.plot.attack:
            return tried
    return _trained(infected)


def _trained(infected: Infected) -> tuple[dict[str, Any], str]:
    """Of the set that a network has learnt."""
    key = (infected.plot, True, len(infected.poisoned.touched))
    if (known := _DRAWN.get(key)) is None:
        _DRAWN.put(key, known := _told(infected.poisoned))
    return known


def _tried(plot: Plot | None) -> tuple[dict[str, Any], str] | None:
    """Of a set as it would become; None where that takes a network, or nothing can be made."""
    if plot is None or poisoning.get(plot.attack).needs_model:
        return None
    train = infecting.material(plot.whole)
    key = (plot, False, len(train))
    if (known := _DRAWN.get(key)) is None:
        try:
            poisoned = plot.instance(train[:_QUICK], victim=plot.digit)
        except InputError:
            if len(train) <= _QUICK:
                raise
            return None  # the whole set may have enough of them
        _DRAWN.put(key, known := _told(poisoned, "Of the first " if len(train) > _QUICK else ""))
    return known


def _told(poisoned: Poisoned, among: str = "") -> tuple[dict[str, Any], str]:
    """What the component is given, and the words under it."""
    rows, budget = infecting.samples(poisoned, _SHOWN), poisoned.budget
    data = {
        "x": packing.grey(poisoned.digits.images[rows]),
        "labels": poisoned.digits.labels[rows].tolist(),
        "true": poisoned.clean.labels[rows].tolist(),
        "touched": poisoned.touched[rows].tolist(),
    }
    count, every = f"{poisoned.count:,}", f"{len(poisoned.touched):,}"
    return data, (
        f"{f'{among}{every}, {count}' if among else f'{count} of {every}'} touched, {int(budget['relabelled']):,} "
        f"labels changed; at most {int(budget['l0'])} pixels of a digit changed, by up to {budget['linf']:.2f}. The "
        "victim sees no frames."
    )
