"""Choosing, drawing, uploading, and taking the result away."""

import json
import re

import pytest
from PIL import Image

from tests.browser.driving import until
from tests.pictures import as_bytes

pytestmark = pytest.mark.browser
ATTACKED = "digit=3500&eps=0.200"


def test_digits_models_norms_and_targets(visit):
    seen = visit(ATTACKED)
    seen.digit(4)
    assert seen.text(".plate.before .note") == "bundled digit 2000"
    seen.digit(4)  # pressed again: the next example
    assert seen.text(".plate.before .note") == "bundled digit 2001"
    before = seen.pixels()
    seen.choose("pick_model", "Plain MLP")
    until(lambda: seen.pixels() != before, 20, "the other model")
    seen.settled()
    seen.one(".st-key-pick_norm button").filter(has_text="L2").click()
    until(lambda: seen.text(".plate.after .note") == "ε = 2.00", 20, "the other norm")
    seen.settled()
    seen.choose("pick_target", "1")
    seen.settled()
    assert seen.text(".badge") in ("Fooled", "Off target", "Held")
    assert "1" in seen.one(".curve").get_attribute("aria-label")


def test_another_attack_from_its_menu(visit):
    seen = visit(ATTACKED)
    before = seen.pixels()
    seen.one(".st-key-attack-pick button").first.click()
    seen.choose("pick_attack", "FGSM")
    until(lambda: seen.pixels() != before, 20, "the other attack")
    seen.settled()
    assert seen.text(".spent .gradients") == "1" and seen.one(".path").is_hidden()
    assert "FGSM" in seen.text(".st-key-attack-pick")


def stroke(seen) -> None:
    """Draw a one with the mouse."""
    box = seen.one(".pad canvas").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    mouse = seen.page.mouse
    mouse.move(*at(0.52, 0.15))
    mouse.down()
    mouse.move(*at(0.48, 0.85), steps=12)
    mouse.up()


def test_draw_a_digit_and_attack_it(visit):
    seen = visit(ATTACKED)
    seen.one(".st-key-draw button").click()
    seen.one(".pad canvas").wait_for()
    seen.page.wait_for_timeout(500)  # the dialog comes in gliding
    stroke(seen)
    dialog = seen.one('[role="dialog"]')
    dialog.get_by_text("The network reads").wait_for()
    assert "reads 1" in dialog.inner_text()
    dialog.get_by_role("button", name="Clear").click()
    dialog.get_by_text("Draw one digit, large").wait_for()
    stroke(seen)
    dialog.get_by_role("button", name="Attack this digit").click()
    until(lambda: seen.text(".plate.before .note") == "your digit", 20, "the drawn digit")
    seen.settled()
    assert dialog.count() == 0
    assert seen.eps == pytest.approx(0.2) and seen.pixels() != seen.pixels("before")
    assert "a 1" in seen.text(".sentence") or "1" in seen.text(".verdict")


def photo() -> bytes:
    """A dark one on light paper."""
    image = Image.new("RGB", (300, 400), (236, 232, 220))
    image.paste((40, 44, 60), (140, 80, 168, 320))
    return as_bytes(image)


def test_upload_a_picture_and_attack_it(visit):
    seen = visit(ATTACKED)
    seen.one(".st-key-upload button").click()
    dialog, file = seen.one('[role="dialog"]'), seen.one('[role="dialog"] input[type="file"]')
    for name, content, words in [
        ("letter.png", b"Dear aunt, this is no picture.", "picture"),
        ("blank.png", as_bytes(Image.new("L", (40, 40), 255)), ""),
    ]:
        file.set_input_files({"name": name, "mimeType": "image/png", "buffer": content})
        alert = dialog.locator('[data-testid="stAlert"]')
        alert.wait_for()
        assert words in alert.inner_text() and alert.inner_text().strip().endswith(".")
        dialog.get_by_role("button", name=re.compile("Remove|Delete")).first.click()
        alert.wait_for(state="detached")
    file.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": photo()})
    dialog.get_by_text("The network reads").wait_for()
    assert "reads 1" in dialog.inner_text()
    dialog.get_by_role("button", name="Attack this digit").click()
    until(lambda: seen.text(".plate.before .note") == "your digit", 20, "the uploaded digit")
    seen.settled()
    assert seen.eps == pytest.approx(0.2) and seen.text(".verdict")


