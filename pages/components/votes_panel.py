"""Randomised smoothing: how a network reads many noisy copies of the digit, and how far the majority holds."""

import math
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core import zoo
from core.errors import InputError
from pages.components import cache, packing, panel, pending, votes, voting
from pages.components.session import View
from pages.components.voting import Ballot

_KEY, _JOB = "votes", "voting"
_CLEAN, _ATTACKED = "Clean", "Attacked"
_picks = panel.Picks("votes", model=None, sigma=0.5, samples=voting.SAMPLES[0], digit=_CLEAN)


def draw(view: View) -> None:
    """The panel. Of the page it takes the digit, clean or as its attack changed it; the network is its own pick."""
    with st.container(border=True, key="votes-panel", height="stretch"):
        _controls(view)
        try:
            name = _model(view)
            model = cache.model(name)
            x = _digit(view)
        except InputError as fault:
            pending.drop(_JOB)
            st.error(str(fault), icon=":material/error:")
            return
        ballot = Ballot(name, model.version, x.tobytes(), _picks["sigma"], _picks["samples"], view.seed)
        panel.take_up(_JOB, ballot, partial(_begin, ballot))
        size = float(np.linalg.norm((x - view.x).astype(np.float64)))
        pending.watch(_JOB, partial(_votes, view.y, ballot, size))


def _model(view: View) -> str:
    """The network that was picked; at first the one that was trained on noise, where it is shipped."""
    return _picks["model"] or ("smoothed_cnn" if "smoothed_cnn" in zoo.names() else view.model)


def _digit(view: View) -> np.ndarray:
    if _picks["digit"] == _CLEAN:
        return view.x
    x = voting.attacked(view)
    if x is None:
        st.caption("The attack is still under way: until then it is the clean digit.")
        return view.x
    return x


def _controls(view: View) -> None:
    panel.head("Noisy vote", _picks, _model(view))
    with st.container(horizontal=True, gap="xsmall"):
        st.selectbox("Noise σ", voting.SIGMAS, width=84, **_picks.bound("sigma", _picks["sigma"]))
        st.selectbox(
            "Copies", voting.SAMPLES, format_func="{:,}".format, width=104, **_picks.bound("samples", _picks["samples"])
        )
        st.selectbox("Digit", (_CLEAN, _ATTACKED), width=116, **_picks.bound("digit", _picks["digit"]))


def _begin(ballot: Ballot) -> None:
    model = cache.model(ballot.model)  # in the page's thread: only it knows whose networks may be loaded
    pending.of(_JOB, ballot, voting.vote(ballot, model))


def _votes(label: int, ballot: Ballot, size: float, over: bool) -> None:
    found = pending.current(_JOB)
    outcome = voting.OUTCOMES.get(ballot)
    parts = [] if found is None else found.parts()
    last = {"done": ballot.samples, **outcome} if outcome else parts[-1] if parts else {"done": 0, "counts": [0] * 10}
    kind, said = _verdict(label, ballot, outcome, last["done"], over)
    data: dict[str, Any] = {
        **pending.told(found, over),
        "key": str(hash(ballot)),
        "noisy": packing.grey(voting.noisy(ballot)[None]),
        "sigma": ballot.sigma,
        "counts": last["counts"],
        "voted": last["done"],
        "total": ballot.samples,
        "label": label,
        "choice": None if outcome is None or outcome["abstains"] else outcome["choice"],
        "kind": kind,
        "said": said,
        "note": _note(ballot, size, kind),
        "whole": outcome is not None,
        "chosen": f"{ballot.instance.choosing} other copies chose the class first",
    }
    run = partial(panel.pressed, _JOB, partial(_begin, ballot))
    votes.draw(data, key=_KEY, on_run=run, on_stop=None if found is None else found.stop)
    if found is not None and found.fault:
        st.error(found.fault, icon=":material/error:")


def _verdict(
    label: int, ballot: Ballot, outcome: dict[str, Any] | None, done: int, over: bool
) -> tuple[str, list[str]]:
    """What came of the vote: its kind, as badges have it, and words before the figure, the figure, words after it."""
    if outcome is None:
        if not done:
            offer = f"The network will read {ballot.samples:,} noisy copies of this digit, in a few seconds."
            return "", [offer, "", ""]
        short = " A vote that was cut short proves nothing." if over else ""
        return "", [f"{done:,} of {ballot.samples:,} noisy copies are read.{short}", "", ""]
    choice = outcome["choice"]
    won = f"{outcome['counts'][choice]:,} of {ballot.samples:,} noisy copies are read as {choice}"
    if outcome["abstains"]:
        return "", [f"Abstains: {won}, and no majority is proven.", "", ""]
    radius = math.floor(100 * outcome["radius"]) / 100  # a bound from below is never rounded up
    within = f"within {radius:.2f} in L2"
    if choice == label:
        return "held", [f"{won}: proven ", within, "."]
    return "fooled", [f"{won}, and it is a {label}: the vote itself is wrong, and stays so ", within, "."]


def _note(ballot: Ballot, size: float, kind: str) -> str:
    changed = f"The attack has changed the digit by {size:.2f} in L2. " if size > 0.005 else ""
    wrong = (
        f"The proof is of the vote's answer, and wrong with a chance of at most {100 * ballot.instance.alpha:g}\u00a0%."
    )
    return changed + (wrong if kind else "")
