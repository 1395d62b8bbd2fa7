"""Links: every view has one that brings it back, and a bad one is ignored part by part."""

import base64
import random
import zlib
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import attacks, knobs, zoo
from core.knobs import Knob
from core.sweep import EPS_MAX
from pages.components import session
from pages.components.session import STEP, View
from tests.pages.driving import calm, data, drawn_digit, opened, view

KEYS = ["digit", "pixels", "label", "model", "attack", "norm", "target", "eps", "seed"]


def packed(content: bytes) -> str:
    """Grey levels as a link carries them."""
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


def bomb() -> str:
    """A link's drawn digit that would unpack to 100 MB."""
    return packed(bytes(10**8))


#: A link's bad part, and a word that the notice about it must hold.
BAD = [
    ({"model": "resnet"}, "resnet"),
    ({"model": "../../etc/passwd"}, "etc/passwd"),
    ({"attack": "deepfool9"}, "deepfool9"),
    ({"norm": "l7"}, "l7"),
    ({"attack": "fgsm", "norm": "l2"}, "l2"),
    ({"colour": "red"}, "colour"),
    ({"attack": "fgsm", "steps": "7"}, "steps"),
    *(({"steps": value}, "steps") for value in ("0", "2.5", "many")),
    *(({"step_size": value}, "step_size") for value in ("nan", "1e9")),
    ({"loss": "hope"}, "loss"),
    ({"random_start": "maybe"}, "random_start"),
    ({"digit": "3500", "target": "7"}, "target"),
    *(({"target": value}, "target") for value in ("10", "-1", "any")),
    *(({"eps": value}, "ε") for value in ("-0.1", "nan", "inf", "0.4", "", "1e400")),
    *(({"seed": value}, "seed") for value in ("1e3", "9" * 5000)),
    *(({"digit": value}, "digit") for value in ("5000", "-1", "seven")),
    ({"label": "12", "pixels": packed(bytes(784))}, "drawn digit"),
    ({"pixels": packed(bytes(784))}, "drawn digit"),
    *(
        ({"pixels": pixels, "label": "3"}, "drawn digit")
        for pixels in (
            "%%%",
            "ñandú",
            packed(bytes(783)),
            packed(bytes(785)),
            packed(drawn_digit())[:-9],
            bomb(),
            packed(random.Random(0).randbytes(784)) + "A" * 9000,
        )
    ),
    ({"model": "m" * 100_000}, "mmmm"),
    ({"<script>alert(1)</script>": "1"}, "script"),
]


def short(value: object) -> str:
    return str(value)[:60]


@pytest.mark.parametrize(("params", "word"), BAD, ids=short)
def test_a_bad_part_is_ignored_and_named(params, word):
    got, notes = session.read(params)
    assert len(notes) == 1 and word in notes[0], notes
    assert notes[0].endswith(".") and len(notes[0]) < 200
    good = {key: value for key, value in params.items() if key in ("attack",) and value in attacks.names()}
    default, none = session.read(good | ({"digit": params["digit"]} if params.get("digit") == "3500" else {}))
    assert got == default and not none


@pytest.mark.parametrize(
    "params",
    [BAD[0][0], BAD[8][0], BAD[14][0], {"eps": "nan"}, {"pixels": bomb(), "label": "3"}, BAD[-1][0]],
    ids=short,
)
def test_the_page_says_what_it_ignored(params):
    at = opened(urlencode(params))
    assert len(at.info) == 1 and "ignored" in at.info[0].value and not at.error
    assert data(at)["sweep"]["epsilons"]


def test_all_of_it_bad_at_once():
    at = opened("digit=x&model=x&attack=x&norm=x&target=x&eps=x&seed=x&x=x")
    assert len(at.info) == 1 and at.info[0].value.count("“x”") == 8
    assert view(at) == session.first()
    at.button(key="digit_1").click()
    assert not calm(at.run()).info  # told once, gone with the next pick


