"""What a visitor has picked: one frozen View a session, its defaults and bounds, and the link that brings it back."""

import base64
import binascii
import math
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core import digits
from pages.components import own_models

KEY = "view"
NOTES = "link_notes"
PIXELS = 28 * 28
DECIMALS = {"linf": 3, "l2": 2, "l1": 1, "l0": 0, "warp": 2}  # with which ε is written in each norm
STEP = {"linf": 0.001, "l2": 0.01, "l1": 0.1, "l0": 1.0, "warp": 0.01}  # of the slider
SEED_MAX = 2**31 - 1
#: What links to single pages may hold beside a View (see extras).
PAGE_KEYS = frozenset("within budget knows toward against at under count victim poison set rate into stamp how".split())
_FIRST = 7  # the class that a new visitor meets


@dataclass(frozen=True)
class View:
    """Everything that fixes what the Attack page shows.

    index: the bundled digit's row, or None for a digit of the visitor's own; pixels: that digit, 784 grey levels;
    label: what it is said to be; knobs: the attack's settings that differ from their defaults, sorted; target: a class,
    or None for any wrong one; eps: in the norm's units.
    """

    index: int | None = None
    pixels: bytes | None = None
    label: int | None = None
    model: str = "plain_cnn"
    attack: str = "pgd"
    knobs: tuple[tuple[str, Any], ...] = ()
    norm: str = "linf"
    target: int | None = None
    eps: float = 0.0
    seed: int = 0

    @property
    def x(self) -> np.ndarray:
        """The digit, (28, 28, 1) float32."""
        if self.pixels is not None:
            levels = np.frombuffer(self.pixels, np.uint8).astype(np.float32) / 255
            return levels.reshape(28, 28, 1)
        return digits.bundled().images[self.index or 0]

    @property
    def y(self) -> int:
        """What the digit is."""
        return int(self.label) if self.label is not None else int(digits.bundled().labels[self.index or 0])

    def instance(self) -> Any:
        """The attack with its knobs set."""
        from core import attacks  # brings TensorFlow in: not before the frame stands

        return attacks.get(self.attack)(**dict(self.knobs))

    def with_attack(self, name: str, knobs: tuple[tuple[str, Any], ...] = ()) -> "View":
        """The view under another attack; the norm gives way if that attack does not have it, and ε with it."""
        from core import attacks

        cls = attacks.get(name)
        norm = self.norm if self.norm in cls.norms else cls.norms[0]
        target = self.target if cls.targetable else None
        return replace(self, attack=name, knobs=knobs, target=target).with_norm(norm)

    def with_norm(self, norm: str) -> "View":
        """The view in another norm, ε at the same share of its range."""
        if norm == self.norm:
            return self
        share = self.eps / eps_max(self.norm)
        return replace(self, norm=norm, eps=snap(share * eps_max(norm), norm))

    def with_digit(self, index: int | None, pixels: bytes | None = None, label: int | None = None) -> "View":
        """The view of another digit; a target that is now the label is dropped."""
        moved = replace(self, index=index, pixels=pixels, label=label)
        return replace(moved, target=None) if moved.target == moved.y else moved


def eps_max(norm: str) -> float:
    """Where the ε slider ends in a norm."""
    from core import sweep

    return sweep.EPS_MAX[norm]


def snap(eps: float, norm: str) -> float:
    """eps on the slider's own steps, and within its range."""
    return round(min(max(eps, 0.0), eps_max(norm)) / STEP[norm]) * STEP[norm]


def rows_of(label: int) -> np.ndarray:
    """The bundled digits of a class: their rows."""
    return np.flatnonzero(digits.bundled().labels == label)


def first() -> View:
    """What a new visitor sees."""
    return View(index=int(rows_of(_FIRST)[0]))


# ------------------------------------------------------------------------------------------------------------ links
def link(view: View) -> str:
    """The query string that brings this view back, without defaults and without the question mark."""
    plain = View()
    said: dict[str, Any] = {}
    if view.pixels is not None:
        said["pixels"] = base64.urlsafe_b64encode(zlib.compress(view.pixels, 9)).decode().rstrip("=")
        said["label"] = view.label
    else:
        said["digit"] = view.index
    for name in ("model", "attack", "norm", "target", "seed"):
        if getattr(view, name) != getattr(plain, name):
            said[name] = getattr(view, name)
    said["eps"] = f"{view.eps:.{DECIMALS[view.norm]}f}"
    said.update({name: spelled(value) for name, value in view.knobs})
    return urlencode(said)


def digit_of(params: Mapping[str, str], notes: list[str] | None = None) -> View:
    """The digit that a link names, in an otherwise untouched view; the first digit where it names none."""
    notes = [] if notes is None else notes
    if "pixels" in params:
        try:
            return View(pixels=_unpack(params["pixels"]), label=_whole(params.get("label", ""), 0, 9))
        except ValueError:
            notes.append("The drawn digit in the link could not be read.")
    elif "digit" in params:
        last = len(digits.bundled().labels) - 1
        try:
            return View(index=_whole(params["digit"], 0, last))
        except ValueError:
            notes.append(f"The link's digit {quote(params['digit'])} is not a number from 0 to {last}.")
    return first()


