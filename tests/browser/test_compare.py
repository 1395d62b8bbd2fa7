"""The Compare page in a real browser: cards come in, are sorted there, and open the attack they show."""

import re

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser

DONE = ".card:not(.to-come)"


def comparing(turn, link="digit=3500&eps=0.100", **device):
    """A visitor who came to the Attack page and went on to Compare."""
    seen = turn("Compare", link, **device)
    seen.page.wait_for_selector(DONE, timeout=60_000)
    return seen


def test_cards_come_in_are_sorted_and_open_their_attack(turn):
    seen = comparing(turn)
    page = seen.page
    cards = page.locator(DONE)
    until(lambda: cards.count() >= 6, 120, "six attacks")
    assert re.search(r"\d+ of \d+ attacks fool the network", page.locator(".gallery .verdict").inner_text())
    page.locator(".gallery select").select_option("l2")
    fooled = page.locator(f"{DONE}:has(.badge.fooled)")
    sizes = [float(each.locator("dd").nth(1).inner_text()) for each in fooled.all()]
    assert len(sizes) >= 2 and sizes == sorted(sizes)
    page.locator('.card[data-attack="fgsm"]').click()
    page.wait_for_selector(".lab .verdict .chip")
    seen.idle()
    assert "FGSM" in page.locator(".st-key-attack-pick button").inner_text()


def test_stop_keeps_what_has_come_in(turn):
    seen = comparing(turn, "digit=1000")
    stop = seen.page.locator(".gallery .stop")
    if stop.is_visible():
        stop.click()
    until(lambda: not stop.is_visible(), 120, "the end")
    assert re.search(r"(stopped at \d+ of|all) \d+", seen.page.locator(".gallery .far").inner_text())


def test_a_phone_shows_it_without_sideways_scrolling(turn):
    seen = comparing(turn, viewport={"width": 390, "height": 844}, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    card = seen.page.locator(DONE).first.bounding_box()
    assert card and card["x"] >= 0 and card["x"] + card["width"] <= 390
