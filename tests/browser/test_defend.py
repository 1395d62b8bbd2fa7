"""The Defend page in a real browser: one slider over two networks, a transform that follows it, a training to watch."""

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser


def defending(turn, link="digit=3500&eps=0.000", **device):
    """A visitor who came to the Attack page and went on to Defend."""
    seen = turn("Defend", link, **device)
    seen.page.wait_for_selector(".duel .side .reading b", timeout=60_000)
    seen.idle()
    return seen


def picture(seen, selector):
    """A canvas's bytes, as a data URI."""
    return seen.page.locator(selector).evaluate("canvas => canvas.toDataURL()")


def test_one_drag_moves_both_networks_and_the_transform_behind_one(turn):
    seen = defending(turn)
    page = seen.page
    assert page.locator(".duel .verdict").inner_text().replace("\n", " ").startswith("Both read")
    until(lambda: page.locator(".guard .badge b").inner_text() == "Not attacked yet", 60, "the transform's pictures")
    sides = [f".duel .side:nth-child({at}) canvas" for at in (1, 2)]
    before = [picture(seen, each) for each in (*sides, ".guard .pair canvas:first-of-type")]
    rail = page.locator(".duel .rail").bounding_box()
    assert rail
    page.mouse.move(rail["x"] + 2, rail["y"] + 26)
    page.mouse.down()
    page.mouse.move(rail["x"] + 0.7 * rail["width"], rail["y"] + 26, steps=5)
    until(lambda: "still reads" in page.locator(".duel .verdict").inner_text(), 5, "the headline under the hand")
    assert [picture(seen, each) for each in (*sides, ".guard .pair canvas:first-of-type")] != before
    badges = page.locator(".duel .side .badge b").all_inner_texts()
    assert badges == ["Fooled", "Held"]
    page.mouse.up()
    seen.idle()
    assert page.locator(".duel .tip").inner_text() == "ε = 0.210"
    assert page.locator(".duel .thumb").get_attribute("aria-valuenow") == "0.210"


def test_the_keys_move_row_by_row_and_the_other_side_changes(turn):
    seen = defending(turn, "digit=3500&eps=0.100")
    page = seen.page
    page.locator(".duel .thumb").focus()
    page.keyboard.press("ArrowRight")
    until(lambda: page.locator(".duel .tip").inner_text() == "ε = 0.105", 5, "the next row")
    seen.idle()
    page.locator(".st-key-pick_against").get_by_role("combobox").click()
    page.get_by_role("option", name="JPEG").click()
    until(lambda: "behind JPEG" in page.locator(".duel .side h2").nth(1).inner_text(), 60, "the other side")
    seen.idle()
    assert page.locator(".duel .tip").inner_text() == "ε = 0.105"


def test_what_stands_in_front_is_set_in_the_row_of_picks(turn):
    seen = defending(turn, "digit=3500&eps=0.100&against=%2Bjpeg")
    page, settings = seen.page, seen.page.locator(".st-key-against-pick").get_by_role("button", name="Settings")
    place, norm = settings.bounding_box(), page.get_by_role("radio", name="L∞").bounding_box()
    assert place and norm and abs(place["y"] - norm["y"]) < 4 and place["width"] <= 44
    settings.click()
    page.get_by_role("slider", name="Quality").press("ArrowRight")
    until(lambda: "21" in page.locator(".duel .side").nth(1).inner_text().split("Quality")[-1], 60, "its new setting")
    assert "fooled" in page.locator(".duel .side").nth(1).inner_text().lower()


def test_a_phone_shows_it_without_sideways_scrolling(turn):
    seen = defending(turn, viewport={"width": 390, "height": 844}, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    for at in (0, 1):
        side = seen.page.locator(".duel .side").nth(at).bounding_box()
        assert side and side["x"] >= 0 and side["x"] + side["width"] <= 390


def test_the_panels_are_as_high_before_their_answers_as_with_them(visit):
    """Else the page scrolls to make up for it, and a scroll closes a list that is open."""
    seen = visit("digit=3507&eps=0.100&model=plain_mlp")
    seen.page.evaluate(
        """() => {
          window.heights = {};
          setInterval(() => {
            const find = name => document.querySelector(`.st-key-${name}-panel`);
            if (find("votes"))
              for (const name of ["guard", "certificate", "alarm", "votes"])
                (heights[name] ??= []).push(find(name).offsetHeight);
          }, 5);
        }"""
    )
    seen.page.get_by_role("link", name="Defend").click()
    for answer in (".guard:not(.waiting) .badge", ".band svg", ".alarm .outcome .badge", ".votes .tally"):
        seen.page.wait_for_selector(answer, state="attached", timeout=60_000)
    seen.idle()
    heights = seen.page.evaluate("heights")
    assert {name: max(each) - min(each) < 40 for name, each in heights.items()} == dict.fromkeys(heights, True)
    assert len(heights) == 4


def test_a_training_grows_under_the_visitors_eyes(turn):
    seen = defending(turn, "digit=3500&eps=0.100&model=plain_mlp")
    page = seen.page
    page.get_by_role("button", name="Train", exact=True).click()
    until(lambda: "round" in page.locator(".school .far").inner_text(), 60, "the first round")
    page.get_by_role("button", name="Stop", exact=True).click()
    until(lambda: page.get_by_text("nothing of it is kept").count() == 1, 60, "the end")
