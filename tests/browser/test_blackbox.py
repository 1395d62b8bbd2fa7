"""The Black box page in a real browser: a film that plays and is scrubbed, beside other attackers and a matrix."""

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser


def watching(turn, link="digit=3500&attack=hopskipjump", **device):
    """A visitor who came to the Attack page and went on to Black box, once its films are there."""
    seen = turn("Black box", link, **device)
    seen.page.wait_for_selector(".film .verdict .chip", timeout=60_000)
    seen.page.wait_for_selector(".film .bar.idle", state="attached", timeout=120_000)
    return seen


def frame(seen) -> int:
    return int(seen.one(".film .thumb").get_attribute("aria-valuenow"))


def picture(seen) -> str:
    return seen.one(".film .plate.after canvas").evaluate("canvas => canvas.toDataURL()")


def test_the_film_plays_from_its_beginning_to_its_end(turn):
    seen = watching(turn)
    last, verdict = frame(seen), seen.text(".film .verdict")
    assert last > 2 and verdict.startswith("After ")
    seen.one(".film .play").click()
    shown = set()
    until(lambda: shown.add(frame(seen)) or (len(shown) > 2 and frame(seen) == last), 30, "the film's end")
    seen.page.wait_for_selector(".film:not(.playing)")
    assert min(shown) < last and seen.text(".film .verdict") == verdict


def test_one_drag_moves_pictures_bars_curve_and_counter(turn):
    seen = watching(turn)
    box = seen.one(".film .rail").bounding_box()
    middle = box["y"] + box["height"] / 2

    def drag(share):
        seen.page.mouse.move(box["x"] + share * box["width"], middle)
        seen.page.mouse.down()
        seen.page.mouse.up()
        seen.page.wait_for_timeout(100)
        dot = seen.one(".film .dot").first.get_attribute("transform")
        return frame(seen), picture(seen), seen.bars(), dot, seen.text(".film .count")

    start, end = drag(0.001), drag(0.999)
    assert all(one != other for one, other in zip(start, end, strict=True))
    assert start[0] == 0 and start[4] == "0"
    assert seen.text(".film .after .note").startswith(f"picture {end[0] + 1} of")
    seen.one(".film .thumb").press("ArrowLeft")
    until(lambda: frame(seen) == end[0] - 1, 5, "the picture before")
    seen.one(".film .thumb").press("Home")
    until(lambda: frame(seen) == 0, 5, "the first picture")
    assert "Before the first query" in seen.text(".film .verdict")


def test_a_line_of_the_table_changes_what_the_attacker_knows(turn):
    seen = watching(turn)
    assert seen.one(".film tbody tr").count() == 4 and "chosen" in seen.one('tr[data-knows="decision"]').get_attribute(
        "class"
    )
    seen.one('.film tr[data-knows="gradient"] .pick').click()
    seen.page.wait_for_selector('.film tr.chosen[data-knows="gradient"]')
    assert "gradients" in until(
        lambda: "gradient" in seen.text(".film .verdict") and seen.text(".film .verdict"), 30, "PGD"
    )


def test_copy_link_brings_the_film_back(turn):
    seen = watching(turn, "digit=1000&attack=hopskipjump&norm=l2")
    seen.one(".film .copy").click()
    seen.page.wait_for_selector(".film .copy:has-text('Link copied')")
    link = seen.page.evaluate("navigator.clipboard.readText()")
    assert "/blackbox?" in link and "knows=decision" in link and "norm=l2" in link
    again = watching(turn, link.partition("?")[2])
    assert again.text(".film .verdict") == seen.text(".film .verdict") and picture(again) == picture(seen)


@pytest.mark.parametrize(("button", "ending"), [(".save", ".png"), (".json", ".json")])
def test_downloads(turn, button, ending):
    seen = watching(turn)
    with seen.page.expect_download() as caught:
        seen.one(f".film {button}").click()
    assert caught.value.suggested_filename.startswith("epsilon-lab-film-") and caught.value.suggested_filename.endswith(
        ending
    )


def test_the_matrix_is_worked_out_when_asked_for(turn):
    seen = watching(turn)
    seen.one(".heat .run").click()
    seen.page.wait_for_selector(".heat td.own", timeout=180_000)
    rows, own = seen.one(".heat tbody tr").count(), seen.one(".heat td.own").count()
    assert (
        rows == own >= 3 and seen.one(".heat .run").is_hidden() and "120 bundled digits" in seen.text(".heat .caption")
    )
    for button, ending in ((".save", ".png"), (".json", ".json")):
        with seen.page.expect_download() as caught:
            seen.one(f".heat {button}").click()
        name = caught.value.suggested_filename
        assert name.startswith("epsilon-lab-transfer-") and name.endswith(ending)
    seen.one(".heat .code").click()
    assert "transfer_matrix" in seen.one('[role="dialog"] code').inner_text()


def test_a_phone_shows_it_without_a_sideways_scroll(turn):
    seen = watching(turn, viewport={"width": 390, "height": 844}, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert seen.page.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
    dock = seen.one(".film .dock").bounding_box()
    assert dock["y"] + dock["height"] <= 845 and seen.one(".film .verdict").bounding_box()["y"] < dock["y"]
