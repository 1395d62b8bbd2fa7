"""The detector's threshold in a real browser: dragged by hand and by the keys, it decides what is flagged."""

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser


def test_the_threshold_is_dragged_and_eps_moves_the_digit(turn):
    seen = turn("Defend", "digit=3500&eps=0.300&model=plain_mlp")
    page, alarm = seen.page, seen.page.locator(".alarm")
    until(lambda: alarm.locator(".badge b").inner_text() == "Flagged", 60, "the digit's score")
    seen.idle()
    grab = alarm.locator(".grab")
    assert "5.0 %" in alarm.locator(".rate").inner_text().replace("\u00a0", " ")
    grab.scroll_into_view_if_needed()
    box, plot = grab.bounding_box(), alarm.locator(".plot").bounding_box()
    assert box and plot
    page.mouse.move(box["x"] + 18, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"], box["y"] + 60, steps=5)
    # It is decided in the browser, before the hand lets go.
    assert alarm.locator(".badge b").inner_text() == "Fooled, unseen"
    page.mouse.up()
    assert "0.0 %" in (grab.get_attribute("aria-valuetext") or "").replace("\u00a0", " ")
    page.keyboard.press("Home")  # the hand has left the focus on it
    assert alarm.locator(".badge b").inner_text() == "Flagged"
    assert grab.get_attribute("aria-valuenow") == "0.0"
    page.keyboard.press("ArrowRight")
    assert grab.get_attribute("aria-valuenow") == "0.5"
    alarm.get_by_role("button", name="Back to 5 %").click()
    assert "5.0 %" in (grab.get_attribute("aria-valuetext") or "").replace("\u00a0", " ")
    # The page's slider moves the digit's line, before it is let go.
    line = alarm.locator("svg path[stroke-width='4']")
    before = line.get_attribute("d")
    page.locator(".duel .thumb").focus()
    page.keyboard.press("Home")
    until(lambda: line.get_attribute("d") != before, 5, "the digit's line")
    assert alarm.locator(".badge b").inner_text() == "Not flagged"
    assert alarm.locator(".run").is_disabled()
