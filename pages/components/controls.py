"""The picks beside the digits: model, attack with its knobs, norm, target. Widgets show the view and change it."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import streamlit as st

from core import attacks, knobs, norms
from core.knobs import Knob
from pages.components import cache, own_network, session
from pages.components.session import View

_ANY = "Any wrong digit"
_ECHO = 2.0  # seconds for which the browser may not know yet what a widget shows
_WIDE = 100_000  # whole numbers: more than a slider can be set to
_LETTERS = {"linf": "L∞"} | {name: name.upper() for name in ("dlr", "fgsm", "l1", "l2", "mim", "pgd")}  # no words


def _bound(key: str, value: Any, change: Callable[[View, Any], View]) -> dict[str, Any]:
    """Arguments that tie a widget to the view: it shows `value`, and its change puts change(view, new value).

    Where the page itself changes what the widget shows, another part of it may send word of what it showed before: the
    browser had not come to it yet. That is no pick.
    """
    drawn, over = f"{key}_drawn", f"{key}_over"
    was = st.session_state.get(drawn, value)
    st.session_state[over] = (was, time.monotonic()) if was != value else None
    st.session_state[key] = st.session_state[drawn] = value

    def changed() -> None:
        new, old = st.session_state[key], st.session_state[over]
        if new is None or (old is not None and new == old[0] and time.monotonic() - old[1] < _ECHO):
            return
        session.put(change(session.current(), new))
        st.session_state[drawn] = new  # the browser knows that much

    return {"key": key, "on_change": changed}


def named(view: View) -> str:
    """The attack as its button names it: "PGD, 40 steps"."""
    attack = view.instance()
    steps = [knob for knob in knobs.of(type(attack)) if knob.name == "steps" and knobs.matters(attack, knob)]
    return f"{attack.title}, {attack.steps} steps" if steps else attack.title


def draw(view: View) -> None:
    """Model, attack, norm and target."""
    model(view)
    attack(view)
    norm(view)
    target(view)


def model(view: View) -> None:
    """The model's pick, and the offer to bring another; one that has gone stays in it, and its page says so."""
    st.selectbox(
        "Model",
        [own_network.OFFER, *dict.fromkeys([*cache.titles(), view.model])],
        format_func=lambda name: "Bring your own…" if name == own_network.OFFER else cache.title(name),
        width=150,
        **_bound("pick_model", view.model, _picked),
    )


def _picked(was: View, name: str) -> View:
    if name != own_network.OFFER:
        return replace(was, model=name)
    own_network.ask()
    return was


def _as_it_is(view: View) -> View:
    return view


def attack(view: View, among: Sequence[str] | None = None, settle: Callable[[View], View] = _as_it_is) -> None:
    """The attack's pick, with its knobs.

    among: the attacks to choose from, all by default; settle: what a page that shows another attack than the session's
    view makes of that view before a pick changes it.
    """
    with st.container(width=136, gap="xxsmall", key="attack-pick"):
        st.html("<p>Attack</p>")
        with st.popover(named(view), width="stretch"):
            _attack(view, attacks.names() if among is None else among, settle)


def norm(view: View, settle: Callable[[View], View] = _as_it_is) -> None:
    """The pick among the attack's norms; settle as of `attack`."""
    st.segmented_control(
        "Norm",
        attacks.get(view.attack).norms,
        format_func=lambda name: norms.get(name).title,
        required=True,
        **_bound("pick_norm", view.norm, lambda was, name: settle(was).with_norm(name)),
    )


def target(view: View, *, disabled: bool | None = None) -> None:
    """The target's pick; disabled where the attack has no targeted form, unless that is said."""
    goals = [_ANY, *(str(digit) for digit in range(10) if digit != view.y)]
    st.selectbox(
        "Target",
        goals,
        width=156,
        disabled=not attacks.get(view.attack).targetable if disabled is None else disabled,
        **_bound(
            "pick_target",
            _ANY if view.target is None else str(view.target),
            lambda was, goal: replace(was, target=None if goal == _ANY else int(goal)),
        ),
    )


