"""The page on screens of several sizes: what a visitor must see stands in sight, and nothing runs over the edge."""

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser

DESK, LAPTOP, PROJECTOR, PHONE, SMALL = (1440, 900), (1366, 768), (1280, 720), (390, 844), (360, 640)
NARROW = (300, 640)


def on(visit, size, link="digit=3500&eps=0.120"):
    return visit(link, viewport={"width": size[0], "height": size[1]}, has_touch=size[0] < 500)


def box(seen, selector):
    found = seen.one(selector).bounding_box()
    assert found, selector
    return found


@pytest.mark.parametrize("size", [DESK, LAPTOP, PROJECTOR, PHONE, SMALL], ids=str)
def test_the_verdict_and_the_slider_are_in_sight_at_once(visit, size):
    seen = on(visit, size)
    assert seen.page.evaluate("document.querySelector('.stMain').scrollTop") == 0
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    for selector in (".verdict", ".badge", ".rail", ".ticks"):
        place = box(seen, selector)
        assert place["y"] >= 0 and place["y"] + place["height"] <= size[1], selector
        assert place["x"] >= 0 and place["x"] + place["width"] <= size[0] + 1, selector
    dock = box(seen, ".dock")
    assert box(seen, ".badge")["y"] + box(seen, ".badge")["height"] <= dock["y"]
    if size[1] >= 720:  # the pictures too
        assert box(seen, ".plate.after canvas")["y"] + box(seen, ".plate.after canvas")["height"] <= dock["y"] + 4


@pytest.mark.parametrize("size", [DESK, LAPTOP, PROJECTOR], ids=str)
def test_the_picks_stand_in_one_row(visit, size):
    seen = on(visit, size)
    bottoms = [
        box(seen, selector)["y"] + box(seen, selector)["height"]
        for selector in (
            ".st-key-digit_7 button",
            ".st-key-upload button",
            ".st-key-pick_model",
            ".st-key-attack-pick button",
            ".st-key-pick_target",
        )
    ]
    assert max(bottoms) - min(bottoms) <= 3


@pytest.mark.parametrize("size", [LAPTOP, PROJECTOR, (1024, 768), DESK], ids=str)
def test_the_bars_end_above_the_counts(visit, size):
    seen = on(visit, size)
    last = seen.one(".bars li").nth(9).bounding_box()
    assert last and last["y"] + last["height"] <= box(seen, ".spent")["y"]


@pytest.mark.parametrize("size", [PHONE, SMALL], ids=str)
def test_a_phone_shows_the_chosen_digit_in_its_strip(visit, size):
    seen = on(visit, size)
    strip, chosen = box(seen, ".st-key-strip"), box(seen, ".st-key-digit_7 button")
    assert strip["x"] <= chosen["x"] and chosen["x"] + chosen["width"] <= strip["x"] + strip["width"]
    plates = box(seen, ".plate.after")
    assert plates["x"] + plates["width"] <= size[0]


@pytest.mark.parametrize("size", [DESK, LAPTOP, PROJECTOR], ids=str)
def test_the_readings_and_counts_stand_above_the_slider(visit, size):
    seen = on(visit, size)
    dock = box(seen, ".dock")
    for selector in (".plate.before .reading", ".plate.after .reading", ".sizes", ".spent dl", ".act.path"):
        assert box(seen, selector)["y"] + box(seen, selector)["height"] <= dock["y"] + 1, selector


@pytest.mark.parametrize("size", [DESK, PHONE, SMALL], ids=str)
@pytest.mark.parametrize("link", ["digit=3500&attack=fgsm", "digit=2500&model=hardened_cnn&attack=fgsm"])
def test_no_label_crosses_the_dividing_line(visit, size, link):
    """Early in the range, and late, where the label does not fit behind the line."""
    seen = on(visit, size, link)
    seen.one(".curve:not(.waiting)").wait_for()
    at = box(seen, ".curve path[stroke-width='2']")["x"]
    left, right = box(seen, ".rail")["x"], box(seen, ".rail")["x"] + box(seen, ".rail")["width"]
    for name in seen.one(".curve .name").all():
        place = name.bounding_box()
        assert left <= place["x"] and place["x"] + place["width"] <= right
        assert place["x"] + place["width"] <= at or place["x"] >= at, name.text_content()


@pytest.mark.parametrize("size", [DESK, PHONE, NARROW], ids=str)
def test_the_lessons_figures_keep_to_the_screen_and_follow_the_hand(turn, size):
    device = {} if size == DESK else {"viewport": {"width": size[0], "height": size[1]}, "has_touch": True}
    seen = turn("Learn", "digit=3500", **device)
    page, figures = seen.page, seen.page.locator(".learning:not(.waits)")
    until(lambda: figures.count() == 8, 120, "eight figures")
    wide = page.viewport_size["width"]
    assert page.evaluate("(main => main.scrollWidth - main.clientWidth)(document.querySelector('.stMain'))") <= 0
    for part in page.locator(".learning :is(canvas, text, .told, .sure, .checks, output)").all():
        place = part.bounding_box()
        assert not place or (place["x"] >= 0 and place["x"] + place["width"] <= wide + 1), part.text_content()
    first = figures.first
    assert first.locator("li:nth-child(3) .chip.wrong").count() == 1
    first.locator("input").press("Home")
    assert first.locator("output").inner_text() == "ε = 0.000"
    assert first.locator("li:nth-child(3) .chip.true").inner_text() == "7"
