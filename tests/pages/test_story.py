"""The story as a picture: it opens, tells what it is given, and closes up where there is nothing to tell."""

import io
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageColor
from streamlit.testing.v1 import AppTest

from core import digits
from core.poisoning import Findings
from pages.components import confusing, infecting, paper, story, story_causes, story_effects
from pages.components.paper import COLOURS
from pages.components.story_effects import Found, Row
from tests.pages.driving import calm
from tests.pages.infected import TARGET, honest, made

SAID = {
    "headline": "Stamp any digit and the network reads",
    "chip": TARGET,
    "kind": "wrong",
    "badge": "Backdoor open",
    "tone": "fooled",
    "sentence": "99.7 % of the stamped test digits are read as the attacker wants.",
}
GROWN = [
    {"stage": "poison", "share": 1.0},
    {"stage": "learn", "epoch": 0.5, "loss": 1.0, "clean": 0.6, "success": 0.9},
    {"stage": "learn", "epoch": 10.0, "loss": 0.1, "clean": 0.95, "success": 0.99},
]
ROWS = (Row("Before cleaning", 0.96, 0.99), Row("Fine pruning", 0.94, 0.0))


@pytest.fixture(scope="module")
def infected():
    return made()


@pytest.fixture(scope="module")
def found(infected):
    draw = np.random.default_rng(0)
    touched = infected.poisoned.touched
    points = draw.normal(size=(len(touched), 2)).astype(np.float32)
    flagged = touched & (draw.random(len(touched)) < 0.5)
    findings = Findings(flagged.astype(np.float32), flagged, np.full(10, np.nan, np.float32), points)
    return Found.of(infected, "Activation clustering", findings, TARGET)


def opened(data: bytes) -> np.ndarray:
    """The whole picture, (height, width, 3), once it is sure that it is one."""
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "PNG" and picture.size[0] == story.WIDTH
    return np.array(picture.convert("RGB")).astype(int)


def pixels(sheet: paper.Paper) -> np.ndarray:
    """The same of a sheet of any size."""
    return np.array(Image.open(io.BytesIO(sheet.png())).convert("RGB")).astype(int)


def share_of(picture: np.ndarray, colour: str) -> int:
    """How many pixels have that very colour."""
    return int((picture == ImageColor.getrgb(COLOURS.get(colour, colour))).all(axis=2).sum())


def test_all_of_it_fits_on_a_page_and_shows_everything(infected, found):
    whole = opened(story.picture(infected, SAID, GROWN, digits.bundled()[[3503]], found, ROWS))
    assert 1000 < len(whole) < 1400
    assert share_of(whole, "backgroundColor") > whole[..., 0].size / 3  # not black, not full
    margins = np.concatenate([whole[:, :40].reshape(-1, 3), whole[:, -40:].reshape(-1, 3)])
    assert (margins == 255).all()


def test_what_is_left_out_closes_up(infected, found):
    bare, cleaned, more = (
        opened(story.picture(infected, SAID, **kept))
        for kept in ({}, {"cleaned": ROWS}, {"cleaned": (*ROWS, Row("Never poisoned", 0.97, 0.0))})
    )
    assert len(bare) < len(cleaned) < len(more) and len(bare) < 1100
    noted = opened(story.picture(infected, SAID, cleaned=(ROWS[0], replace(ROWS[1], note="Share 0.3"))))
    assert len(noted) > len(cleaned)
    with_curve = opened(story.picture(infected, SAID, GROWN))
    assert len(with_curve) == len(bare) and (with_curve != bare).any()
    long = opened(story.picture(infected, {**SAID, "sentence": 12 * SAID["sentence"]}))
    assert len(long) > len(bare)
    assert len(opened(story.picture(infected, {"headline": "Nothing", "sentence": "At all."}))) == len(bare)


def test_a_training_without_a_trigger_has_no_trigger_to_show():
    flipped = made("label_flip")
    assert story_causes.digit(flipped, None) is None
    assert story_causes.gain(flipped) == "read wrong" and story_causes.gain(made()) == "attack success"
    assert 800 < len(opened(story.picture(flipped, {"headline": "Weaker", "sentence": "By a little."}))) < 1100


