"""Find the poison: a detector looks through the set, and the truth may be revealed."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core import poisoning
from core.poisoning import Findings
from core.poisoning._reconstruction import Reconstructed
from pages.components import cloud, finding, packing, pending
from pages.components.finding import Search
from pages.components.infecting import Infected
from pages.components.panel import Picks
from pages.components.pending import Pending
from pages.components.settings import Settings
from pages.components.story_effects import Found

_JOB = "finding"
_DRAWN = 1500  # points at most
_PATIENCE = 300.0  # seconds that it goes on while its visitor looks at other pages
_AT_ONCE = 0.5  # seconds that the page waits for a quick one before it shows progress
_picks = Picks("finding", detector="activation_clustering", label=None, truth=False)
_settings = Settings("finding", poisoning.get)


def found(infected: Infected | None) -> tuple[str, Findings] | None:
    """What was found in this very set last, and by whom."""
    place = pending.current(_JOB)
    if infected is None or place is None or place.job is None or not place.over or place.job.result is None:
        return None
    search: Search = place.asked
    return (search.instance.title, place.job.result) if search.plot == infected.plot else None


def told(infected: Infected) -> Found | None:
    """The same for the story's picture."""
    if (known := found(infected)) is None:
        return None
    title, findings = known
    return Found.of(infected, title, findings, _label(findings, infected))


def draw(infected: Infected | None) -> None:
    """The panel."""
    with st.container(border=True, key="finding-panel", height="stretch"):
        if infected is None:
            st.markdown("### Find the poison")
            st.caption("Once a network has learnt the set, detectors can look through it here, as its owner would.")
            return
        place = pending.current(_JOB)
        if place is not None and place.asked.plot != infected.plot:
            pending.drop(_JOB)  # of another set
            place = None
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("### Find the poison", width="content")
            if place is not None and not place.over:
                st.button("Stop", key="finding_stop", on_click=place.stop)
            else:
                st.button("Look", key="finding_look", icon=":material/search:", on_click=_begin, args=(infected,))
        _controls()
        if pending.current(_JOB) is not None:
            pending.watch(_JOB, lambda over: _shown(infected, over))


def _controls() -> None:
    names = poisoning.names("detector")
    titles = {name: poisoning.get(name).title for name in names}
    chosen = _picks["detector"]
    with st.container(horizontal=True, gap="small"):
        st.selectbox(
            "Detector",
            names,
            format_func=titles.__getitem__,
            label_visibility="collapsed",
            **_picks.bound("detector", chosen),
        )
        _settings.draw(chosen)
    st.caption(" ".join((poisoning.get(chosen).__doc__ or "").partition("\n\n")[0].split()))
    _settings.note(chosen)


def _begin(infected: Infected) -> None:
    pending.drop(_JOB)
    search = Search(infected.plot, _picks["detector"], _settings[_picks["detector"]])
    pending.of(_JOB, search, lambda job: finding.run(job, search, infected), at_once=_AT_ONCE, patience=_PATIENCE)


def _shown(infected: Infected, over: bool) -> None:
    place: Pending = st.session_state[_JOB]
    if place.fault:
        st.error(place.fault, icon=":material/error:")
        return
    if over and (place.job is None or place.job.result is None):
        st.caption("It was stopped, and nothing of it is kept." if place.stopped else "It was left alone and ended.")
        return
    findings: Findings | None = place.job.result if over and place.job else None
    if findings is None:
        words = f"{place.place} ahead in the queue" if place.place else f"Looking… {place.left}"
        st.progress(min(place.job.done / max(place.job.total, 1), 1.0) if place.job else 0.0, text=words)
        return
    label = _label(findings, infected)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        options = [int(each) for each in np.unique(infected.poisoned.digits.labels)]
        st.selectbox("Digits labelled", options, width=110, **_picks.bound("label", label))
        st.toggle("Reveal the truth", **_picks.bound("truth", _picks["truth"]))
    cloud.draw(_data(place.asked, findings, infected, label), key="cloud")
    if _picks["truth"]:
        st.caption(_score(findings, infected))


def _label(findings: Findings, infected: Infected) -> int:
    """The label to look at: the visitor's, else the one that the detector suspects most."""
    if _picks["label"] is not None:
        return int(_picks["label"])
    if np.isfinite(findings.classes).any():
        return int(np.nanargmax(findings.classes))
    return int(np.bincount(infected.poisoned.digits.labels[findings.flagged], minlength=10).argmax())


def _score(findings: Findings, infected: Infected) -> str:
    touched = infected.poisoned.touched
    there, both, said = int(touched.sum()), int((touched & findings.flagged).sum()), int(findings.flagged.sum())
    score = poisoning.found(findings.flagged, touched)
    return (
        f"In the whole set it flags {said:,} digits, {both:,} of the {there:,} that were touched among them: precision "
        f"{100 * score.precision:.1f} %, recall {100 * score.recall:.1f} %, F1 {score.f1:.3f}."
    )


def _data(search: Search, findings: Findings, infected: Infected, label: int) -> dict[str, Any]:
    """The digits of one label, as the cloud draws them."""
    poisoned = infected.poisoned
    every = np.flatnonzero(poisoned.digits.labels == label)
    rows = every[np.linspace(0, len(every) - 1, min(len(every), _DRAWN)).astype(int)]
    truth, (flagged, touched) = _picks["truth"], (each[every] for each in (findings.flagged, poisoned.touched))
    data = {
        "key": f"{hash(search)}-{label}",
        "label": label,
        "points": packing.coded(finding.places(findings, rows)),
        "flagged": findings.flagged[rows].astype(int).tolist(),
        "touched": poisoned.touched[rows].astype(int).tolist() if truth else None,
        "x": packing.grey(poisoned.digits.images[rows]),
        "counts": {
            "all": len(every),
            "flagged": int(flagged.sum()),
            "touched": int(touched.sum()),
            "found": int((flagged & touched).sum()),
        },
        "plane": findings.points is not None,
        "triggers": None,
    }
    if isinstance(findings, Reconstructed):
        data["triggers"] = {
            "x": packing.grey((findings.masks * findings.patterns)[..., None]),
            "anomaly": [round(float(each), 2) for each in findings.anomaly],
            "suspect": findings.suspect,
        }
    return data
