"""The Landscape page once the network is awake: the plane through a digit, as a map and as a surface."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core import norms
from core.errors import InputError
from pages.components import (
    budget,
    cache,
    controls,
    extras,
    figures,
    landscape,
    opening,
    pending,
    session,
    snippet,
    terrain,
)
from pages.components.pending import Pending
from pages.components.session import View
from pages.components.terrain import Survey

_KEY, _JOB = "landscape", "survey"
_LOOK = 0.3  # seconds between two looks
_AT_ONCE = 0.8  # seconds that a page waits for a quick survey before it shows progress
_toward = extras.choice("toward", terrain.directions())
_EXTRAS = (budget.share, _toward)


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    view = session.current()
    if opening.code_asked() is not None:
        opening.show_code(snippet.plane(replace(view, eps=budget.eps(view.norm)), _toward.value))
    with opening.picks(_EXTRAS):
        controls.model(view)
        controls.attack(view)
        budget.draw(view.norm, lambda: controls.norm(view))
        st.selectbox(
            "Second direction", _toward_choices(), format_func=terrain.title, width=150, **_toward.bound(_toward.value)
        )
    attacked, toward = replace(view, eps=budget.eps(view.norm)), _toward.value
    try:
        model = cache.model(view.model)
        asked = (attacked, model.version, toward)
        pending.of(_JOB, asked, lambda job: terrain.survey(job, model, attacked, toward), at_once=_AT_ONCE)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
        return
    pending.watch(_JOB, _panels, every=_LOOK)


def _toward_choices() -> list[str]:
    view = session.current()
    return [
        each for each in terrain.directions() if each not in (view.attack, f"digit_{view.y}") or each == _toward.value
    ]


def _panels(over: bool) -> None:
    """The map and the surface, or how far they are."""
    found: Pending = st.session_state[_JOB]
    job, view = found.job, found.asked[0]
    assert job is not None, "nothing of a survey is known before"
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    elif over and job.result is not None:
        _show(view, job.result)
    else:
        place = found.place
        words = f"{place} ahead in the queue" if place else "Attacking, and asking the network at 10,201 points…"
        st.progress(job.done / job.total, words)
    opening.rerun_for_code()


def _show(view: View, survey: Survey) -> None:
    landscape.draw(_data(view, survey), key=_KEY, on_code=opening.ask_code)
    st.html("<b>The loss that an attack climbs</b>")
    unit = norms.get(survey.measure).title
    axes = (f"{survey.across} ({unit})", f"{survey.up} ({unit})")
    st.plotly_chart(
        figures.surface(survey.plane, view.y, survey.path, axes), key="surface", config={"displaylogo": False}
    )
    st.caption(f"Cross-entropy of the true class, {view.y}, at every point of the plane. Turn it with the pointer.")


def _data(view: View, survey: Survey) -> dict[str, Any]:
    unit, norm = norms.get(survey.measure).title, survey.measure
    attack = controls.named(view)
    reach = budget.said(norm, float(survey.plane.a[-1]))
    beside = f", which leaves it by up to {survey.beside:.2f} in L2" if survey.beside > 0.01 else ""
    return {
        "key": f"{hash((view, _toward.value)):x}",
        "label": view.y,
        **terrain.told(survey),
        "decimals": session.DECIMALS[norm],
        "headline": _headline(view, survey),
        "sentence": survey.note + _sentence(view, survey),
        "axis": f"Across: {survey.across}. Up: {survey.up.lower() if survey.up == 'Random' else survey.up}, at right "
        f"angles. Both up to {reach} in {unit}; every point is clipped into black to white, as an attack would.",
        "ballText": f"all changes of ε = {budget.said(norm, view.eps)} in {unit}",
        "pathText": f"{view.instance().title}’s path, as its shadow in this plane{beside}",
        "caption": f"{attack} on {cache.title(view.model)}, ε = {budget.said(view.norm, view.eps)} "
        f"in {norms.get(view.norm).title}; up: {survey.up}",
        "file": f"landscape-{view.model}-{view.attack}-{_toward.value}",
        "setting": {
            "model": view.model,
            "attack": view.attack,
            "knobs": dict(view.knobs),
            "norm": view.norm,
            "eps": view.eps,
            "second_direction": _toward.value,
            "seed": view.seed,
        },
        "link": extras.link(replace(view, eps=session.current().eps), _EXTRAS),
    }


def _headline(view: View, survey: Survey) -> list[str | int]:
    """The verdict in parts: words, and classes as numbers."""
    reads = int(survey.result.logits_clean[0].argmax())
    if reads != view.y:
        return ["The network reads ", reads, " before any attack"]
    if survey.border is None:
        return ["In all of this plane the network reads ", reads]
    size, other = survey.border
    return ["In this plane ", reads, " gives way to ", other, f" at {budget.said(survey.measure, size)}"]


def _sentence(view: View, survey: Survey) -> str:
    unit = norms.get(survey.measure).title
    said = [f"That is the border nearest to the digit here, in {unit}." if survey.border else ""]
    if survey.change:
        reads, sure = int(survey.result.prediction[0]), float(survey.result.confidence[0])
        share = "more than 99.9\u00a0%" if sure > 0.999 else f"{100 * sure:.1f}\u00a0%"
        title = view.instance().title
        said.append(
            f"{title} went to {budget.said(survey.measure, survey.change)}, where it reads {reads} with {share}."
        )
    return " ".join(filter(None, said))
