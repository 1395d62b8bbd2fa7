"""The first visit, and the slider: by mouse, by keyboard, by itself."""

import re

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser
SEVEN = "digit=3500&eps=0.000"
FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot) at = at.shadowRoot.activeElement;
  return at?.className;
}"""


def test_the_first_visit(visit):
    seen = visit()
    assert re.match(r"The network reads 7 with .* confidence", seen.text(".verdict"))
    assert seen.text(".badge") == "Not attacked yet" and seen.eps == 0
    assert seen.text(".plate.after .note") == "ε = 0.000"
    assert seen.pixels("before") == seen.pixels("after") != seen.pixels("change")
    assert seen.page.title() == "Epsilon Lab"
    assert seen.one('[data-testid="stAlert"]').count() == 0


def test_a_drag_shows_the_attack_and_says_nothing_to_the_server_before_its_end(visit):
    seen = visit(SEVEN)
    mouse, shots = seen.page.mouse, []
    mouse.move(*seen.point(0))
    mouse.down()
    seen.page.wait_for_timeout(200)
    sent = seen.sent
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        mouse.move(*seen.point(share), steps=8)
        until(lambda share=share: abs(seen.eps - 0.3 * share) < 0.004, 3, f"the slider at {share}")
        shots.append((seen.pixels(), tuple(seen.bars()), seen.text(".plate.after .note"), seen.text(".sizes")))
    assert seen.sent == sent, "something was sent while dragging"
    assert len({shot[0] for shot in shots}) == 5 and len({shot[2] for shot in shots}) == 5
    assert len({shot[1] for shot in shots}) >= 3 and len({shot[3] for shot in shots}) == 5
    mouse.up()
    seen.settled()
    assert seen.sent == sent + 1
    assert seen.text(".badge") == "Fooled" and "now reads" in seen.text(".verdict")
    assert "still a 7" in seen.text(".sentence")
    assert seen.text(".plate.after .note") == "ε = 0.300" and seen.eps == pytest.approx(0.3)


def test_the_server_keeps_the_epsilon_that_was_left(visit):
    seen = visit(SEVEN)
    seen.scrub(0.5, start=0.1)
    assert seen.eps == pytest.approx(0.15, abs=0.003)
    left = seen.eps
    seen.digit(3)
    assert seen.eps == left and seen.text(".plate.before .note").startswith("bundled digit 15")


def test_the_curve_can_be_dragged_too(visit):
    seen = visit(SEVEN)
    box = seen.one(".curve").bounding_box()
    seen.page.mouse.click(*[seen.point(0.5)[0], box["y"] + box["height"] / 2])
    seen.settled()
    assert seen.eps == pytest.approx(0.15, abs=0.004)


def test_the_curve_follows_whatever_the_digit_is_read_as(visit):
    """An attack may lead through one class into another: where it has won, the rival's dot is above the digit's own."""
    seen = visit(SEVEN)
    high = "dots => dots.map(dot => Number(dot.getAttribute('transform').match(/ ([\\d.]+)\\)/)[1]))"
    for place in (0.05, 0.33, 0.66, 1.0):
        seen.scrub(place)
        rival, own = seen.one(".curve .dot").evaluate_all(high)
        assert (rival < own) == (seen.text(".badge") == "Fooled"), f"at {place}"
    assert "confidence in 7" in seen.text(".curve")


def test_the_keyboard(visit):
    seen = visit(SEVEN)
    thumb = seen.one(".thumb")
    thumb.focus()

    def press(key: str, eps: float) -> None:
        thumb.press(key)
        until(lambda: abs(seen.eps - eps) < 1e-6, 5, f"ε = {eps} after {key}, not {seen.eps}")
        seen.settled()
        assert seen.eps == pytest.approx(eps) and seen.text(".plate.after .note") == f"ε = {eps:.3f}"

    press("ArrowRight", 0.001)  # between two of the sweep: the server works out that very one
    assert seen.text(".sizes .linf") == "0.001"
    press("ArrowUp", 0.002)
    press("ArrowLeft", 0.001)
    press("PageUp", 0.011)
    press("PageDown", 0.001)
    press("End", 0.3)
    press("ArrowDown", 0.299)
    press("Home", 0)
    for _ in range(3):
        thumb.press("ArrowRight")  # faster than the server answers
    until(lambda: abs(seen.eps - 0.003) < 1e-6, 5, "three steps")


def test_play_and_space(visit):
    seen = visit(SEVEN)
    seen.one(".play").click()
    until(lambda: seen.eps > 0.02, 5, "the film to move")
    seen.one(".thumb").press(" ")
    seen.settled()
    rest = seen.eps
    assert 0.02 < rest < 0.3
    seen.page.wait_for_timeout(300)
    assert seen.eps == rest
    seen.one(".thumb").press(" ")
    until(lambda: seen.eps > rest, 5, "the film to go on")
    seen.one(".play").click()
    seen.settled()


def test_picks_and_releases_faster_than_their_answers(visit):
    """The sweep and ε come in messages of their own: whatever overtakes what, they end at the last pick, together."""
    seen = visit(SEVEN)
    for turn, label in enumerate([3, 8, 1, 8, 0, 5, 2, 9, 4, 6]):
        seen.one(f".st-key-digit_{label} button").click()
        seen.page.wait_for_timeout(40 * (turn % 4))
        seen.page.mouse.click(*seen.point((turn + 1) / 11))
        if turn % 2:
            seen.one(".thumb").press("ArrowRight")
    until(lambda: seen.text(".plate.before .note") == "bundled digit 3000", 60, "the last pick")
    seen.settled()
    until(lambda: seen.one(".lab.working").count() == 0, 20, "the row at the ε that was left")
    left = seen.eps
    assert left == pytest.approx(0.3 * 10 / 11, abs=0.005) and round(left * 1000) % 5
    looks = seen.looks()
    seen.one(".copy").click()
    copied = seen.page.evaluate("() => navigator.clipboard.readText()")
    assert visit(copied.partition("?")[2]).looks() == looks


class TestWordsOfOneMoment:
    """Streamlit's browser side sends what is said at one moment as one message, and names one part of the page in it.

    Here a moment lasts: what would be sent at once waits.
    """

    @pytest.fixture
    def seen(self, visit):
        seen = visit(SEVEN)
        seen.page.evaluate(
            """() => {
                const soon = window.setTimeout;
                window.setTimeout = (work, wait, ...more) => soon(work, wait || 400, ...more);
            }"""
        )
        return seen

    def test_the_slider_is_let_go_as_the_curve_is_asked_for(self, seen):
        seen.one(".st-key-digit_3 button").click()
        until(self.stepped(seen), 20, "the first part of the sweep")
        until(lambda: seen.one(".curve.waiting, .lab.working").count() == 0, 20, "the whole sweep")

    @staticmethod
    def stepped(seen):
        """Takes a step with the slider; whether the curve waits by then."""
        return lambda: seen.one(".thumb").press("ArrowRight") or seen.one(".curve.waiting").count() == 1

    def test_a_digit_is_pressed_as_the_curve_is_asked_for(self, seen):
        seen.one(".st-key-digit_3 button").click()
        until(lambda: seen.one(".curve.waiting").count() == 1, 20, "the first part of the sweep")
        seen.one(".st-key-digit_8 button").click()
        until(lambda: seen.text(".plate.before .note") == "bundled digit 4000", 20, "the other digit")
        until(lambda: seen.one(".curve.waiting, .lab.working").count() == 0, 20, "its whole sweep")
        seen.page.mouse.move(0, 0)
        until(lambda: self.mark(seen, 8) != self.mark(seen, 1) == self.mark(seen, 3), 5, "the strip to say so")

    @staticmethod
    def mark(seen, label: int) -> str:
        """How a digit's button is framed."""
        return seen.one(f".st-key-digit_{label} button").evaluate(
            "button => ['outline', 'border', 'boxShadow'].map(name => getComputedStyle(button)[name]).join()"
        )