def _attack(view: View, among: Sequence[str], settle: Callable[[View], View]) -> None:
    st.selectbox(
        "Attack",
        among,
        format_func=lambda name: attacks.get(name).title,
        **_bound("pick_attack", view.attack, lambda was, name: was.with_attack(name)),
    )
    with explained(attacks.get(view.attack)):
        knobs_of(view.instance(), lambda each, value: _bound(f"knob_{each.name}", value, _set(each, settle)))
        st.number_input(
            "Seed",
            -session.SEED_MAX,
            session.SEED_MAX,
            help="Which random numbers the attack draws; the same seed gives the same attack",
            **_bound("pick_seed", view.seed, lambda was, seed: replace(was, seed=int(seed))),
        )


@contextmanager
def explained(cls: type) -> Iterator[None]:
    """What a visitor reads of an attack or a defense: its idea, above what is drawn here, and below it how it works."""
    idea, _, rest = (cls.__doc__ or "").partition("\n\n")
    st.markdown(" ".join(idea.split()))
    yield
    with st.expander("How it works"):
        st.markdown("\n".join(line.removeprefix("    ") for line in rest.splitlines()))


def knobs_of(instance: Any, bound: Callable[[Knob, Any], dict[str, Any]], without: Collection[str] = ()) -> None:
    """The controls of all knobs that matter, each tied by bound(knob, what it shows) to what it sets; a seed last."""
    for each in sorted(knobs.of(type(instance)), key=lambda each: each.name == "seed"):
        if knobs.matters(instance, each) and each.name not in without:
            value = getattr(instance, each.name)
            knob(each, bound(each, float(value) if each.kind == "float" else value))


def _set(knob: Knob, settle: Callable[[View], View]) -> Callable[[View, Any], View]:
    def change(was: View, value: Any) -> View:
        if not knob.accepts(value):  # the browser enforces bounds; a client need not
            return was
        was = settle(was)
        return replace(was, knobs=put(was.knobs, knob, value))

    return change


def put(kept: tuple[tuple[str, Any], ...], knob: Knob, value: Any) -> tuple[tuple[str, Any], ...]:
    """Settings that differ from their defaults, sorted by name, with a new value for that knob."""
    told = {name: old for name, old in kept if name != knob.name}
    if value != knob.default:
        told[knob.name] = value
    return tuple(sorted(told.items()))


def _word(choice: str) -> str:
    """A choice as a person writes it: cross_entropy as Cross-entropy, dlr as DLR."""
    return _LETTERS.get(choice) or choice.replace("_", "-").capitalize()


def said(knob: Knob, value: Any) -> str:
    """A knob's value as its control shows it."""
    if value in dict(knob.words):
        return dict(knob.words)[value]
    if isinstance(value, bool):
        return "on" if value else "off"
    return _word(value) if isinstance(value, str) else f"{value:.3g}" if isinstance(value, float) else f"{value:,}"


def knob(knob: Knob, bound: dict[str, Any]) -> None:
    """The control that suits a knob's kind. bound: the arguments that tie it to what it shows and changes."""
    if knob.kind == "choice":
        told = {choice: _word(choice) for choice in knob.choices or ()}
        st.segmented_control(
            knob.label, knob.choices or (), format_func=told.__getitem__, help=knob.help, required=True, **bound
        )
    elif knob.kind == "bool":
        st.checkbox(knob.label, help=knob.help, **bound)
    elif knob.kind == "int":
        low, high = int(knob.low or 0), int(knob.high or 0)
        if knob.words:
            named = {value: said(knob, value) for value in range(low, high + 1)}
            st.select_slider(knob.label, list(named), format_func=named.__getitem__, help=knob.help, **bound)
        elif high - low > _WIDE:
            st.number_input(knob.label, low, high, step=1, help=knob.help, **bound)
        else:
            st.slider(knob.label, low, high, step=1, help=knob.help, **bound)
    else:
        step = knob.step or ((knob.high or 1) - (knob.low or 0)) / 100
        st.slider(
            knob.label, float(knob.low or 0), float(knob.high or 0), step=step, format="%.3g", help=knob.help, **bound
        )
