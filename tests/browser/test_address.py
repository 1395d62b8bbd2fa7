"""The page's address in a real browser: it follows the picks, so that a reload brings back what stood there."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser

MODEL = ".st-key-pick_model"


def said(seen) -> dict[str, str]:
    """What the address says of the picks."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address(seen)).query).items()}


def address(seen) -> str:
    """As the browser has it: Playwright's own `url` waits for its turn to hear of a change."""
    return seen.page.evaluate("location.href")


def test_a_reload_brings_back_what_was_picked_and_no_pick_is_a_step_back(visit):
    seen = visit("digit=2003")
    steps = seen.page.evaluate("history.length")
    seen.digit(7)
    seen.choose("pick_model", "Plain MLP")
    until(lambda: said(seen).get("model") == "plain_mlp", 30, "the model in the address")
    seen.scrub(0.5)
    until(lambda: float(said(seen)["eps"]) == seen.eps, 30, "the slider's ε in the address")
    assert said(seen)["digit"] != "2003"
    assert seen.page.evaluate("history.length") == steps
    before = seen.looks()
    seen.page.reload()
    until(lambda: seen.one(".verdict .chip").count() and seen.looks() == before, 60, "the same picture")
    assert said(seen)["model"] == "plain_mlp"


@pytest.mark.parametrize("name", ["Black box", "Defend", "Compare", "Landscape"])
def test_each_page_keeps_its_own_address(turn, name):
    """One comes with a digit and turns to the page: its address has what came along and what is picked there."""
    seen = turn(name, "digit=1000&eps=0.150")
    until(lambda: urlsplit(address(seen)).path == f"/{name.lower().replace(' ', '')}", 30, "the page")
    seen.idle()
    seen.choose("pick_model", "Plain MLP")
    until(lambda: said(seen).get("model") == "plain_mlp", 60, "the model in the address")
    there = address(seen)
    assert said(seen)["digit"] == "1000"
    seen.page.reload()
    until(
        lambda: seen.one(f"{MODEL} input").count() and seen.one(f"{MODEL} input").input_value() == "Plain MLP", 60, "it"
    )
    seen.idle()
    assert address(seen) == there
    assert seen.page.get_by_text("A part of the link was ignored").count() == 0
    # On a path that is no file, Streamlit's browser side asks for its server's health there first; and the reload cuts
    # off what was still loading.
    seen.faults = [each for each in seen.faults if "404" not in each and "ERR_ABORTED" not in each]


def test_what_an_owner_embeds_stays_embedded(visit):
    seen = visit("digit=2003&embed=true")
    seen.digit(4)
    until(lambda: said(seen).get("digit") not in (None, "2003"), 30, "the digit in the address")
    assert said(seen)["embed"] == "true"


def test_the_poison_page_keeps_the_painted_stamp_in_its_address(turn):
    seen = turn("Poison", "digit=3503&eps=0.100")
    cell = ".trigger .cells button"
    seen.page.wait_for_selector(cell)
    seen.idle()
    seen.choose("pick_victim", "MLP")
    until(lambda: said(seen).get("victim") == "plain_mlp", 30, "the network in the address")
    seen.page.locator(cell).first.click()
    until(lambda: said(seen).get("stamp", "").endswith(".22.22"), 30, "the stamp in the address")
    there, lit = address(seen), seen.page.locator(f'{cell}[aria-pressed="true"]').count()
    assert urlsplit(there).path == "/poison" and lit == 13
    seen.page.reload()
    until(lambda: seen.page.locator(f'{cell}[aria-pressed="true"]').count() == lit, 60, "the stamp")
    seen.idle()
    assert address(seen) == there
    assert seen.page.locator(cell).first.get_attribute("aria-pressed") == "true"
    seen.faults = [each for each in seen.faults if "404" not in each and "ERR_ABORTED" not in each]