def test_an_answer_that_was_under_way_does_not_take_the_thumb_back(visit):
    """A digit's answer leaves the server before the thumb is let go, and arrives after it with the older ε."""
    seen = visit(SEVEN, late=700)
    for label, first, then in ((3, 0.5, 0.9), (1, 0.2, 0.7)):
        seen.page.mouse.click(*seen.point(first))
        seen.page.wait_for_timeout(1000)
        was = seen.pixels("before")
        seen.one(f".st-key-digit_{label} button").click()
        seen.page.wait_for_timeout(300)
        assert seen.pixels("before") == was, "the answer was to be late"
        seen.page.mouse.click(*seen.point(then))
        until(lambda was=was: seen.pixels("before") != was, 20, "the other digit")
        for _ in range(15):
            assert seen.eps == pytest.approx(0.3 * then, abs=0.004)
            seen.page.wait_for_timeout(100)
        seen.settled()
        assert seen.text(".plate.after .note") == f"ε = {seen.eps:.3f}"


def test_a_release_is_answered_with_little(visit):
    """What comes over the wire after a release: kilobytes, not the sweep once more."""
    seen = visit(SEVEN)
    first = seen.received
    assert first > 50_000
    seen.scrub(0.5, start=0.1)  # one of the sweep's own
    assert 100 < seen.received - first < 6_000
    then = seen.received
    seen.one(".thumb").press("ArrowRight")  # and one between two of them
    seen.settled()
    assert 1_000 < seen.received - then < 12_000