@pytest.mark.parametrize(
    "link", [ATTACKED, "digit=2003&attack=mim&norm=l2&target=9&steps=5&model=plain_mlp&seed=3&eps=1.00"]
)
def test_a_link_out_and_in_again(visit, link):
    seen = visit(link)
    seen.scrub(0.62, start=0.3)
    seen.one(".copy").click()
    until(lambda: seen.text(".copy .word") == "Link copied", 5, "the link to be copied")
    copied = seen.page.evaluate("() => navigator.clipboard.readText()")
    other = visit(copied.partition("?")[2], fresh=True)
    assert other.looks() == seen.looks()
    # Between two of the sweep's epsilons too.
    other.one(".thumb").press("ArrowRight")
    other.settled()
    other.one(".copy").click()
    copied = other.page.evaluate("() => navigator.clipboard.readText()")
    third = visit(copied.partition("?")[2])
    assert third.looks() == other.looks() and third.eps > seen.eps


def test_a_drawn_digit_travels_in_its_link(visit):
    from pages.components import session
    from tests.pages.driving import drawn_digit

    seen = visit(session.link(session.View(pixels=drawn_digit(), label=7, eps=session.snap(0.1, "linf"))))
    assert seen.text(".plate.before .note") == "your digit" and "7" in seen.text(".sentence") + seen.text(".verdict")
    seen.one(".copy").click()
    copied = seen.page.evaluate("() => navigator.clipboard.readText()")
    assert visit(copied.partition("?")[2]).looks() == seen.looks()


def test_a_bad_link_is_told_and_does_no_harm(visit):
    seen = visit("digit=3500&attack=nonsense&eps=7")
    alerts = seen.one('[data-testid="stAlert"]')
    assert alerts.count() == 1 and all(word in alerts.inner_text() for word in ("ignored", "nonsense", "ε is “7”"))
    seen.digit(2)
    assert alerts.count() == 0


def test_the_picture_and_the_numbers(visit):
    seen = visit(ATTACKED)
    with seen.page.expect_download() as waiting:
        seen.one(".save").click()
    assert waiting.value.suggested_filename == "epsilon-lab-pgd-plain_cnn-eps-0.200.png"
    with Image.open(waiting.value.path()) as image:
        assert image.format == "PNG" and image.width > 900 and len(image.convert("L").getcolors(256) or []) > 20
    with seen.page.expect_download() as waiting:
        seen.one(".json").click()
    assert waiting.value.suggested_filename.endswith(".json")
    with open(waiting.value.path(), encoding="utf-8") as file:
        told = json.load(file)
    assert told["eps"] == pytest.approx(0.2) and told["norm"] == "linf" and told["label"] == 7
    assert told["success"] == (seen.text(".badge") == "Fooled")
    assert len(told["original"]) == len(told["change"]) == 784 and len(told["curve"]) == 61
    assert max(abs(each) for each in told["change"]) <= 0.2 + 1e-4
    assert sum(told["probabilities_after"]) == pytest.approx(1, abs=1e-4)
    assert "digit=3500" in told["link"] and told["setting"]["attack"] == "pgd"


def test_the_code(visit):
    seen = visit(ATTACKED)
    seen.scrub(0.5, start=0.6)
    seen.one("button.code").click()
    shown = seen.one('[role="dialog"] [data-testid="stCode"]')
    shown.wait_for()
    code = shown.inner_text()
    assert 'zoo.load("plain_cnn")' in code and f"eps={seen.eps:.3f}" in code
    seen.page.keyboard.press("Escape")
    shown.wait_for(state="detached")
    seen.digit(1)
    assert seen.one('[role="dialog"]').count() == 0
