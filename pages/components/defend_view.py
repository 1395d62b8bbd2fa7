"""The Defend page once the network is awake: two networks under one attack, and below them the other defenses."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core import defenses, sweep, zoo
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
    snippet,
    votes_panel,
)
from pages.components.jobs import Job
from pages.components.pending import Pending
from pages.components.question import Question
from pages.components.session import DECIMALS, View

_DUEL, _JOB = "duel", "duel_sweeps"


def _read_against(text: str) -> str:
    if text not in zoo.names() and text not in own_models.titles() and text not in _shields():
        raise ValueError(text)
    return text


#: What stands on the other side: a model's name, or "+" and the name of a transform in front of the same network.
_against = extras.Extra("against", "hardened_cnn", _read_against, "a model, or + and an input transform,")


def _shields() -> list[str]:
    return [f"+{name}" for name in defenses.names("transform")]


def _other(view: View) -> str:
    """The name of the other side's network."""
    picked = _against.value
    return view.model + picked if picked.startswith("+") else picked


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
    words = {name: f"The same behind {_small(defenses.get(name[1:]).title)}" for name in _shields()}
    titles = cache.titles()
    st.selectbox(
        "Defended by",
        list(dict.fromkeys([*titles, *words, _against.value])),
        format_func=lambda name: str({**titles, **words}.get(name, name)),
        width=150,
        **_against.bound(_against.value),
    )


def _small(title: str) -> str:
    """A title in the middle of a sentence."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


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
        "file": f"defend-{'-'.join(names).replace('+', '-behind-')}",
        "caption": f"{controls.named(view)} on a {view.y}",
        "setting": {"models": names, "attack": view.attack, "knobs": dict(view.knobs), "seed": view.seed},
        "link": extras.link(replace(view, eps=0.0), (_against,)),
    }


def _swept(asked: Question) -> dict[str, Any]:
    if not long_sweep.is_long(asked):
        return cache.swept(asked)
    return long_sweep.answer(asked) or long_sweep.blank(asked)


def _figures(name: str) -> list[list[str]]:
    """What the card of a shipped network says of many digits; nothing of one that has no card."""
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
