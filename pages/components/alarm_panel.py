"""Detectors: how suspicious the attacked digit looks among clean ones, and what a threshold makes of many digits."""

from functools import partial
from typing import Any

import streamlit as st

from core.errors import InputError
from pages.components import alarm, alarming, cache, panel, pending, session
from pages.components.alarming import Alarm, Trial
from pages.components.pending import Pending
from pages.components.session import DECIMALS, View
from pages.components.settings import Settings

_JOB, _TRIAL, _KEY = "alarming", "alarm_trial", "alarm"
_DIGITS = 100
_picks, _settings = panel.Picks("alarm", detector="feature_squeezing"), Settings("alarm")


def draw(view: View) -> None:
    """The panel, for the page's own network, digit, attack and norm."""
    with st.container(border=True, key="alarm-panel", height="stretch"):
        chosen = panel.chosen("Detector", "detector", _picks, _settings)
        try:
            asked = Alarm(cache.question(view), chosen, _settings[chosen])
            cache.model(view.model)
        except InputError as fault:
            pending.drop(_JOB)
            pending.drop(_TRIAL)
            st.error(str(fault), icon=":material/error:")
            return
        _look_up(asked)
        made = pending.current(_TRIAL)
        if made is not None and made.asked.plain != Trial(asked, 0.0, _DIGITS).plain:
            pending.drop(_TRIAL)
            made = None
        # One fragment draws both; it looks until the one has ended, and then until the other has.
        first = made is None or made.over or not st.session_state[_JOB].over
        pending.watch(_JOB if first else _TRIAL, partial(_panel, first))


def _look_up(asked: Alarm) -> None:
    """Have the digit scored, or only the detector fitted where an attack or a training waits for the visitor."""
    was = pending.current(_JOB)
    mine = was if was is not None and was.asked == asked and was.job is not None else None
    waits = alarming.wait(asked) is not None if mine is None or mine.left_behind else mine.stopped
    if not waits or alarming.swept(asked) is not None:
        _begin(asked)
    elif mine is None and alarming.crowd(asked) is None and not alarming.learns_long(asked):
        _begin(asked, attacked=False)
    else:
        pending.drop(_JOB)
        pending.of(_JOB, asked, None)


def _begin(asked: Alarm, *, attacked: bool = True) -> None:
    """Take the scores as they are kept, or begin to work them out; the clean ones alone, where that is all."""
    model = cache.model(asked.question.model)
    known = alarming.swept(asked) is not None
    pending.of(_JOB, asked, None if known else alarming.show(asked, model, attacked=attacked), at_once=0.5)


def _panel(first: bool, _: bool) -> None:
    """The scores as far as they are there, and the trial. first: the page looks at the scores, not at the trial."""
    found: Pending = st.session_state[_JOB]
    trial = pending.current(_TRIAL)
    if trial is not None and trial.job is not None:
        trial.job.look()
    if found.fault:
        st.error(found.fault, icon=":material/error:")
        return
    asked: Alarm = found.asked
    data = _data(asked, found, trial)
    if data["crowd"] is not None or data["running"]:
        alarm.draw(data, key=_KEY, on_run=_tried, on_stop=_stop)
    if trial is not None and trial.fault:
        st.error(trial.fault, icon=":material/error:")
    if data["swept"] is None and not data["running"]:
        st.caption(alarming.wait(asked) or "You stopped this.")
        if st.button("Score this digit", key="alarm_start"):
            pending.drop(_JOB)
            _begin(asked)
            st.rerun()
    if first and found.over and trial is not None and not trial.over:
        st.rerun()  # it was begun here, and the page has to look at it from now on


def _data(asked: Alarm, found: Pending, trial: Pending | None) -> dict[str, Any]:
    """What the component holds. Whether work is over is asked before what it found is looked up."""
    over = found.over
    question, norm = asked.question, asked.question.norm
    tries = {**pending.told(trial, trial is None or trial.over), **_outcome(asked, trial)}
    return {
        **pending.told(found, over),
        "key": f"{question.key}-{asked.knobs}-{asked.detector}",
        "fit": repr(asked.fit),
        "norm": norm,
        "eps": session.current().eps,
        "decimals": DECIMALS[norm],
        "crowd": alarming.crowd(asked),
        "swept": alarming.swept(asked),
        "digits": _DIGITS,
        "trial": tries,
    }


def _outcome(asked: Alarm, trial: Pending | None) -> dict[str, Any]:
    """What came of the last trial, as far as it went; without one, of anybody's at this ε."""
    wanted = Trial(asked, session.current().eps, _DIGITS) if trial is None else trial.asked
    parts = [] if trial is None else trial.parts()
    told = alarming.tried(wanted) or (parts[-1] if parts else {})
    return {"of": f"{wanted.eps:.{DECIMALS[asked.question.norm]}f}", **told}


def _tried() -> None:
    """The visitor wants many digits tried at the ε that the component says."""
    eps = getattr(st.session_state.get(_KEY), "run", None)
    found = pending.current(_JOB)
    if found is None or isinstance(eps, bool) or not isinstance(eps, int | float) or not abs(eps) < 1e9:
        return
    asked: Alarm = found.asked
    trial = Trial(asked, session.snap(float(eps), asked.question.norm), _DIGITS)
    if trial.eps <= 0 or alarming.crowd(asked) is None:
        return
    pending.drop(_TRIAL)
    known = alarming.tried(trial) is not None
    work = None if known else alarming.run_trial(trial, cache.model(asked.question.model))
    pending.of(_TRIAL, trial, work)


def _stop() -> None:
    """The visitor ends what is running."""
    for key in (_JOB, _TRIAL):
        found = pending.current(key)
        if found is not None and not found.over:
            found.stop()
