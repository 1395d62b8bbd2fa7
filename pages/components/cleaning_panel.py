"""Cleaning: cleaners set on a poisoned network, one after the other, and a ledger of what they made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from core import knobs, poisoning
from core.classifier import Classifier
from core.errors import InputError
from core.poisoning import Findings
from core.poisoning._backdoor import Backdoor
from pages.components import cleansing, controls, infecting, ledger, own_models, packing, pending, session
from pages.components.cleansing import Cleaning, Exhibit
from pages.components.infecting import Infected
from pages.components.panel import Picks
from pages.components.settings import Settings
from pages.components.story_effects import Row

_JOB, _LEDGER = "cleansing", "cleansing_ledger"
_PATIENCE = 300.0  # seconds that it goes on while its visitor looks at other pages
_MOST = 4  # cleanings that stay in the ledger

_picks = Picks("cleaning", cleaner=None)
_settings = Settings("cleaning", poisoning.get)


@dataclass(frozen=True)
class _Kept:
    """A cleaning that is over: its line in the ledger, its network's name among the visitor's own, what is proven."""

    asked: Cleaning
    line: dict[str, Any]
    own: str
    proven: str


@dataclass(eq=False)
class _Ledger:
    """What was made of one poisoned network; lines: how that one stands, and the one that was never poisoned."""

    infected: Infected
    exhibit: Exhibit
    lines: tuple[dict[str, Any], dict[str, Any]]
    kept: list[_Kept] = field(default_factory=list)


def draw(infected: Infected | None, findings: Findings | None, finder: str = "a detector") -> None:
    """The panel. findings: what was last found in this very set, by a detector of that title."""
    with st.container(border=True, key="cleaning-panel", height="stretch"):
        if infected is None:
            pending.drop(_JOB)
            st.markdown("### Cleaning")
            st.caption("Once a network is poisoned, its owner can try to get rid of that here, and compare the ways.")
            return
        found = pending.current(_JOB)
        if found is not None and found.asked.plot != infected.plot:
            pending.drop(_JOB)  # of another network
        found = pending.current(_JOB)
        works = found is not None and not found.over  # asked once: it may end while the page runs
        book = _book(infected)
        if not works:
            _take_in(book)
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        with st.container(horizontal=True, gap="small"):
            asked, fault = _asked(infected, findings, finder)
        with head:
            st.markdown("### Cleaning", width="content")
            if found is not None and works:
                st.button("Stop", key="cleaning_stop", on_click=found.stop)
            else:
                _start(book, asked, findings)
        st.caption(_promise(findings, finder))
        if fault:
            st.error(fault, icon=":material/error:")
        pending.watch(_JOB, lambda over: _lines(over, works))
        if book.kept:
            _yours(book)


# ---------------------------------------------------------------------------------------------------- what is asked for
def _cleaner() -> str:
    """The cleaner that is picked, until then the first that needs no findings."""
    names = poisoning.names("cleaner")
    free = (name for name in names if not poisoning.get(name).needs_findings)
    return _picks["cleaner"] if _picks["cleaner"] in names else next(free, names[0])


def _asked(infected: Infected, findings: Findings | None, finder: str) -> tuple[Cleaning | None, str | None]:
    """The controls; what they ask for, None where findings are missing, and what is wrong with it."""
    names = poisoning.names("cleaner")
    titles = {name: poisoning.get(name).title for name in names}
    chosen = st.selectbox(
        "Cleaner",
        names,
        format_func=titles.__getitem__,
        label_visibility="collapsed",
        **_picks.bound("cleaner", _cleaner()),
    )
    _settings.draw(chosen)
    given = _given(chosen, findings)
    if poisoning.get(chosen).needs_findings and given is None:
        return None, None
    told = None if given is None else cleansing.fingerprint(given)
    note = _note(chosen, given, finder)
    asked = Cleaning(infected.plot, chosen, _settings[chosen], told, note)
    try:
        asked.instance  # noqa: B018 - its knobs are checked when it is made
    except InputError as fault:
        return None, str(fault)
    return asked, None


def _given(cleaner: str, findings: Findings | None) -> Findings | None:
    """What that cleaner takes of the findings: them where it needs them or is helped by their kind."""
    cls = poisoning.get(cleaner)
    helps = cls.helped_by is not None and isinstance(findings, cls.helped_by)
    return findings if cls.needs_findings or helps else None


def rows(infected: Infected) -> list[Row]:
    """The ledger's lines for the story's picture; none where nothing was cleaned."""
    book = _book(infected)
    found = pending.current(_JOB)
    if found is not None and found.over:
        _take_in(book)  # the story is told higher up the page than the ledger
    if not book.kept:
        return []
    owned, honest = book.lines
    lines = [owned, *(each.line for each in book.kept), honest]
    return [Row(each["name"], each["clean"], float(each["success"]), each["note"]) for each in lines]


def _promise(findings: Findings | None, finder: str) -> str:
    """What the cleaner does, and what it is given to do it with."""
    cls = poisoning.get(_cleaner())
    said = [" ".join((cls.__doc__ or "").partition("\n\n")[0].split())]
    if cls.needs_findings and findings is None:
        said.append("**Look for the poison first:** it works on what a detector has found.")
    given = []
    if _given(_cleaner(), findings) is not None and findings is not None:
        flags = f"the {int(findings.flagged.sum()):,} digits that {finder} flags"
        given.append(flags if cls.needs_findings else f"what {finder} has found")
    elif cls.helped_by is not None:
        said.append("What Neural Cleanse finds would spare it a search of its own.")
    if cls.needs_trusted:
        given.append(f"{len(infecting.trusted())} other digits that somebody has looked through")
    if given:
        said.append(f"It is given {' and '.join(given)}.")
    return " ".join(said)


def _note(cleaner: str, findings: Findings | None, finder: str) -> str:
    """What tells this cleaning from others by the same cleaner."""
    known = {each.name: each for each in knobs.of(poisoning.get(cleaner))}
    said = [f"{known[name].label} {controls.said(known[name], value)}" for name, value in _settings[cleaner]]
    if findings is not None:
        needed = poisoning.get(cleaner).needs_findings
        said.insert(
            0, f"{int(findings.flagged.sum()):,} flagged by {finder}" if needed else f"trigger found by {finder}"
        )
    return ", ".join(said)


def _start(book: _Ledger, asked: Cleaning | None, findings: Findings | None) -> None:
    """The button; off where something is missing, or where the ledger has this very cleaning."""
    there = any(each.asked == asked and each.own in own_models.titles() for each in book.kept)
    st.button(
        "Cleaned" if there else "Clean",
        key="cleaning_start",
        icon=":material/check:" if there else ":material/mop:",
        on_click=_begin,
        args=(book.infected, asked, findings),
        disabled=asked is None or there,
    )


def _begin(infected: Infected, asked: Cleaning | None, findings: Findings | None) -> None:
    pending.drop(_JOB)
    if asked is None:
        return
    cleaner, given = asked.instance, None if asked.findings is None else findings
    pending.of(_JOB, asked, lambda job: cleansing.run(job, infected, cleaner, given), patience=_PATIENCE)


# ---------------------------------------------------------------------------------------------------- what came of it
def _book(infected: Infected) -> _Ledger:
    """The ledger of this poisoned network; that of another one is over."""
    book: _Ledger | None = st.session_state.get(_LEDGER)
    if book is None or book.infected is not infected:
        shown = cleansing.exhibit(infected)
        owned, honest = infected.stands
        lines = (
            _line("Poisoned", infected.owned, owned, infected, shown),
            _line("Never poisoned", infected.honest, honest, infected, shown),
        )
        book = st.session_state[_LEDGER] = _Ledger(infected, shown, lines)
    return book


def _line(
    name: str, network: Classifier, stands: dict[str, float], infected: Infected, shown: Exhibit, note: str = ""
) -> dict[str, Any]:
    """A network's line in the ledger."""
    success = stands["success"]
    return {
        "name": name,
        "note": note,
        "clean": stands["clean"],
        "success": success if infected.poisoned.victim is None else bool(success),
        "reads": network.predict(shown.digits.images).tolist(),
    }


