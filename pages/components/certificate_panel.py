"""Certificates: accuracy against ε, what is proven at least, what an attack leaves at most, what lies between."""

import math
from functools import partial
from typing import Any

import streamlit as st

from core import defenses, norms, sweep, zoo
from core.errors import InputError
from pages.components import band, cache, panel, pending, proving
from pages.components.proving import Claim, Single
from pages.components.session import View

_KEY, _JOB, _OWN = "band", "proving", "proving_own"
_picks = panel.Picks("certificate", model=None, certificate=proving.CERTIFICATES[0], count=proving.COUNTS[0])


def draw(view: View) -> None:
    """The panel. Of the page it takes the digit and ε; the network is its own pick."""
    with st.container(border=True, key="certificate-panel", height="stretch"):
        _controls()
        name, certificate = _model(), _picks["certificate"]
        try:
            model = cache.model(name)
            proving.check(model, certificate)
        except InputError as fault:
            pending.drop(_JOB)
            pending.drop(_OWN)
            st.error(str(fault), icon=":material/error:")
            return
        single = Single(name, model.version, certificate, view.x.tobytes())
        if proving.SINGLES.get(single) is not None or proving.quick(model, certificate):
            _begin_own(single)
        else:
            panel.take_up(_OWN, single, partial(_begin_own, single))
        claim = Claim(name, model.version, certificate, _picks["count"])
        panel.take_up(_JOB, claim, partial(_begin, claim))
        pending.watch(_JOB, partial(_band, view, claim, single, _works()))
        pending.watch(_OWN, lambda over: None)  # it draws nothing itself: the page runs again at its end


def _model() -> str:
    """The network that was picked; at first the one that was trained to be proven, where it is shipped."""
    first = "certified_cnn" if "certified_cnn" in zoo.names() else "hardened_cnn"
    return _picks["model"] or first


def _controls() -> None:
    panel.head("Certificate", _picks, _model())
    with st.container(horizontal=True, gap="small"):
        st.selectbox(
            "Proven by",
            proving.CERTIFICATES,
            format_func=lambda name: defenses.get(name).title,
            **_picks.bound("certificate", _picks["certificate"]),
        )
        st.selectbox("Digits", proving.COUNTS, width=90, **_picks.bound("count", _picks["count"]))


def _begin(claim: Claim) -> None:
    model = cache.model(claim.model)  # in the page's thread: only it knows whose networks may be loaded
    pending.of(_JOB, claim, proving.prove(claim, model))


def _begin_own(single: Single) -> None:
    model, known = cache.model(single.model), proving.SINGLES.get(single) is not None
    pending.of(_OWN, single, None if known else proving.single(single, model), at_once=0.5)


def _works() -> bool:
    """Whether the page's own digit is being proven."""
    found = pending.current(_OWN)
    return found is not None and not found.over


def _band(view: View, claim: Claim, single: Single, worked: bool, over: bool) -> None:
    if _works() and not worked:
        st.rerun()  # its button was pressed: the page has to look for its end from now on
    found = pending.current(_JOB)
    finished = proving.CURVES.get(claim)
    parts = finished or ([] if found is None else found.parts())
    proven = [part for part in parts if "radii" in part]
    radii = [radius for part in proven for radius in part["radii"]]
    attacked = [[part["eps"], part["standing"]] for part in parts if "eps" in part]
    data = {
        **pending.told(found, over),
        "key": f"{claim.model}-{claim.version}-{claim.certificate}-{claim.count}",
        "far": _far(claim, over, proven, len(radii), attacked),
        "whole": finished is not None,
        "radii": sorted(radii),
        # Attacked with no budget, every digit stands that is read rightly.
        "standing": [[0.0, sum(part["right"] for part in proven)], *attacked] if attacked else [],
        "count": claim.count,
        "offer": _offer(claim),
        "own": _own(view, single),
        "prove": "" if _works() or proving.SINGLES.get(single) else f"Prove this {view.y}",
        "most": proving.MOST,
        "eps": view.eps,
        "norm": view.norm,
        "title": norms.get(view.norm).title if view.norm in norms.names() else view.norm,
        "maxima": sweep.EPS_MAX,
    }
    run = partial(panel.pressed, _JOB, partial(_begin, claim))
    single_run = partial(panel.pressed, _OWN, partial(_begin_own, single))
    band.draw(data, key=_KEY, on_run=run, on_single=single_run, on_stop=None if found is None else found.stop)
    for each in (found, pending.current(_OWN)):
        if each is not None and each.fault:
            st.error(each.fault, icon=":material/error:")


def _far(claim: Claim, over: bool, proven: list[dict[str, Any]], done: int, attacked: list[list[float]]) -> str:
    """How far the work is, or where it was stopped, or what it was about."""
    if proving.CURVES.get(claim) is not None:
        return f"{claim.count} bundled digits, {claim.count // 10} of each class"
    if over:
        at = f"ε = {attacked[-1][0]:.2f}" if attacked else f"{done} of {claim.count} digits"
        return f"stopped at {at}"
    if done < claim.count:
        return f"proving: {done} of {claim.count} digits{_left(claim, proven, done)}"
    return f"attacking: ε = {proving.EPSILONS[min(len(attacked), len(proving.EPSILONS) - 1)]:.2f}"


def _left(claim: Claim, proven: list[dict[str, Any]], done: int) -> str:
    """How long the proofs will take yet, where that is minutes."""
    left = proven[-1]["seconds"] / done * (claim.count - done) if proven else 0.0
    return f", about {math.ceil(left / 60)} min left" if left > 60 else ""


def _offer(claim: Claim) -> str:
    title = defenses.get(claim.certificate).title
    takes = "a minute or more: up to half a second a digit"
    if claim.certificate == "interval":
        takes = "seconds to a minute"
    return f"{title} will prove what it can of {claim.count} digits, and PGD attack the rest. It takes {takes}."


def _own(view: View, single: Single) -> list[str]:
    """What is proven of the page's own digit: words before, the figure, words after."""
    told = proving.SINGLES.get(single)
    if told is None:
        return [f"Proving this {view.y}…" if _works() else "", "", ""]
    if told["read"] != view.y:
        return [f"This {view.y} is read as {told['read']} before any attack: there is nothing to prove.", "", ""]
    radius = math.floor(1000 * told["radius"]) / 1000  # a bound from below is never rounded up
    if radius <= 0:
        return [f"Of this {view.y} nothing is proven: the bounds are too wide for this network.", "", ""]
    return [f"This {view.y} is proven safe up to ", f"ε = {radius:.3f}", "."]