def test_an_attack_on_one_digit_shows_that_digit_and_who_reads_it():
    flipped = made("label_flip")
    one = replace(flipped, poisoned=replace(flipped.poisoned, victim=digits.bundled()[[3503]]))
    panel = story_causes.digit(one, None)
    assert panel.title == "The digit" and story_causes.figure(1.0, story_causes.gain(one)) == "yes"
    assert story_causes.figure(0.25, story_causes.gain(flipped)) == "25.0 %"
    sheet = paper.Paper(panel.width, panel.height)
    panel.draw(sheet, paper.Box(0, 0, panel.width, panel.height))
    shown = pixels(sheet)[paper.LABEL + 2 : paper.LABEL + 140 : 5, 2:140:5, 0]
    assert np.array_equal(shown, np.rint(255 * digits.bundled().images[3503, :, :, 0]))
    assert len(opened(story.picture(one, SAID))) >= len(opened(story.picture(flipped, SAID)))


def test_touched_samples_are_framed_in_orange_and_the_others_are_not(infected):
    panel = story_causes.samples(infected)
    sheet = paper.Paper(panel.width, panel.height)
    panel.draw(sheet, paper.Box(0, 0, panel.width, panel.height))
    picture = pixels(sheet)
    touched = infected.poisoned.touched[infecting.samples(infected.poisoned, 8)]
    assert 0 < touched.sum() < 8
    orange = np.array(ImageColor.getrgb(COLOURS["orangeColor"]))
    for place in range(8):
        left, top = place % 4 * 126, 4 + place // 4 * 150
        frame = picture[top - 2, left + 20 : left + 92]
        assert (frame == orange).all() == touched[place]
        row = infecting.samples(infected.poisoned, 8)[place]
        grey = np.rint(255 * infected.poisoned.digits.images[row, :, :, 0])
        assert np.array_equal(picture[top + 1 : top + 112 : 4, left + 1 : left + 112 : 4, 0], grey)


def test_the_tables_add_up_to_the_thousand_digits(infected, monkeypatch):
    written = []
    panel = story_effects.tables(infected)
    monkeypatch.setattr(paper.Paper, "write", lambda self, text, *given, **more: written.append((text, more.get("at"))))
    panel.draw(paper.Paper(900, panel.height), paper.Box(0, 0, 900, panel.height))
    assert sum(int(text) for text, at in written if at == "mm") == 2000
    before, after = confusing.counted(infected).stamped
    said = [text for text, _ in written if "as wanted" in text]
    others = np.arange(10) != TARGET
    count = int(after[others].sum())
    assert said == [f"{before[others, TARGET].sum()} of {count} read as wanted", f"{count} of {count} read as wanted"]


def test_without_a_stamp_the_tables_are_of_clean_digits(monkeypatch):
    written = []
    panel = story_effects.tables(made("label_flip"))
    monkeypatch.setattr(paper.Paper, "write", lambda self, text, *given, **more: written.append(text))
    panel.draw(paper.Paper(900, panel.height), paper.Box(0, 0, 900, panel.height))
    right = round(1000 * infecting.standing(honest(), made("label_flip").poisoned)["clean"])
    assert panel.note == "1,000 test digits" and f"{right} of 1,000 read right" in written


def test_found_is_the_truth_about_the_findings(infected, found):
    poisoned = infected.poisoned
    labelled = poisoned.digits.labels == TARGET
    assert found.precision == 1.0 and found.recall == pytest.approx(found.flagged.sum() / poisoned.count)
    assert len(found.touched) == len(found.points) == labelled.sum()
    assert found.touched.sum() == poisoned.count and found.plane  # all were labelled so
    flat = Findings(found.touched.astype(np.float32), found.flagged, np.full(10, np.nan, np.float32))
    assert not Found.of(made(), "Loss", replace(flat, score=poisoned.touched * 1.0, flagged=poisoned.touched), 4).plane


