"""The Landscape page in a real browser: a map that answers the pointer and the keys, and a surface below it."""

import pytest

pytestmark = pytest.mark.browser


def looking(turn, link="digit=3500&eps=0.200", **device):
    """A visitor who came to the Attack page and went on to Landscape."""
    seen = turn("Landscape", link, **device)
    seen.page.wait_for_selector(".land .verdict .chip", timeout=60_000)
    return seen


def picture(seen, selector):
    """A canvas's bytes, as a data URI."""
    return seen.page.locator(selector).evaluate("canvas => canvas.toDataURL()")


def test_the_pointer_and_the_keys_move_over_the_map(turn):
    seen = looking(turn)
    page, field = seen.page, seen.page.locator(".land .field")
    before = picture(seen, ".land .here canvas")
    box = field.bounding_box()
    assert box and box["width"] == box["height"] == 505
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    assert page.locator(".land .reading b").inner_text() == "reads 7"
    assert picture(seen, ".land .here canvas") != before
    place = page.locator(".land .place").inner_text()
    field.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".land .place").inner_text() != place


def test_colour_by_confidence_repaints_the_ground(turn):
    seen = looking(turn)
    by_class = picture(seen, ".land .ground")
    seen.page.get_by_role("radio", name="Confidence").click()
    assert picture(seen, ".land .ground") != by_class
    assert seen.page.locator('[data-colour="confidence"]').get_attribute("aria-checked") == "true"


def test_what_is_drawn_over_it_and_the_surface_are_there(turn):
    seen = looking(turn)
    for what in (".ball", ".path", ".from", ".to", ".border"):
        assert seen.page.locator(f".land .over {what}").count() == 1, what
    seen.page.wait_for_selector(".js-plotly-plot .gl-container", timeout=60_000, state="attached")


def test_a_phone_shows_it_without_sideways_scrolling(turn):
    seen = looking(turn, viewport={"width": 390, "height": 844}, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    field = seen.page.locator(".land .field").bounding_box()
    assert field and field["x"] >= 0 and field["x"] + field["width"] <= 390
