"""The server is killed under a visitor, and another one comes up in its place."""

import pytest

from tests.browser import driving
from tests.browser.driving import Visit, until

pytestmark = pytest.mark.browser

LINK = "digit=2003&model=plain_mlp&attack=mim&norm=l2&target=9&steps=5&seed=3&eps=1.00"


def test_a_restart_under_visitors(chromium):
    """The new server knows nothing of them but their pages' addresses, and has their views from there."""
    port = driving.free_port()
    with driving.serving(port=port) as (url, server):
        context = driving.new_context(chromium, url)
        linked, picking = Visit(context, url, LINK), Visit(context, url)
        picking.choose("pick_model", "Plain MLP")
        picking.digit(7)
        assert picking.text(".plate.before .note") == "bundled digit 3501"
        linked.settled()
        before = [each.looks() for each in (linked, picking)]
        server.kill()
        server.wait()
    states = [each.one('[data-testid="stStatusWidget"]') for each in (linked, picking)]
    for state in states:
        state.get_by_text("CONNECTING").wait_for()
    assert [each.looks() for each in (linked, picking)] == before, "what a visitor looks at stays"
    with driving.serving(port=port):
        for state in states:
            state.wait_for(state="detached")
        linked.one(".st-key-digit_4 button").click()
        linked.page.wait_for_selector('[data-test-script-state="running"]')
        linked.page.wait_for_selector(driving.IDLE, timeout=60_000)  # it had to wake up
        until(lambda: linked.one(".verdict .chip").count() and linked.looks() == before[0], 30, "the view of the link")
        linked.one(".st-key-digit_4 button").click()
        until(
            lambda: linked.text(".plate.before .note") == "bundled digit 2004", 30, "the next example of the link's 4"
        )
        picking.one(".st-key-digit_7 button").click()
        until(
            lambda: picking.text(".plate.before .note") == "bundled digit 3502", 30, "the next example of the picked 7"
        )
        assert picking.one(".st-key-pick_model input").input_value() == "Plain MLP"
        assert "model=plain_mlp" in picking.page.evaluate("location.search")
        linked.settled()
        assert linked.eps == pytest.approx(1.0) and "MIM" in linked.text(".st-key-attack-pick")
        assert not [fault for each in (linked, picking) for fault in each.faults if fault.startswith("raised")]
        context.close()