def test_the_last_good_parts_of_a_link_are_kept():
    got, notes = session.read({"digit": "2003", "model": "plain_mlp", "attack": "mim", "steps": "0", "eps": "0.2"})
    assert len(notes) == 1
    assert got == View(index=2003, model="plain_mlp", attack="mim", eps=session.snap(0.2, "linf"))


# ---------------------------------------------------------------------------------------------------------- properties
def value_of(knob: Knob) -> st.SearchStrategy:
    """Any value that a knob takes."""
    if knob.kind == "choice":
        return st.sampled_from(knob.choices or ())
    if knob.kind == "bool":
        return st.booleans()
    if knob.kind == "int":
        return st.integers(int(knob.low or 0), int(knob.high or 0))
    return st.floats(knob.low, knob.high)


@st.composite
def views(draw: st.DrawFn) -> View:
    """Any view that a visitor can come to."""
    name = draw(st.sampled_from(attacks.names()))
    cls = attacks.get(name)
    chosen = {knob.name: draw(value_of(knob)) for knob in knobs.of(cls) if draw(st.booleans())}
    defaults = {knob.name: knob.default for knob in knobs.of(cls)}
    norm = draw(st.sampled_from(cls.norms))
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        pixels = draw(st.sampled_from([drawn_digit(), bytes(784), rng.bytes(784)]))
        digit = {"pixels": pixels, "label": draw(st.integers(0, 9))}
    else:
        digit = {"index": draw(st.integers(0, 4999))}
    seen = View(
        **digit,
        model=draw(st.sampled_from(zoo.names())),
        attack=name,
        knobs=tuple(sorted((key, value) for key, value in chosen.items() if value != defaults[key])),
        norm=norm,
        eps=session.snap(draw(st.integers(0, round(EPS_MAX[norm] / STEP[norm]))) * STEP[norm], norm),
        seed=draw(st.integers(-session.SEED_MAX, session.SEED_MAX)),
    )
    if not cls.targetable:
        return seen
    target = draw(st.none() | st.integers(0, 9))
    return seen if target == seen.y else View(**{**vars(seen), "target": target})


@given(seen=views())
def test_a_link_brings_back_the_very_view(seen):
    query = session.link(seen)
    params = {key: values[0] for key, values in parse_qs(query, strict_parsing=True).items()}
    assert session.read(params) == (seen, [])
    assert len(query) < 2000
    assert session.digit_of(params).x.tobytes() == seen.x.tobytes()


ODD = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[-+]?[0-9_]{0,12}(\.[0-9]*)?(e[-+]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(["", "nan", "-inf", "true", "0x10", "１２", "l2", "pgd", "fgm", "\ud800", "0", "7"]),
)
NAMES = st.sampled_from(
    sorted({*KEYS, *(knob.name for name in attacks.names() for knob in knobs.of(attacks.get(name)))})
)


@given(params=st.dictionaries(NAMES | st.text(max_size=12), ODD, max_size=8))
@example(params={"attack": "fgm", "norm": "linf", "eps": "2"})
@example(params={"eps": "-0.0"})
def test_any_link_gives_a_view_that_works(params):
    got, notes = session.read(params)
    attack = got.instance()
    assert got.norm in attack.norms and got.model in zoo.names()
    assert 0 <= got.eps <= EPS_MAX[got.norm] + 1e-9
    assert got.x.shape == (28, 28, 1) and 0 <= got.y <= 9 and got.target != got.y
    assert all(note and note.isprintable() for note in notes)
    again = {key: values[0] for key, values in parse_qs(session.link(got)).items()}
    assert session.read(again) == (got, [])


def test_a_bomb_is_cut_off_before_it_grows():
    import tracemalloc

    text = bomb()[: 4 * session.PIXELS]
    tracemalloc.start()
    session.read({"pixels": text, "label": "1"})
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_no_knob_bears_the_name_of_another_part_of_a_link():
    taken = {"digit", "pixels", "label", "model", "attack", "norm", "target", "eps", "seed", *session.PAGE_KEYS}
    for name in attacks.names():
        assert not taken & {knob.name for knob in knobs.of(attacks.get(name))}, name
