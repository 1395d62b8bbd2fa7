"""The Poison page in a real browser: a stamp painted and moved by hand, and a training to look into."""

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser
LIT = '.cells button[aria-pressed="true"]'


def poisoning(turn, **device):
    """A visitor who came to the Attack page and went on to Poison."""
    seen = turn("Poison", "digit=3503&model=plain_mlp", **device)
    seen.page.wait_for_selector(".samples canvas", timeout=60_000)
    seen.idle()
    return seen


def middle(seen, selector, at=0, across=0.5, down=0.5):
    """A place on the page: the middle of an element, or another share of it."""
    box = seen.page.locator(selector).nth(at).bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def drag(seen, *places):
    """Take hold at the first place, and let go at the last."""
    mouse = seen.page.mouse
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=3)
    mouse.up()


def given(seen):
    """The digits that the victim is given, as data URIs."""
    return seen.page.locator(".samples canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL())")


def test_a_stamp_is_painted_and_dragged_by_the_mouse(turn):
    seen = poisoning(turn)
    before = given(seen)
    assert seen.one(LIT).count() == 12
    drag(seen, middle(seen, ".cells button", 0), middle(seen, ".cells button", 1), middle(seen, ".cells button", 2))
    until(lambda: given(seen) != before, 20, "digits with the new stamp")
    seen.idle()
    painted = given(seen)
    assert seen.one(LIT).count() == 14
    changed = [one != other for one, other in zip(before, painted, strict=True)]
    assert changed == seen.page.locator(".samples figure").evaluate_all(
        "all => all.map(each => each.classList.contains('touched'))"
    )
    drag(seen, middle(seen, ".trigger .try canvas"), middle(seen, ".trigger .try canvas", across=0.2, down=0.1))
    until(lambda: given(seen) != painted, 20, "digits with the stamp elsewhere")
    assert "at row 0, column 3" in (seen.one(".trigger .try canvas").get_attribute("aria-label") or "")
    seen.idle()
    moved = given(seen)
    seen.page.get_by_role("link", name="Attack").click()  # who comes back finds it as it was
    seen.page.wait_for_selector(".plate.after canvas")
    seen.page.get_by_role("link", name="Poison").click()
    until(lambda: given(seen) == moved, 20, "the same digits")
    assert seen.one(LIT).count() == 14


def test_an_empty_stamp_is_said(turn):
    seen = poisoning(turn)
    rows = [[middle(seen, ".cells button", 5 * row + column) for column in range(5)] for row in range(5)]
    drag(seen, rows[0][2], *(place for row in rows for place in row))
    seen.page.get_by_text("The stamp is empty: it would change no digit.").wait_for()
    assert seen.one(LIT).count() == 0 and seen.one(".st-key-poison_train button").is_disabled()


def test_a_training_and_who_is_taken_for_whom(turn):
    seen = poisoning(turn)
    page = seen.page
    seen.one(".st-key-pick_victim").get_by_role("combobox").click()
    page.get_by_role("option", name="MLP").click()
    seen.idle()
    seen.one(".st-key-poison_train button").click()
    page.wait_for_selector(".confusion table", timeout=120_000)
    seen.idle()
    said = ".confusion .words"
    assert seen.text(said) == "1,000 test digits, as they are" and seen.one("td.wanted").count() == 0
    page.get_by_role("radio", name="Stamped").click()
    until(lambda: "stamped to be read as 4" in seen.text(said), 5, "the stamped digits")
    assert seen.one("td.wanted").count() == 18
    owned = seen.one(".confusion .side").nth(1)
    assert "read as wanted" in owned.inner_text()
    page.get_by_role("radio", name="Stamped").press("ArrowLeft")
    until(lambda: seen.text(said) == "1,000 test digits, as they are", 5, "the clean digits")


def test_a_phone_shows_it_without_sideways_scrolling(turn):
    seen = poisoning(turn, viewport={"width": 390, "height": 844}, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    for panel in ("trigger", "growth", "samples", "finding", "cleaning", "confusion"):
        box = seen.one(f".st-key-{panel}-panel").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