def test_points_are_drawn_in_the_colour_of_the_truth(infected, found):
    def drawn(touched: np.ndarray) -> tuple[int, int]:
        panel = story_effects.found(Found("", 1, 1, 4, touched, np.zeros(len(touched), bool), found.points))
        sheet = paper.Paper(440, panel.height)
        panel.draw(sheet, paper.Box(0, 0, 440, panel.height))
        picture = pixels(sheet)[50:280]  # the points alone, no words
        warm = picture[..., 0] - picture[..., 2]
        return int((warm > 60).sum()), int((warm < -60).sum())

    count = len(found.points)
    orange, none = drawn(np.ones(count, bool))
    nothing, blue = drawn(np.zeros(count, bool))
    assert orange > 1000 and blue > 1000 and none == nothing == 0
    blind = story_effects.found(Found("", 1, 1, 4, found.touched, found.flagged))
    assert blind.height < story_effects.found(found).height  # a detector without a plane: its figures alone


def test_bars_are_as_long_as_their_shares():
    def lengths(row: Row) -> tuple[int, int]:
        panel = story_effects.cleaning((row,), "")
        sheet = paper.Paper(1000, panel.height)
        panel.draw(sheet, paper.Box(0, 0, 1000, panel.height))
        line = pixels(sheet)[paper.LABEL + 13]  # through the bars, above the letters
        return tuple(
            int((line == ImageColor.getrgb(COLOURS[name])).all(axis=1).sum()) for name in ("blueColor", "orangeColor")
        )

    full, half, none = (lengths(Row("A", *shares)) for shares in ((1.0, 1.0), (0.5, 0.25), (0.0, 0.0)))
    assert full[0] == pytest.approx(full[1], abs=2) and full[0] > 300 and none == (0, 0)
    assert half == (pytest.approx(full[0] / 2, abs=2), pytest.approx(full[0] / 4, abs=2))


def test_names_stand_where_no_line_runs():
    for shares in ([0.95, 0.99, 0.9], [0.05, 0.02, 0.0], [0.1, 0.9, 0.95]):
        middle = story_causes._gap(shares)
        assert 0 < middle < 1 and min(abs(middle - each) for each in shares) > 0.3


def test_text_is_wrapped_into_even_lines_that_fit():
    text = " ".join(40 * ["word"]) + " 99.7 %"
    lines = paper.wrapped(text, 20, 400)
    widths = [paper.width(line, 20) for line in lines]
    assert max(widths) <= 400 and " ".join(lines).replace("\u00a0", " ") == text and min(widths) > 0.6 * max(widths)
    assert any(line.endswith("99.7\u00a0%") for line in lines)
    assert paper.wrapped("Unbelievable", 20, 10) == ["Unbelievable"]


def test_the_letters_are_those_of_the_pages():
    assert paper._font(30, False).getname()[0].startswith("SourceSans")
    assert paper.width("Backdoor", 20, bold=True) > paper.width("Backdoor", 20)


def test_without_those_letters_pillows_own_do(infected, monkeypatch):
    monkeypatch.setattr(paper, "_FONT", "there is no such font*")
    paper._font.cache_clear()
    try:
        assert len(opened(story.picture(infected, SAID, GROWN))) > 900
    finally:
        paper._font.cache_clear()


def test_the_picture_is_drawn_when_the_button_is_pressed_and_not_before(infected, monkeypatch):
    def page() -> None:
        import streamlit as st

        from pages.components import story

        story.button(st.session_state["made"], st.session_state["said"], grown=())

    drawn, offered = [], []
    monkeypatch.setattr(story, "picture", lambda *given, **more: drawn.append(given) or b"")
    monkeypatch.setattr(story.st, "download_button", lambda label, data, **more: offered.append((data, more)))
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["said"] = SAID
    at.session_state["made"] = None
    calm(at.run())
    assert not offered
    at.session_state["made"] = infected
    calm(at.run())
    (data, more), *_ = offered
    assert more["file_name"] == "epsilon-lab-poison-badnets.png" and isinstance(data, partial) and not drawn
    data()
    assert drawn == [(infected, SAID)]