def read(params: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that a link's parameters describe, and a sentence for each part that was ignored. Never raises."""
    from core import attacks, knobs, zoo

    notes: list[str] = []
    view = digit_of(params, notes)
    known = {"digit", "pixels", "label", "model", "attack", "norm", "target", "eps", "seed", *PAGE_KEYS}
    if "model" in params:
        if params["model"] in zoo.names() or params["model"] in own_models.titles():
            view = replace(view, model=params["model"])
        elif params["model"].startswith(own_models.PREFIX):
            notes.append("The link's network is a visitor's own, and stays with them.")
        else:
            notes.append(f"There is no model named {quote(params['model'])}.")
    name = params.get("attack", view.attack)
    if name not in attacks.names():
        notes.append(f"There is no attack named {quote(name)}.")
        name = view.attack
    cls = attacks.get(name)
    settings = {each.name: each for each in knobs.of(cls)}
    chosen = {}
    for key, text in params.items():
        if key in settings:
            value = parse(settings[key], text)
            if value is None:
                notes.append(f"{key} is {quote(text)} in the link; it must be {settings[key].expected()}.")
            elif value != settings[key].default:
                chosen[key] = value
        elif key not in known:
            notes.append(f"{quote(key)} is no setting of {cls.title}.")
    view = replace(view, attack=name, knobs=tuple(sorted(chosen.items())), norm=cls.norms[0])
    if "norm" in params:
        if params["norm"] in cls.norms:
            view = replace(view, norm=params["norm"])
        else:
            notes.append(f"{cls.title} is not defined in the norm {quote(params['norm'])}.")
    for key, low, high in (("target", 0, 9), ("seed", -SEED_MAX, SEED_MAX)):
        if key in params:
            try:
                view = replace(view, **{key: _whole(params[key], low, high)})
            except ValueError:
                notes.append(
                    f"{key} is {quote(params[key])} in the link; it must be a whole number from {low} to {high}."
                )
    if view.target is not None and (view.target == view.y or not cls.targetable):
        notes.append(f"The target {view.target} is what the digit is; an attack aims at another class.")
        view = replace(view, target=None)
    if "eps" in params:
        top = eps_max(view.norm)
        value = _number(params["eps"])
        if value is None or not 0 <= value <= top:
            notes.append(f"ε is {quote(params['eps'])} in the link; it must be a number from 0 to {top:g}.")
        else:
            view = replace(view, eps=snap(value, view.norm))
    return view, notes


def quote(text: str) -> str:
    """A link's text as a note may repeat it: printable, and short."""
    text = "".join(each for each in str(text) if each.isprintable())
    return f"“{text[:24]}…”" if len(text) > 24 else f"“{text}”"


def _whole(text: str, low: int, high: int) -> int:
    """The whole number in text, or ValueError."""
    if len(text) > 12 or not low <= int(text) <= high:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _unpack(text: str) -> bytes:
    """784 grey levels from a link, or ValueError; a stream that unpacks to more is cut off, not followed."""
    if len(text) > 4 * PIXELS:
        raise ValueError("too long")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacked = zlib.decompressobj().decompress(packed, PIXELS + 1)
    except (binascii.Error, zlib.error, UnicodeEncodeError) as fault:
        raise ValueError("damaged") from fault
    if len(unpacked) != PIXELS:
        raise ValueError("not a digit")
    return unpacked


def spelled(value: Any) -> str:
    """A knob's value as a link says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse(knob: Any, text: str) -> Any:
    """A knob's value from a link's text, or None where it takes no such value."""
    value: Any = None
    if knob.kind == "choice":
        value = text
    elif knob.kind == "bool":
        value = {"true": True, "false": False}.get(text)
    else:
        number = _number(text)
        if number is not None:
            value = int(number) if knob.kind == "int" and number == int(number) else number
    return value if knob.accepts(value) else None


# ---------------------------------------------------------------------------------------------------------- session
def came_by() -> dict[str, str]:
    """The link that this session came by, as it was when first asked for.

    That is to be early. While a server wakes up after a restart the browser's address is bare for a time, and whatever
    a visitor presses then runs the page anew.
    """
    return st.session_state.setdefault("came_by", st.query_params.to_dict())


def current() -> View:
    """This visitor's view; on the first run of a session, the one that the link describes."""
    if KEY not in st.session_state:
        view, notes = read(came_by())
        st.session_state[KEY], st.session_state[NOTES] = view, notes
    return st.session_state[KEY]


def put(view: View) -> None:
    """Make this the visitor's view."""
    st.session_state[KEY] = view
    st.session_state.pop(NOTES, None)


def notes() -> list[str]:
    """What was ignored in the link that this session came by; gone with the next change."""
    return st.session_state.get(NOTES, [])


def add_note(note: str) -> None:
    """Add a sentence to what was ignored in the link."""
    st.session_state[NOTES] = [*notes(), note]


def visitor() -> str:
    """This session's own name, to tell visitors apart."""
    return st.session_state.setdefault("visitor", secrets.token_hex(8))
