"""The Defend page once the network is awake: two networks under one attack, and below them the other defenses."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core import defenses, knobs, sweep, zoo
from core.errors import InputError
from pages.components import (
    alarm_panel,
    cache,
    certificate_panel,
    controls,
    duel,
    extras,
    guard_panel,
    long_sweep,
    opening,
    own_models,
    pending,
    school_panel,
    session,
    shields,
    snippet,
    votes_panel,
)
from pages.components.extras import Extra
from pages.components.jobs import Job
from pages.components.pending import Pending
from pages.components.question import Question
from pages.components.session import DECIMALS, View
from pages.components.settings import Settings

_DUEL, _JOB = "duel", "duel_sweeps"
_PLAIN = str.maketrans(":=", "--")  # a file's name has no others


def _read_against(text: str) -> str:
    if text.startswith("+"):
        return f"+{shields.parted(text).transform}"
    if text not in zoo.names() and text not in own_models.titles():
        raise ValueError(text)
    return text


def _linked() -> dict[str, dict[str, Any]]:
    """The settings of the transform that the link names."""
    try:
        _, transform, kept = shields.parted(session.came_by().get("against", ""))
    except InputError:
        return {}
    return {transform: dict(kept)}


_settings = Settings("duel", first=_linked)


def _written(picked: str) -> str:
    """The pick with the settings of its transform, if it is one."""
    return shields.spelled(picked[1:], _settings[picked[1:]]) if picked.startswith("+") else picked


#: What stands on the other side: a model's name, or "+" and the name of a transform in front of the same network.
_against = Extra("against", "hardened_cnn", _read_against, "a model, or + and an input transform,", _written)


def _other(view: View) -> str:
    """The name of the other side's network."""
    written = _written(_against.value)
    return view.model + written if written.startswith("+") else written


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    view = replace(session.current(), target=None)  # two networks that are each to be fooled in any way
    if opening.code_asked() is not None:
        opening.show_code(snippet.duel(view, _other(view)))
    with opening.picks((_against,)):
        controls.model(view)
        _pick_against()
        controls.attack(view)
        controls.norm(view)
    try:
        asked = tuple(cache.question(replace(view, model=name)) for name in (view.model, _other(view)))
    except InputError as fault:
        pending.drop(_JOB)
        st.error(str(fault), icon=":material/error:")
    else:
        slow = [each for each in asked if long_sweep.is_long(each) and long_sweep.answer(each) is None]
        pending.of(_JOB, asked, (lambda job: _work(job, slow)) if slow else None, at_once=0.5)
        pending.watch(_JOB, _duel)
    with st.container(gap="small"):
        _panels(view)


def _panels(view: View) -> None:
    """Other defenses, each for itself."""
    first, second, third = st.columns(3, gap="small")
    with first:
        guard_panel.draw(view)
    with second:
        certificate_panel.draw(view)
    with third:
        alarm_panel.draw(view)
    narrow, wide = st.columns([1, 2], gap="small")
    with narrow:
        votes_panel.draw(view)
    with wide:
        school_panel.draw(view, _against)


def _pick_against() -> None:
    titles = {**cache.titles(), **{f"+{name}": defenses.get(name).title for name in defenses.names("transform")}}
    with st.container(horizontal=True, width=150, vertical_alignment="bottom", gap="xxsmall", key="against-pick"):
        st.selectbox(
            "Defended by",
            list(dict.fromkeys([*titles, _against.value])),
            format_func=lambda name: str(titles.get(name, name)),
            width="stretch",
            **_against.bound(_against.value),
        )
        if _against.value.startswith("+"):
            _settings.draw(_against.value[1:], icon=":material/tune:")


def _work(job: Job, slow: list[Question]) -> None:
    """The sweeps that take seconds, one after the other; progress is told of both together."""
    for place, each in enumerate(slow):
        run = long_sweep.work(each)
        run(_Share(job, place, len(slow)))  # pyright: ignore[reportArgumentType]


class _Share:
    """A job as one of several works in it sees it."""

    def __init__(self, job: Job, place: int, of: int):
        self._job, self._place, self._of = job, place, of

    @property
    def wanted(self) -> bool:
        return self._job.wanted

    def report(self, done: int, total: int, x_so_far: object = None) -> bool:
        return self._job.report(self._place * total + done, self._of * total)


def _duel(over: bool) -> None:
    """The two networks, as far as their sweeps have come."""
    found: Pending = st.session_state[_JOB]
    view = replace(session.current(), target=None)
    try:
        data = _data(view, found, over)
        duel.draw(data, key=_DUEL, on_eps=_moved, on_code=opening.ask_code, on_stop=found.stop)
    except InputError as fault:
        st.error(str(fault), icon=":material/error:")
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    opening.rerun_for_code()


def _data(view: View, found: Pending, over: bool) -> dict[str, Any]:
    asked: tuple[Question, ...] = found.asked
    names = [each.model for each in asked]
    return {
        **pending.told(found, over),
        "key": "-".join(each.key for each in asked),
        "sides": [
            {
                "name": each.model,
                "title": cache.title(each.model),
                "sweep": _swept(each),
                "figures": _figures(each.model),
            }
            for each in asked
        ],
        "eps": view.eps,
        "max": sweep.EPS_MAX[view.norm],
        "step": sweep.EPS_MAX[view.norm] / (sweep.COUNT - 1),
        "decimals": DECIMALS[view.norm],
        "norm": view.norm,
        "label": view.y,
        "target": None,
        "whole": True,
        "file": f"defend-{'-'.join(names).replace('+', '-behind-').translate(_PLAIN)}",
        "caption": f"{controls.named(view)} on a {view.y}",
        "setting": {"models": names, "attack": view.attack, "knobs": dict(view.knobs), "seed": view.seed},
        "link": extras.link(replace(view, eps=0.0), (_against,)),
    }


def _swept(asked: Question) -> dict[str, Any]:
    if not long_sweep.is_long(asked):
        return cache.swept(asked)
    return long_sweep.answer(asked) or long_sweep.blank(asked)


def _figures(name: str) -> list[list[str]]:
    """What the card of a shipped network says of many digits; of one behind a transform, how that is set."""
    _, transform, kept = shields.parted(name)
    if transform:
        known = {each.name: each for each in knobs.of(defenses.get(transform))}
        return [[known[key].label, controls.said(known[key], value)] for key, value in kept]
    if name not in zoo.names():
        return []
    told = zoo.card(name)["figures"]
    clean, attacked = told["clean"], told["attacked"]
    return [
        [f"{clean['digits']:,} clean digits", f"{100 * clean['accuracy']:.1f} % right"],
        [f"{attacked['digits']:,} attacked, ε = {attacked['eps']:g}", f"{100 * attacked['accuracy']:.1f} % right"],
    ]


def _moved() -> None:
    eps = getattr(st.session_state.get(_DUEL), "eps", None)
    if isinstance(eps, int | float) and abs(eps) < 1e9:
        view = session.current()
        session.put(replace(view, eps=session.snap(float(eps), view.norm)))