def test_the_attack_s_own_steps(visit):
    seen = visit("digit=3500&eps=0.200&steps=8")
    last, badge = seen.pixels(), seen.text(".badge")
    seen.one(".path").click()
    shots = {}
    until(
        lambda: shots.setdefault(seen.text(".plate.after .note"), seen.pixels()) and "step 8 of 8" in shots,
        20,
        "the steps",
    )
    assert len(shots) > 4
    until(lambda: seen.text(".plate.after .note") == "ε = 0.200", 5, "the end of the film")
    assert seen.pixels() == last and seen.text(".badge") == badge


def test_told_to_who_does_not_see_it(visit):
    seen = visit(SEVEN)
    thumb = seen.one(".thumb")
    assert thumb.get_attribute("role") == "slider" and thumb.get_attribute("aria-valuemax") == "0.3"
    assert thumb.get_attribute("aria-valuetext") == "ε 0.000: Not attacked yet"
    seen.scrub(1.0, start=0.2)
    assert thumb.get_attribute("aria-valuetext") == "ε 0.300: Fooled"
    assert "now reads" in seen.text('[aria-live="polite"]')
    assert seen.one(".curve").get_attribute("aria-label").startswith("Confidence against ε")
    assert all(seen.one(f".plate.{name} canvas").get_attribute("aria-label") for name in ("before", "change", "after"))


def test_the_slider_is_reached_by_tab(visit):
    seen = visit(SEVEN)
    for _ in range(60):
        seen.page.keyboard.press("Tab")
        if seen.page.evaluate(FOCUS) == "thumb":
            break
    else:
        pytest.fail("The slider was not reached in sixty steps.")
    seen.page.keyboard.press("End")
    until(lambda: seen.eps == 0.3, 5, "the slider to obey")


def test_a_screen_of_a_telephone(visit):
    seen = visit(SEVEN, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    wide = "() => [document.documentElement.scrollWidth, document.querySelector('.stMain').scrollWidth]"
    assert max(seen.page.evaluate(wide)) <= 390
    for place in (0, 10_000):
        seen.page.evaluate(f"document.querySelector('.stMain').scrollTo(0, {place})")
        seen.page.wait_for_timeout(100)
        box = seen.one(".thumb").bounding_box()
        assert box["y"] > 422 and box["y"] + box["height"] <= 844, "the slider is out of the thumb's reach"
    seen.page.evaluate("document.querySelector('.stMain').scrollTo(0, 0)")
    seen.page.touchscreen.tap(*seen.point(0.9))
    seen.settled()
    assert seen.eps == pytest.approx(0.27, abs=0.01) and seen.text(".badge") == "Fooled"
    verdict = seen.one(".verdict").bounding_box()
    assert verdict["y"] >= 0 and verdict["y"] + verdict["height"] < 844


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes(visit, scheme):
    seen = visit("digit=3500&eps=0.200", color_scheme=scheme)
    ground = seen.page.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (sum(int(part) for part in re.findall(r"\d+", ground)[:3]) < 150) == (scheme == "dark")
    assert (seen.one(".lab.dark").count() == 1) == (scheme == "dark")
