"""What keeps time in a real Chromium: a clock in the page, and a visitor's hand at the digits and the slider."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from playwright.sync_api import Browser, BrowserContext

from tests.browser.driving import Visit, new_context, serving

BEFORE, AFTER = ".plate.before canvas", ".plate.after canvas"

#: Runs in the page before anything else: a clock that starts at the pointer, an eye on canvases, an ear at the wire.
CLOCK = """
window.lab = { wire: [], frames: [], pressed: 0 };
document.addEventListener("pointerdown", () => { lab.pressed = performance.now(); }, true);
window.WebSocket = class extends WebSocket {
  constructor(...told) {
    super(...told);
    this.addEventListener("message", ({ data }) => {
      const small = data instanceof ArrayBuffer && data.byteLength < 500;
      const text = small ? btoa(String.fromCharCode(...new Uint8Array(data))) : "";
      lab.wire.push([performance.now(), "in", text, data.byteLength]);
    });
  }
  send(data) {
    lab.wire.push([performance.now(), "out", "", data.byteLength ?? 0]);
    super.send(data);
  }
};
lab.canvas = (selector) => [...document.querySelectorAll("*")]
  .map((each) => each.shadowRoot?.querySelector(selector)).find(Boolean);
lab.print = (canvas) => {
  let sum = 0;
  for (const value of canvas.getContext("2d").getImageData(0, 0, 28, 28).data) sum = (sum * 31 + value) | 0;
  return sum;
};
lab.watch = (selectors) => {
  const seen = selectors.map(lab.canvas);
  const before = seen.map(lab.print);
  lab.changed = new Promise((done, fail) => {
    setTimeout(() => fail(new Error(`no new pixels on ${selectors} in 20 s`)), 20000);
    const look = () => {
      // Some pictures are made anew with what they show.
      seen.forEach((canvas, at) => canvas.isConnected || (seen[at] = lab.canvas(selectors[at]) ?? canvas));
      if (seen.every((canvas, at) => lab.print(canvas) !== before[at])) done(performance.now() - lab.pressed);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
};
lab.film = (on) => {
  lab.filming = on;
  if (!on) return lab.frames;
  lab.frames = [];
  const turn = (now) => {
    lab.frames.push(now);
    if (lab.filming) requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
};
"""


def p95(values: list[float]) -> float:
    return float(np.percentile(values, 95))


@contextmanager
def watched(browser: Browser) -> Iterator[tuple[BrowserContext, str]]:
    """A warm server, and a browser whose pages keep time."""
    with serving() as (url, _):
        context = new_context(browser, url)
        context.add_init_script(CLOCK)
        yield context, url
        context.close()


def labels(count: int) -> list[int]:
    """Digits of the strip to press: each again and again, which brings another example every time."""
    each = -(-count // 10)
    return [at // each for at in range(count)]


def another_digit(seen: Visit, label: int, canvases: tuple[str, ...] = (BEFORE, AFTER)) -> float:
    """Milliseconds from pressing a digit to its pixels on all of those canvases."""
    seen.page.evaluate("lab.watch", list(canvases))
    seen.one(f".st-key-digit_{label} button").click()
    taken = seen.page.evaluate("lab.changed")
    seen.settled()
    return taken


def dragging(seen: Visit, seconds: float = 6) -> tuple[list[float], int]:
    """Milliseconds between animation frames during a drag, and how many different pictures were shown."""
    mouse, (left, height), (right, _) = seen.page.mouse, seen.point(0), seen.point(1)
    mouse.move((left + right) / 2, height)
    mouse.down()
    seen.page.wait_for_timeout(300)
    seen.page.evaluate("lab.film(true)")
    began, shown = time.perf_counter(), set()
    while (now := time.perf_counter() - began) < seconds:
        share = abs(2 * (now / 2 % 1) - 1)  # to and fro in two seconds
        mouse.move(left + share * (right - left), height)
        shown.add(round(share * 60))
    frames = seen.page.evaluate("lab.film(false)")
    mouse.up()
    seen.settled()
    return np.diff(frames).tolist(), len(shown)
