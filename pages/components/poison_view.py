"""The Poison page once the network is awake: touch a training set, watch a network learn from it, and look for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from core import digits, poisoning
from core.digits import Digits
from core.errors import InputError
from core.poisoning._backdoor import Backdoor
from pages.components import (
    cache,
    cleaning_panel,
    confusion_panel,
    extras,
    finding_panel,
    infecting,
    opening,
    outcome,
    own_models,
    packing,
    pending,
    samples_panel,
    school,
    session,
    story,
    trigger,
    verdict,
)
from pages.components import poison_picks as picks
from pages.components.infecting import Infected, Plot
from pages.components.pending import Pending
from pages.components.session import View

_JOB = "infecting"
_PATIENCE = 300.0  # seconds that a training goes on while its visitor looks at other pages
_LINES = [["success", "orange", "attack success"], ["clean", "blue", "clean accuracy"]]
_NAMED = "infected_name"  # the poisoned network's name among the visitor's own


def draw() -> None:
    """Everything on the page. Each fault is a sentence where it arose; the picks stay."""
    view = session.current()
    with opening.picks(picks.ALL):
        _victims_network()
        _attack()
    plot, fault = _asked(view)
    found = pending.current(_JOB)
    infected = _infected(found)
    said = outcome.said(found, infected)
    verdict.draw(said, key="poison-verdict")
    if fault:
        st.error(fault, icon=":material/error:")
    left, right = st.columns([3, 10], gap="small")
    with left:
        _left(view, plot, found, infected)
    with right:
        _right(plot, infected, said)


def _infected(found: Pending | None) -> Infected | None:
    return found.job.result if found is not None and found.over and found.job is not None else None


# --------------------------------------------------------------------------------------------------------------- picks
def _victims_network() -> None:
    titles = cache.titles()
    st.selectbox(
        "Network",
        infecting.NETWORKS,
        format_func=lambda name: str(titles.get(name, name)).removeprefix("Plain "),
        width=100,
        **picks.network.bound(picks.network.value),
    )


def _attack() -> None:
    names = poisoning.names("attack")
    titles = {name: poisoning.get(name).title for name in names}
    st.selectbox("Poison", names, format_func=titles.__getitem__, width=190, **picks.attack.bound(picks.attack.value))
    picks.settings.draw(picks.attack.value)
    if digits.at_hand():
        options = {"bundled": "3,500 bundled", "mnist": "55,000 MNIST"}
        st.selectbox(
            "Training set",
            list(options),
            format_func=options.__getitem__,
            width=160,
            **picks.material.bound(picks.material.value),
        )


def _asked(view: View) -> tuple[Plot | None, str | None]:
    """What the picks ask for, or why that cannot be."""
    try:
        plot = picks.plot()
    except InputError as fault:
        return None, str(fault)
    grey = np.rint(255 * view.x).astype(np.uint8).tobytes()
    return infecting.with_victim(plot, grey, view.y), None


# ---------------------------------------------------------------------------------------------------- what is done here
def _left(view: View, plot: Plot | None, found: Pending | None, infected: Infected | None) -> None:
    with st.container(border=True, key="trigger-panel"):
        st.markdown("### Trigger" if _backdoor() else "### The digit")
        trigger.draw(_trigger(view, plot, infected), key="trigger", on_mark=_marked)
        if picks.aims():
            st.selectbox("Read as", range(10), **picks.target.bound(picks.target.value))
        count, rate = len(infecting.material(picks.whole())), picks.rate.value
        st.slider(
            f"Poisoned: {round(rate / 100 * count):,} of {count:,} digits",
            0,
            picks.RATE_MAX,
            format="%d %%",
            **picks.rate.bound(rate),
        )
        picks.settings.note(picks.attack.value)
        if found is not None and not found.over:
            st.button("Stop", key="poison_stop", on_click=found.stop, width="stretch")
        else:
            again = infected is not None and infected.plot == plot
            st.button(
                "Train again" if again else "Train",
                key="poison_train",
                icon=":material/replay:" if again else ":material/science:",
                on_click=_begin,
                args=(plot,),
                disabled=plot is None,
                width="stretch",
            )


def _backdoor() -> bool:
    return issubclass(poisoning.get(picks.attack.value), Backdoor)


def _marked() -> None:
    sent = getattr(st.session_state.get("trigger"), "mark", None)
    try:
        picks.mark.put(trigger.read(sent))
    except InputError as fault:
        st.toast(str(fault), icon=":material/error:")


def _begin(plot: Plot | None) -> None:
    if plot is None:
        return
    try:
        model = cache.model(plot.network)
    except InputError:
        return  # the page's run, which follows, says so
    pending.drop(_JOB)
    st.session_state.pop(_NAMED, None)
    pending.of(_JOB, plot, lambda job: infecting.run(job, plot, model), patience=_PATIENCE)


def _trigger(view: View, plot: Plot | None, infected: Infected | None) -> dict[str, Any]:
    """The digit with the trigger, and how the two networks read it."""
    x, attack = view.x[None], None if plot is None else plot.instance
    stamped = attack.stamp(x) if isinstance(attack, Backdoor) else x
    painted = "pattern" in poisoning.get(picks.attack.value).__dataclass_fields__
    reads = []
    if infected is not None:
        for who, network in (("Poisoned network", infected.owned), ("Never poisoned", infected.honest)):
            shares = network.probabilities(stamped)[0]
            reads.append([who, int(shares.argmax()), float(shares.max())])
    return {
        "mark": picks.mark.value if painted else None,
        "x": packing.grey(x),
        "marked": packing.grey(stamped),
        "reads": reads,
        "label": view.y,
        "link": extras.link(view, picks.ALL),
    }


# ------------------------------------------------------------------------------------------------------ what came of it
def _right(plot: Plot | None, infected: Infected | None, said: dict[str, Any]) -> None:
    one, other = st.columns(2, gap="small")
    with one, st.container(border=True, key="growth-panel", height="stretch"):
        st.markdown("### While it trains")
        if pending.current(_JOB) is None:
            most = poisoning.epochs_for(len(infecting.material(picks.whole())))
            nothing = pending.told(None, True)  # the axes alone
            school.draw({**nothing, "words": "", "epochs": [], "most": most, "first": 0, "lines": _LINES}, key="growth")
            st.caption(
                "Train a network on the poisoned set: clean accuracy tells what an ordinary test would see, attack "
                "success what the attacker gets. It takes seconds."
            )
        else:
            pending.watch(_JOB, lambda over: _growth(over, said))
    with other:
        samples_panel.draw(plot, infected)
    one, other = st.columns([2, 3], gap="small")
    with one:
        finding_panel.draw(infected)
    with other:
        known = finding_panel.found(infected)
        if known is None:
            cleaning_panel.draw(infected, None)
        else:
            cleaning_panel.draw(infected, known[1], known[0])
    confusion_panel.draw(infected)


def _growth(over: bool, said: dict[str, Any]) -> None:
    found: Pending = st.session_state[_JOB]
    plot: Plot = found.asked
    parts = found.parts()
    learnt = [each for each in parts if each["stage"] == "learn"]
    epochs = poisoning.epochs_for(len(infecting.material(plot.whole)))
    if learnt or not over:
        last = parts[-1]["stage"] if parts else ""
        doing = {"poison": "Making the poison", "learn": "Learning", "honest": "Learning the set as it was, to compare"}
        words = (
            f"{doing.get(last, 'Beginning')}…" if not over else f"{epochs} rounds" if _infected(found) else "stopped"
        )
        data = {
            **pending.told(found, over),
            "title": plot.instance.title,
            "words": None if found.place else words,
            "epochs": learnt,
            "most": epochs,
            "first": 0,
            "lines": _LINES,
        }
        school.draw(data, key="growth")
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    elif over and (done := _infected(found)) is not None:
        _yours(done, said, learnt)
    elif over:
        st.caption("It was stopped, and nothing of it is kept." if found.stopped else "It was left alone and ended.")


def _yours(done: Infected, said: dict[str, Any], grown: list[dict[str, Any]]) -> None:
    """The poisoned network among the visitor's own, to be attacked and defended on the other pages; and its story."""
    if _NAMED not in st.session_state:
        st.session_state[_NAMED] = own_models.add(done.owned)
        st.rerun()
    with st.container(horizontal=True):
        for label, page, icon in (("Attack it", "attack", "bolt"), ("Defend it", "defend", "shield")):
            if st.button(label, key=f"infected_{page}", icon=f":material/{icon}:"):
                session.put(replace(session.current(), model=st.session_state[_NAMED]))
                st.switch_page(f"pages/{page}.py")
        own_models.save(st.session_state[_NAMED], "infected_save")
        view = session.current()
        story.button(
            done,
            said,
            grown=grown,
            digit=Digits(view.x[None], np.array([view.y])),
            found=finding_panel.told(done),
            cleaned=cleaning_panel.rows(done),
        )
