"""The Scoreboard in a real browser: its picks act at once, cells open their attack, the table goes along as a file."""

import csv

import pytest
from PIL import Image

from tests.browser.driving import until

pytestmark = pytest.mark.browser


def measuring(turn, **device):
    """A visitor who came to the Attack page and went on to the Scoreboard."""
    seen = turn("Scoreboard", "digit=3500&eps=0.100", **device)
    seen.page.wait_for_selector(".scoreboard tbody td")
    seen.idle()
    return seen


def cell(seen, said: str):
    """The cell of that network and attack."""
    return seen.one(f'.scoreboard tbody button[aria-label^="{said}: "]')


def share(seen, said: str) -> float:
    """What stands in it, in percent."""
    return float(cell(seen, said).inner_text())


def test_a_pick_redraws_the_table_at_once_and_is_in_the_address(turn):
    seen = measuring(turn)
    eps = seen.one(".scoreboard .eps [role=radio]")
    shares = []
    for place in range(eps.count()):  # the further ε grows, the fewer are left, and no server is asked
        eps.nth(place).click()
        shares.append(share(seen, "Plain CNN, PGD"))
    assert shares == sorted(shares, reverse=True) and shares[0] > 80 and shares[-1] < 5
    seen.one('.scoreboard .norm [role=radio][value="l2"]').click()
    assert "in L2" in seen.text(".scoreboard .sentence")
    until(lambda: "within=l2" in seen.page.evaluate("location.search"), 30, "the norm in the address")


def test_a_cell_says_its_interval_and_opens_its_attack(turn):
    seen = measuring(turn)
    cell(seen, "Plain CNN, FGSM").hover()
    right = share(seen, "Plain CNN, FGSM")
    said = seen.text(".scoreboard .readout")
    assert said.startswith("Plain CNN under FGSM:") and f"{right:g}" in said and "95 % interval" in said
    cell(seen, "Plain CNN, FGSM").click()
    seen.page.wait_for_selector(".lab .verdict .chip")
    seen.idle()
    assert "FGSM" in seen.one(".st-key-attack-pick button").inner_text()


def test_the_table_goes_along_as_a_picture_and_as_rows(turn):
    seen = measuring(turn)
    with seen.page.expect_download() as waiting:
        seen.one(".scoreboard .save").click()
    with Image.open(waiting.value.path()) as image:
        assert image.format == "PNG" and image.width > 900 and len(image.convert("L").getcolors(256) or []) > 20
    with seen.page.expect_download() as waiting:
        seen.one('.scoreboard .take[value="csv"]').click()
    assert waiting.value.suggested_filename.endswith(".csv")
    with open(waiting.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    at = float(seen.text('.scoreboard .eps [aria-checked="true"]'))
    one = next(
        each
        for each in rows
        if (each["model"], each["attack"], each["norm"]) == ("plain_cnn", "pgd", "linf") and float(each["eps"]) == at
    )
    assert 100 * int(one["robust"]) / 500 == pytest.approx(share(seen, "Plain CNN, PGD"), abs=0.06)


def test_a_table_of_ones_own_fills_in(turn):
    seen = measuring(turn)
    seen.one(".st-key-grid_run button").scroll_into_view_if_needed()
    seen.one(".st-key-grid_run button").click()
    until(lambda: seen.one('.scoreboard .tables [value="own"][aria-checked="true"]').count(), 60, "its own table")
    until(
        lambda: seen.one(".scoreboard tbody button.sum:not([disabled])").count(), 120, "a network measured to the end"
    )
    seen.idle()
    assert "core.benchmark --models" in seen.text(".scoreboard .origin")


def test_a_phone_shows_it_without_a_sideways_scroll(turn):
    seen = measuring(turn, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert seen.page.evaluate(wide)
    assert seen.one(".scoreboard .verdict").inner_text().endswith("at worst")