def _take_in(book: _Ledger) -> None:
    """Write down what the work came to, once it is there: its network is the visitor's own from now on."""
    found = pending.current(_JOB)
    if found is None or found.job is None or found.stopped or found.job.result is None:
        return
    if found.asked.plot != book.infected.plot:
        return  # of another network
    done: cleansing.Cleaned = found.job.result
    asked: Cleaning = found.asked
    line = _line(asked.title, done.network, done.stands, book.infected, book.exhibit, asked.note)
    kept = _Kept(asked, line, own_models.add(done.network), done.proven)
    book.kept = [*(each for each in book.kept if each.asked != asked), kept][-_MOST:]
    pending.drop(_JOB)


def _lines(over: bool, worked: bool) -> None:
    """The ledger, with a line for the work that goes on; or why nothing came of it. worked: when the page ran."""
    if over and worked:
        st.rerun()  # what it came to has its place above, too
    book: _Ledger = st.session_state[_LEDGER]
    found = pending.current(_JOB)
    owned, honest = book.lines
    exhibit, attack = book.exhibit, book.infected.poisoned.attack
    gain = "attack success" if isinstance(attack, Backdoor) else "victim misled" if exhibit.victim else "read wrong"
    data = {
        "x": packing.grey(exhibit.digits.images),
        "labels": exhibit.digits.labels.tolist(),
        "words": f"{len(infecting.test()):,} test digits, {exhibit.words}",
        "victim": exhibit.victim,
        "gain": gain,
        "lines": [owned, *(each.line for each in book.kept), honest],
        "running": None,
    }
    if found is not None and found.job is not None and not over:
        named = {"name": found.asked.title, "note": found.asked.note}
        data["running"] = {**pending.told(found, over), **named, "left": found.left}
    ledger.draw(data, key="ledger")
    if found is None or not over:
        return
    if found.fault:
        st.error(found.fault, icon=":material/error:")
    elif found.stopped:
        st.caption("You stopped it, and nothing of it is kept.")
    elif found.left_behind:
        st.caption("It was left alone and ended; nothing of it is kept.")


def _yours(book: _Ledger) -> None:
    """The latest of the cleaned networks, to be attacked on the other pages; and what is proven of it."""
    latest = book.kept[-1]
    title = own_models.titles().get(latest.own)
    if latest.proven:
        st.caption(latest.proven)
    if title is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Attack it", key="cleaned_attack", icon=":material/bolt:"):
            session.put(replace(session.current(), model=latest.own))
            st.switch_page("pages/attack.py")
        st.caption(f"**{title}** is on every page now.", width="content")
