"""The page's speed and memory against their targets: its own server, a real Chromium, nothing simulated.

What is timed, and how:

- another digit or attack: from the pointer going down on the button until a frame begins in which the page's canvases
  show the other digit. No digit is asked for twice, so that no answer comes from a cache. FGSM comes as the whole sweep
  of 61; of PGD-40 these pixels are the attack at the slider's ε, and the curve over all 61 follows after them.
- frames: the distances of animation frames while a mouse drags the slider to and fro.
- rerun: at the visitor's end of the wire, from the message that asks for a rerun to the one that says it is finished.
- start: from the start of the server's process until a page shows a first frame, and until its slider attacks.
- memory: the resident memory of the server's process.

The Poison page's waits are in tests/perf/poison.py.
"""

from base64 import b64decode
from collections.abc import Iterator
from statistics import median

import psutil
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.attacks import names
from tests.browser.driving import Visit, launch, new_context, serving, until
from tests.perf.clock import AFTER, another_digit, dragging, labels, p95, watched
from tests.perf.poison import poisoning
from tests.perf.start import starting
from tests.perf.targets import Row

DIGITS = 30
LADDER = ("fgm", "fgsm", "bim", "mim", "pgd")  # a session each
ATTACKS = 200


def main(only: str | None = None) -> None:
    """Measure everything and print the table; or only one part of PARTS."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, part in PARTS.items():
            for row in part(browser) if only in (None, name) else ():
                print(row, flush=True)
        browser.close()


# ------------------------------------------------------------------------------------------------------------- in use
def picking(browser: Browser) -> Iterator[Row]:
    """One visitor who picks digits and attacks."""
    with watched(browser) as (context, url):
        for attack, name in (("fgsm", "FGSM"), ("pgd", "PGD-40")):
            seen = Visit(context, url, f"digit=4999&attack={attack}&eps=0.150")
            times = [another_digit(seen, label) for label in labels(DIGITS + 5)][5:]
            yield Row(f"another digit to new pixels, {name}, median of {DIGITS}", median(times), 150)
            yield Row(f"another digit to new pixels, {name}, p95", p95(times), 300)
            asked, answered = reruns(seen)
            print(f"  (of which the server's run: {median(asked):.0f} ms; {answered / 1000:.0f} kB come)", flush=True)
            seen.page.close()
        times = other_attacks(context, url)
        yield Row(f"another attack to new pixels, median of {len(times)}", median(times), 150)
        yield Row("another attack to new pixels, p95", p95(times), 300)


def sliding(browser: Browser) -> Iterator[Row]:
    """One visitor at the slider."""
    with watched(browser) as (context, url):
        seen = Visit(context, url, "digit=3500&eps=0.150")
        frames, rows = dragging(seen)
        yield Row(f"frames while dragging, p95 of {len(frames)}, {rows} pictures shown", p95(frames), 17)
        times, size = releases(seen)
        what = f"server rerun, median of {len(times)} releases of the slider ({size / 1000:.1f} kB)"
        yield Row(what, median(times), 30)


def other_attacks(context: BrowserContext, url: str, rounds: int = 4) -> list[float]:
    """Milliseconds from pressing an attack's name to its pixels, each on a digit that it has not met."""
    titles = {"bim": "BIM", "fgsm": "FGSM", "mim": "MIM", "pgd": "PGD"}
    assert set(titles) <= set(names())
    seen, times = Visit(context, url, "digit=250&eps=0.150"), []
    for label in labels(rounds + 1):
        another_digit(seen, label)
        for title in ("BIM", "MIM", "FGSM", "PGD"):
            seen.one(".st-key-attack-pick button").first.click()
            seen.one(".st-key-pick_attack button[aria-haspopup]").click()
            option = seen.page.get_by_role("option", name=title, exact=True)
            option.wait_for()
            seen.page.evaluate("lab.watch", [AFTER])
            option.click()
            times.append(seen.page.evaluate("lab.changed"))
            seen.page.keyboard.press("Escape")
            seen.settled()
    seen.page.close()
    return times[4:]  # the first round warms up


def reruns(seen: Visit) -> tuple[list[float], float]:
    """Milliseconds of each finished rerun since the page was opened, and the median of the bytes that each brought."""
    times, sizes, began, size = [], [], None, 0
    for at, way, text, length in seen.page.evaluate("lab.wire"):
        if way == "out":
            began, size = at, 0
        else:
            size += length
            told = ForwardMsg.FromString(b64decode(text)).WhichOneof("type") if text else ""
            if told == "script_finished" and began is not None:
                times.append(at - began)
                sizes.append(size)
                began = None
    return times[1:], median(sizes[1:])  # the first is the first visit


def releases(seen: Visit, count: int = 30) -> tuple[list[float], float]:
    """Reruns that only the slider's release asks for: milliseconds, and the bytes of each."""
    seen.page.evaluate("lab.wire.length = 0")
    for turn in range(count + 1):
        seen.page.mouse.click(*seen.point((turn * 7 % 30) / 30))
        seen.settled()
    return reruns(seen)


# ------------------------------------------------------------------------------------------------------------- memory
def remembering(browser: Browser) -> Iterator[Row]:
    """The server's memory while five visitors attack."""
    with serving() as (url, server):
        context = new_context(browser, url)
        process = psutil.Process(server.pid)
        visits = [Visit(context, url, f"digit={7 * at}&attack={attack}") for at, attack in enumerate(LADDER)]

        def attack(times: int) -> float:
            for turn in range(times // len(LADDER)):
                for at, seen in enumerate(visits):
                    was = seen.pixels("before")
                    seen.one(f".st-key-digit_{(turn // 8 + 2 * at) % 10} button").click()
                    until(lambda seen=seen, was=was: seen.pixels("before") != was, 20, "the other digit")
                    seen.one(".curve:not(.waiting)").wait_for()
            return process.memory_info().rss / 1e6

        first = attack(ATTACKS)
        yield Row(f"resident memory after {ATTACKS} attacks in {len(LADDER)} sessions", first, 900, "MB")
        yield Row(f"growth over the next {ATTACKS}", attack(ATTACKS) - first, 20, "MB")
        context.close()


PARTS = {"start": starting, "picks": picking, "slider": sliding, "memory": remembering, "poison": poisoning}
