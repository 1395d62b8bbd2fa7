"""The certificate's drawing in a real browser: its labels stay apart and inside, at every width, ε and network."""

import pytest

from tests.browser.driving import until

pytestmark = pytest.mark.browser

WIDTHS = ((1440, 900), (768, 1024), (390, 844))

#: The drawing, and what is written in it: [left, top, right, bottom, words]. A line of letters has empty rims above and
#: below, which may touch.
READ = """svg => {
  const box = (node, rim) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    return [left, top + rim, right, bottom - rim, node.textContent];
  };
  return [box(svg, 0), [...svg.querySelectorAll("text")].filter(node => node.textContent).map(node => box(node, 2.5))];
}"""


def faults(drawing, labels):
    """What is wrong with boxes [left, top, right, bottom, words] in a drawing's."""
    left, top, right, bottom, _ = drawing
    found = [f"{each[4]!r} leaves the drawing" for each in labels if not inside(each, left, top, right, bottom)]
    for at, one in enumerate(labels):
        for other in labels[at + 1 :]:
            if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]:
                found.append(f"{one[4]!r} overlaps {other[4]!r}")
    return found


def inside(box, left, top, right, bottom):
    return box[0] >= left - 1 and box[2] <= right + 1 and box[1] >= top - 1 and box[3] <= bottom + 1


def looked_at(seen):
    """The labels' words, once it is sure that nothing is wrong with them."""
    frame = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    seen.page.wait_for_function(frame)
    drawing, labels = seen.page.locator(".band svg").evaluate(READ)
    assert drawing[2] - drawing[0] > 100 and len(labels) >= 6
    assert not (wrong := faults(drawing, labels)), (seen.page.viewport_size, seen.page.url, wrong)
    return [each[4] for each in labels]


def at_all_places(seen):
    """Everything that was written at any width and ε."""
    words = set()
    for width, height in WIDTHS:
        seen.page.set_viewport_size({"width": width, "height": height})
        seen.page.wait_for_timeout(150)  # columns wrap, and the drawing hears of its new width
        for key in ("Home", "PageUp", "PageUp", "End"):
            seen.page.locator(".duel .thumb").press(key)
            words |= set(looked_at(seen))
    seen.page.set_viewport_size({"width": WIDTHS[0][0], "height": WIDTHS[0][1]})
    return words


def pick(seen, title):
    """Choose the certificate's network; a list that is open closes when the page runs anew, and is opened again."""
    box = seen.page.locator(".st-key-certificate_model").get_by_role("combobox")
    option = seen.page.get_by_role("option", name=title, exact=True)

    def open_and_stays():
        if not option.count():
            box.click()
        seen.page.wait_for_timeout(400)
        return option.count()

    seen.idle()
    until(open_and_stays, 30, f"the list with {title}")
    option.click()
    seen.page.wait_for_timeout(300)
    seen.idle()


def test_the_labels_stay_apart_and_inside(turn):
    seen = turn("Defend", "digit=3500&eps=0.100&model=plain_mlp")
    band, words = seen.page.locator(".band"), set()
    until(lambda: "digits" in band.locator(".sentence").inner_text(), 60, "the offer")
    assert {"0.10", "this ε"} <= at_all_places(seen), "Nothing is proven yet, and there is the grid."
    for title in ("Plain MLP", "Plain CNN", "Hardened CNN"):
        pick(seen, title)
        until(band.locator(".run").is_visible, 60, "the button")
        band.locator(".run").click()
        until(lambda: band.locator(".name").count() >= 1, 120, "the first line")
        # As the lines grow their names move.
        while (far := band.locator(".far").inner_text()).startswith(("proving", "attacking")):
            looked_at(seen)
            if title == "Hardened CNN" and far > "attacking: ε = 0.05":
                band.locator(".stop").click()  # it would take a while, and half a line is another case
                until(lambda: "stopped" in band.locator(".far").inner_text(), 30, "the end")
        words |= at_all_places(seen)
    # Where there is no room for a name it is left out; for each there is room somewhere.
    assert {"at least (proven)", "at most (PGD)", "not known"} <= words


def test_what_is_wrong_would_be_seen(turn):
    """The same eyes, on labels that were put over each other, or outside."""
    seen = turn("Defend", "digit=3500&eps=0.100&model=plain_mlp")
    svg = seen.page.locator(".band svg")
    until(lambda: svg.locator("text").count() >= 6, 60, "the drawing")
    looked_at(seen)
    svg.evaluate(
        "svg => svg.querySelectorAll('text')[1].setAttribute('y', svg.querySelector('text').getAttribute('y'))"
    )
    assert any("overlaps" in each for each in faults(*svg.evaluate(READ)))
    svg.evaluate("svg => svg.querySelector('.here').setAttribute('x', -40)")
    assert "'this ε' leaves the drawing" in faults(*svg.evaluate(READ))
