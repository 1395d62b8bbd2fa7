"""Input transforms: the attacked digit before and behind one, by one who knows of it and by one who does not."""

import time
from typing import Any

import streamlit as st

from core import defenses
from core.errors import InputError
from pages.components import cache, guard, guarding, panel, pending, session
from pages.components.guarding import Count, Guarded
from pages.components.panel import Picks
from pages.components.pending import Pending
from pages.components.session import DECIMALS, View
from pages.components.settings import Settings

_JOB, _COUNT, _KEY = "guarding", "guard_count", "guard"
_DIGITS = 100
_PATIENT = 2.0  # seconds that a picture may take without a word of how far it is

_picks, _settings = Picks("guard", transform="bit_depth"), Settings("guard")


def draw(view: View) -> None:
    """The panel, for the page's own network, digit, attack and norm."""
    with st.container(border=True, key="guard-panel", height="stretch"):
        chosen = panel.chosen("Input transform", "transform", _picks, _settings)
        try:
            asked = Guarded(cache.question(view), chosen, _settings[chosen])
            model, shielded = cache.model(view.model), cache.behind(view.model, chosen, asked.knobs)
        except InputError as fault:
            pending.drop(_JOB)
            st.error(str(fault), icon=":material/error:")
            return
        known = guarding.picture(asked)
        pending.of(_JOB, asked, None if known else guarding.show(asked, model, shielded), at_once=0.5)
        pending.watch(_JOB, _picture)
        _bars(view, asked)


def _picture(over: bool) -> None:
    """The digit before and behind, as soon as it is there."""
    found: Pending = st.session_state[_JOB]
    asked: Guarded = found.asked
    if found.fault:
        st.error(found.fault, icon=":material/error:")
        return
    norm = asked.question.norm
    data: dict[str, Any] = {
        **pending.told(found, over),
        "key": f"{asked.question.key}-{asked.knobs}-{asked.transform}",
        "label": asked.question.label,
        "norm": norm,
        "eps": session.current().eps,
        "decimals": DECIMALS[norm],
        "gradient": defenses.get(asked.transform).gradient,
        "shown": guarding.picture(asked),
    }
    guard.draw(data, key=_KEY)
    if not over and time.monotonic() - found.began > _PATIENT:
        _progress(found, "guard_stop")
    elif found.stopped and data["shown"] is None and st.button("Attack it after all", key="guard_again"):
        pending.drop(_JOB)
        st.rerun()


def _bars(view: View, asked: Guarded) -> None:
    """Many digits at the page's ε: counted when the visitor asks for it."""
    wanted = Count(asked, view.eps, _DIGITS)
    told, found = guarding.counted(wanted), pending.current(_COUNT)
    if told is None and found is not None and not found.over and found.asked == wanted:
        pending.watch(_COUNT, _counting)
        return
    if found is not None and found.over and found.fault and found.asked == wanted:
        st.error(found.fault, icon=":material/error:")
    if told is not None:
        guard.draw_bars({**told, "eps": f"{view.eps:.{DECIMALS[view.norm]}f}"}, key=f"{_KEY}-bars")
        return
    # The slider's release runs its own part of the page alone: what stands here must not speak of the ε it knew.
    if st.button(f"Count {_DIGITS} digits at this ε", key="guard_count_start"):
        if view.eps == 0:
            st.caption("At ε = 0 there is no attack. Move the slider first.")
            return
        model = cache.model(view.model)
        pending.drop(_COUNT)
        pending.of(_COUNT, wanted, guarding.count(wanted, model))
        st.rerun()


def _counting(over: bool) -> None:
    found: Pending = st.session_state[_COUNT]
    if not over:
        _progress(found, "guard_count_stop")


def _progress(found: Pending, stop: str) -> None:
    """How far an attack on both is, and a button of that key which ends it."""
    if found.job is None:
        return
    words = f"{found.place} ahead in the queue" if found.place else "Attacking without and with it…"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(found.job.done / max(found.job.total, 1), 1.0), words)
        st.button("Stop", key=stop, on_click=found.stop)
