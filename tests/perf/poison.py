"""The Poison page's waits: for the digits that a painted stamp or another share makes, and for a training to show.

Timed as in tests/perf/page.py, from the pointer going down; the network is the MLP, the set the bundled one.
"""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from tests.browser.driving import Visit
from tests.perf.clock import p95, watched
from tests.perf.targets import Row

TOUCHED = ".samples .touched canvas"
STROKES, RATES, TRAININGS = 30, 15, 3


def poisoning(browser: Browser) -> Iterator[Row]:
    """One visitor who paints, moves the share, and trains."""
    with watched(browser) as (context, url):
        seen = _arrived(context, url)
        cells = seen.one(".trigger .cells button")
        times = [_new_digits(seen, *_at(cells.nth(turn % 12).bounding_box(), 0.5)) for turn in range(STROKES + 3)][3:]
        yield Row(f"Poison: a painted cell to new digits, median of {STROKES}", median(times), 150)
        yield Row("Poison: a painted cell to new digits, p95", p95(times), 300)
        slider = seen.one(".st-key-pick_rate").bounding_box()  # its rail is at its lower end
        times = [_new_digits(seen, *_at(slider, 0.2 + 0.04 * turn, 0.85)) for turn in range(RATES + 1)][1:]
        yield Row(f"Poison: another share to new digits, median of {RATES}", median(times), 150)
        times = [_first_point(seen) for _ in range(TRAININGS + 1)]
        print(f"  (the server's first training shows after {times[0]:.1f} s)", flush=True)
        yield Row(f"Poison: a training to its first point, median of {TRAININGS}", median(times[1:]), 2, "s")


def _arrived(context: BrowserContext, url: str) -> Visit:
    seen = Visit(context, url, "digit=3503&model=plain_mlp")
    seen.page.get_by_role("link", name="Poison").click()
    seen.page.wait_for_selector(TOUCHED)
    seen.choose("pick_victim", "MLP")
    seen.idle()
    return seen


def _at(box: Any, across: float, down: float = 0.5) -> tuple[float, float]:
    """A place on a box, at those shares of its sides."""
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def _new_digits(seen: Visit, x: float, y: float) -> float:
    """Milliseconds from a press at that place until the victim is given other digits."""
    seen.page.evaluate("lab.watch", [TOUCHED])
    seen.page.mouse.click(x, y)
    taken = seen.page.evaluate("lab.changed")
    seen.page.wait_for_timeout(100)
    seen.idle()
    return taken


def _first_point(seen: Visit) -> float:
    """Seconds from the press on Train until its curve begins; it is stopped then."""
    button = seen.one(".st-key-poison_train button")
    button.wait_for()
    began = time.perf_counter()
    button.click()
    seen.page.wait_for_selector(".st-key-poison_stop")
    seen.page.wait_for_selector(".school text.name.blue", state="detached")  # that of the training before
    seen.page.wait_for_selector(".school text.name.blue")
    taken = time.perf_counter() - began
    seen.one(".st-key-poison_stop button").click()
    button.wait_for()
    seen.idle()
    return taken
