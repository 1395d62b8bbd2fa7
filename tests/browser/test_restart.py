"""The server is killed under a visitor, and another one comes up in its place."""

import pytest

from tests.browser import driving
from tests.browser.driving import Visit, until

pytestmark = pytest.mark.browser

LINK = "digit=2003&model=plain_mlp&attack=mim&norm=l2&target=9&steps=5&seed=3&eps=1.00"


def test_a_restart_under_a_visitor(chromium):
    port = driving.free_port()
    with driving.serving(port=port) as (url, server):
        context = driving.new_context(chromium, url)
        seen = Visit(context, url, LINK)
        seen.settled()
        before = seen.looks()
        server.kill()
        server.wait()
    status = seen.one('[data-testid="stStatusWidget"]')
    status.get_by_text("CONNECTING").wait_for()
    assert seen.looks() == before, "what the visitor looks at stays"
    with driving.serving(port=port):
        status.wait_for(state="detached")
        # The new server knows nothing of the visitor but the page's address, and has its view from there.
        seen.one(".st-key-digit_4 button").click()
        seen.page.wait_for_selector('[data-test-script-state="running"]')
        seen.page.wait_for_selector(driving.IDLE, timeout=60_000)  # it had to wake up
        until(lambda: seen.one(".verdict .chip").count() and seen.looks() == before, 30, "the view of the link")
        seen.one(".st-key-digit_4 button").click()
        until(lambda: seen.text(".plate.before .note") == "bundled digit 2004", 30, "the next example of the link's 4")
        seen.settled()
        assert seen.eps == pytest.approx(1.0) and "MIM" in seen.text(".st-key-attack-pick")
        assert Visit(context, url, LINK).looks() == before
        assert not [fault for fault in seen.faults if fault.startswith("raised")]
        context.close()
