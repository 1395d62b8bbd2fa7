"""The first visit to a new server: how long until there is something to see, and until it can be used."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from tests.browser.driving import ROOT, serving, until
from tests.perf.targets import Row


def importing() -> float:
    """Seconds that `import tensorflow` takes in a fresh interpreter, from the interpreter's start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, capture_output=True)
    return time.perf_counter() - began


def first_frame(browser: Browser, script: Path) -> float:
    """Seconds from the start of a server until its first visitor sees what a script begins with."""
    began = time.perf_counter()
    with first_page(browser, script):
        return time.perf_counter() - began


@contextmanager
def first_page(browser: Browser, script: Path) -> Iterator[Page]:
    """A server's first visitor, from the first moment at which anything is to be seen."""
    context = browser.new_context()
    page = context.new_page()
    with serving(wait=False, script=script) as (url, _):
        until(lambda: listening(url), 60, "the server")  # a browser that tries in vain would take the processor from it
        page.goto(url)
        page.wait_for_selector("h1", state="visible")
        yield page
    context.close()


def first_visit(browser: Browser) -> tuple[float, float]:
    """Seconds from the start of a server until its first visitor sees a frame, and until the slider attacks."""
    began = time.perf_counter()
    with first_page(browser, ROOT / "dashboard.py") as page:
        frame = time.perf_counter() - began
        page.wait_for_selector(".verdict .chip")
        before = page.locator(".plate.after canvas").evaluate("canvas => canvas.toDataURL()")
        page.locator(".thumb").press("End")
        until(lambda: page.locator(".plate.after canvas").evaluate("c => c.toDataURL()") != before, 20, "the attack")
        return frame, time.perf_counter() - began


def listening(url: str) -> bool:
    """Whether anybody answers there."""
    place = urlsplit(url)
    with socket() as probe:
        return probe.connect_ex((place.hostname, place.port)) == 0


def starting(browser: Browser, repeats: int = 3) -> Iterator[Row]:
    """The first visit to a new server, in turns with the import of TensorFlow."""
    importing()  # and the first visit: the files' way from the disk to memory
    first_visit(browser)
    imports, frames, usables, titles = [], [], [], []
    with TemporaryDirectory() as folder:
        empty = Path(folder, "empty.py")
        empty.write_text('import streamlit\n\nstreamlit.title("Empty")\n', encoding="utf-8")
        for _ in range(repeats):
            imports.append(importing())
            titles.append(first_frame(browser, empty))
            frame, usable = first_visit(browser)
            frames.append(frame)
            usables.append(usable)
    yield Row("process start to the page's frame", median(frames), 2, "s")
    print(f"  (a script of Streamlit's that draws a title and nothing else: {median(titles):.1f} s)", flush=True)
    what = f"process start to a first attack / import tensorflow ({median(usables):.1f} s / {median(imports):.1f} s)"
    yield Row(what, median(usables) / median(imports), 1.5, "×")
