"""Run a table of your own: which networks, attacks, norm and epsilons, on how many digits; measured beside the page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core import attacks, norms
from core.benchmark.grid import EPSILONS
from core.benchmark.journal import Line
from core.errors import InputError
from pages.components import cache, gridding, pending, scoring
from pages.components.gridding import UNITS, Plan
from pages.components.panel import Picks
from pages.components.pending import Pending
from pages.components.scoring import Table

JOB = "gridding"
_PATIENCE = 300.0  # seconds that it goes on while its visitor looks at other pages
_COUNTS = (20, 50, 100, 200, 300)
_LONGEST = 1800.0  # seconds: what takes longer belongs on a machine of one's own

_picks = Picks(
    "grid",
    models=["plain_cnn", "hardened_cnn"],
    attacks=["fgsm", "fgm", "pgd"],
    norm="linf",
    linf=list(EPSILONS["linf"][1:6:2]),
    l2=list(EPSILONS["l2"][1:6:2]),
    count=50,
)


def table() -> Table | None:
    """What is measured of it by now; None before it was ever begun."""
    found = pending.current(JOB)
    return None if found is None else found.asked.table(found.parts())


def waiting() -> dict[str, float | None]:
    """Its cells that are still to come (see gridding.waiting)."""
    found = pending.current(JOB)
    return {} if found is None or found.over or found.job is None else gridding.waiting(found.asked, found.job)


def draw(lines: tuple[Line, ...], begun: Callable[[], None], *, still: bool = False) -> None:
    """The panel. lines: by which the time is told; begun: called when a table is begun, to show it; still: the page no
    longer looks at what comes in."""
    with st.container(border=True, key="grid-panel", height="stretch"):
        st.markdown("### Run a table of your own")
        norm = _picks["norm"]
        _controls(norm)
        plan, fault = _asked(norm)
        found = pending.current(JOB)
        wait = 0.0 if plan is None else gridding.seconds(plan, lines)
        if plan is not None and wait > _LONGEST:
            fault = (
                f"That would take {about(wait)} here, and 30 min is the most. Choose fewer networks, attacks or "
                f"digits, or run it in a terminal: {plan.command}"
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if found is not None and not found.over:
                st.button("Cancel", key="grid_stop", icon=":material/close:", on_click=found.stop)
            else:
                run = st.button("Run", key="grid_run", icon=":material/play_arrow:", disabled=fault is not None)
                if run and plan is not None and _begin(plan):
                    begun()
                    st.rerun()
            if plan is not None and not fault and (found is None or found.over):
                cells = len(plan.attacks) * len(plan.models)
                st.caption(f"{cells} cells of {plan.count} digits: {about(wait)}", width="content")
        if fault:
            st.info(fault, icon=":material/info:")
        if found is not None:
            pending.watch(JOB, _progress, still=still)


def about(seconds: float) -> str:
    """A time as one says it before it has passed."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {10 * round(seconds / 10)} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {round(seconds / 3600)} h"


def _controls(norm: str) -> None:
    titles = _titles()
    st.pills(
        "Networks",
        list(titles),
        format_func=titles.__getitem__,
        selection_mode="multi",
        **_picks.bound("models", [name for name in _picks["models"] if name in titles]),
    )
    known = [name for name in attacks.names() if norm in attacks.get(name).norms]
    st.pills(
        f"Attacks in {norms.get(norm).title}",
        known,
        format_func=lambda name: attacks.get(name).title,
        selection_mode="multi",
        **_picks.bound("attacks", [name for name in _picks["attacks"] if name in known]),
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.segmented_control(
            "Norm",
            list(EPSILONS),
            format_func=lambda name: norms.get(name).title,
            required=True,
            **_picks.bound("norm", norm),
        )
        st.segmented_control("Digits", _COUNTS, required=True, **_picks.bound("count", _picks["count"]))
    st.pills(
        "ε",
        EPSILONS[norm],
        format_func=lambda eps: f"{eps:.2f}" if norm == "linf" else f"{eps:.1f}",
        selection_mode="multi",
        **_picks.bound(norm, [eps for eps in _picks[norm] if eps in EPSILONS[norm]]),
    )


def _titles() -> dict[str, str]:
    """The networks' titles by name, no two alike: a pick of several comes back from the browser by its title."""
    told: dict[str, str] = {}
    for name, title in cache.titles().items():
        alike = sum(other.partition(" (")[0] == title for other in told.values())
        told[name] = f"{title} ({alike + 1})" if alike else title
    return told


def _asked(norm: str) -> tuple[Plan | None, str | None]:
    """What the picks ask for, or what they lack."""
    titles = cache.titles()
    models = tuple((name, "") for name in _picks["models"] if name in titles)
    chosen = tuple(name for name in _picks["attacks"] if name in attacks.names() and norm in attacks.get(name).norms)
    epsilons = tuple(sorted(eps for eps in _picks[norm] if eps in EPSILONS[norm]))
    for there, what in ((models, "a network"), (chosen, "an attack"), (epsilons, "an ε")):
        if not there:
            return None, f"Choose {what} at least."
    count = _picks["count"] if _picks["count"] in _COUNTS else _COUNTS[0]
    return Plan(models, chosen, norm, epsilons, count), None


def _begin(plan: Plan) -> bool:
    """Begin the work; whether that could be."""
    try:
        models = {name: cache.model(name) for name, _ in plan.models}
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
        return False
    versions = tuple((name, model.version) for name, model in models.items())
    asked = Plan(versions, plan.attacks, plan.norm, plan.epsilons, plan.count)
    pending.drop(JOB)
    pending.of(JOB, asked, lambda job: gridding.run(job, asked, models), at_once=0.3, patience=_PATIENCE)
    return True


def _progress(over: bool) -> None:
    """How far it is: how many cells, which one now, and how long it will take yet."""
    found: Pending = st.session_state[JOB]
    plan: Plan = found.asked
    cells, done = plan.chunks, len(found.parts())
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    elif not over and found.place:
        st.progress(0.0, text=f"{found.place} ahead in the queue")
    elif not over and found.job is not None:
        now = cells[min(done, len(cells) - 1)]
        left = f", {found.left}" if found.left else ""
        st.progress(min(found.job.done / (UNITS * len(cells)), 1.0), text=f"**{done} of {len(cells)} cells**{left}")
        st.caption(
            f"Now: {scoring.title(now.attack)} against {cache.title(now.model)}. Finished cells stay if you cancel."
        )
    elif done < len(cells):
        why = "Stopped" if found.stopped else "It was left alone and ended"
        st.caption(f"{why} at {done} of {len(cells)} cells. What is finished stays; Run goes on from there.")
    else:
        st.caption(f"All {done} cells are measured, on {plan.count} digits. They stand in the table above.")
