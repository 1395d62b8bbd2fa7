"""A server of the app, the system's Chromium, and the page's parts as a test reaches for them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

if TYPE_CHECKING:  # a server alone is started without Playwright
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
).split()
#: Every message from the server comes that many milliseconds late, in its order: a far or busy server.
LATE = """ms => {
  const real = WebSocket.prototype.addEventListener;
  WebSocket.prototype.addEventListener = function (kind, hear, ...rest) {
    real.call(this, kind, kind === "message" ? event => setTimeout(() => hear.call(this, event), ms) : hear, ...rest);
  };
  Object.defineProperty(WebSocket.prototype, "onmessage", {
    set(hear) { this.addEventListener("message", hear); },
  });
}"""
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def chromium() -> str | None:
    """The system's Chromium or Chrome, where there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def launch(playwright: Playwright, *flags: str) -> Browser:
    """A headless Chromium without a network of its own."""
    return playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    wait: bool = True, script: Path = ROOT / "dashboard.py", port: int | None = None
) -> Iterator[tuple[str, subprocess.Popen]]:
    """The dashboard as `streamlit run` starts it, or another script, on a port of its own: its address, its process."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", script.name, "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with TemporaryFile("w+") as log:
        env = {key: value for key, value in os.environ.items() if not key.startswith("STREAMLIT_")}
        server = subprocess.Popen(command, cwd=script.parent, env=env, stdout=log, stderr=subprocess.STDOUT)
        url = f"http://127.0.0.1:{port}/"
        try:
            if wait:
                until(lambda: healthy(url) or server.poll() is not None, 60, "the server's health")
            if server.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"The server stopped at its start: {log.read()[-2000:]}")
            yield url, server
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def healthy(url: str) -> bool:
    """Whether the server answers."""
    try:
        return urlopen(url + "_stcore/health", timeout=2).read() == b"ok"
    except (URLError, OSError):
        return False


def until(check: Callable[[], Any], seconds: float, what: str) -> Any:
    """The check's first true answer; AssertionError once the time is over."""
    end = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < end, f"Waited {seconds:g} s in vain for {what}."
        time.sleep(0.02)
    return answer


def new_context(browser: Browser, url: str, late: int = 0, **options: Any) -> BrowserContext:
    """A browser with an empty cache, on a desk unless the options say otherwise.

    late: by how many milliseconds it hears the server late.
    """
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **options})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url.rstrip("/"))
    if late:
        context.add_init_script(f"({LATE})({late})")
    return context


class Visit:
    """A visitor: a page and a session of its own, and everything that went wrong or went over the wire."""

    def __init__(self, context: BrowserContext, url: str, link: str = "") -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.faults: list[str] = []
        self.sent = self.received = 0
        self.page.on("console", lambda told: told.type == "error" and self.faults.append(f"console: {told.text}"))
        self.page.on("pageerror", lambda fault: self.faults.append(f"raised: {fault}"))
        self.page.on("requestfailed", lambda asked: self.faults.append(f"failed: {asked.url} {asked.failure}"))
        self.page.on("request", self._asked)
        self.page.on("websocket", self._wired)
        self.page.goto(f"{url}?{link}" if link else url)
        self.page.wait_for_selector(".verdict .chip", timeout=60_000)
        self.idle()

    def _asked(self, request: Any) -> None:
        place = urlsplit(request.url)
        if place.scheme not in ("data", "blob") and place.hostname != "127.0.0.1":
            self.faults.append(f"asked the internet: {request.url}")

    def _wired(self, socket: Any) -> None:
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, _: Any) -> None:
        self.sent += 1

    def _received(self, data: Any) -> None:
        self.received += len(data)

    def idle(self) -> None:
        """Wait until the script has run, and nothing was raised in it."""
        self.page.wait_for_selector(IDLE)
        assert self.page.locator('[data-testid="stException"]').count() == 0

    def one(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        return " ".join((self.one(selector).text_content() or "").split())

    def pixels(self, plate: str = "after") -> str:
        """A plate's canvas ("before", "change" or "after") as a data address."""
        return self.one(f".plate.{plate} canvas").evaluate("canvas => canvas.toDataURL()")

    def bars(self) -> list[str]:
        """How wide the ten bars after the attack are."""
        return self.one(".bars .now").evaluate_all("bars => bars.map(bar => bar.style.transform)")

    @property
    def eps(self) -> float:
        """What the slider says."""
        return float(self.one(".thumb").get_attribute("aria-valuenow") or "nan")

    def looks(self) -> dict[str, Any]:
        """What a person would compare two pages by."""
        plates = {name: self.pixels(name) for name in ("before", "change", "after")}
        words = {name: self.text(name) for name in (".verdict", ".badge", ".sentence", ".sizes", ".spent dl")}
        return {**plates, **words, "bars": self.bars(), "eps": self.eps}

    def point(self, share: float) -> tuple[float, float]:
        """The place on the slider's rail at that share of its range."""
        box = self.one(".rail").bounding_box()
        assert box
        return box["x"] + share * box["width"], box["y"] + box["height"] / 2

    def scrub(self, share: float, start: float | None = None) -> None:
        """Take hold of the slider and let it go elsewhere."""
        mouse = self.page.mouse
        mouse.move(*self.point(share if start is None else start))
        mouse.down()
        mouse.move(*self.point(share), steps=5)
        mouse.up()
        self.settled()

    def settled(self) -> None:
        """Wait until what was last sent is answered and drawn."""
        self.page.wait_for_timeout(250)
        self.page.wait_for_selector(".curve:not(.waiting)")
        self.idle()
        self.page.wait_for_function(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
        )

    def digit(self, label: int) -> None:
        """Press a digit of the strip, and wait for it."""
        was = self.pixels("before")
        self.one(f".st-key-digit_{label} button").click()
        until(lambda: self.pixels("before") != was, 20, "the other digit")
        self.settled()

    def choose(self, key: str, option: str) -> None:
        """Pick an option of a select box."""
        self.one(f".st-key-{key} button[aria-haspopup]").click()
        self.page.get_by_role("option", name=option, exact=True).click()
