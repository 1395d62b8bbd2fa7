"""One server and one Chromium for the browser tests; each test is a visitor of its own, and none may see an error."""

import os

import pytest

from tests.browser import driving

pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="package")
def url():
    """The address of a running dashboard."""
    with driving.serving() as (address, _):
        yield address


@pytest.fixture(scope="package")
def chromium():
    """The system's Chromium, headless; its absence fails where REQUIRE_BROWSER=1, and skips elsewhere."""
    from playwright.sync_api import sync_playwright

    if driving.chromium() is None:
        why = (
            "No Chromium was found (chromium, chromium-browser or google-chrome): install one to run the browser tests."
        )
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = driving.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def desk(chromium, url):
    """A browser on a desk, whose cache the tests share; each still is a session of its own."""
    context = driving.new_context(chromium, url)
    yield context
    context.close()


@pytest.fixture
def visit(chromium, desk, url):
    """Opens the page for a new visitor: visit(link, **context), the context being another device's, or fresh=True for
    another computer. At the end, none of them may have met a fault."""
    visits, contexts = [], []

    def come(link: str = "", fresh: bool = False, **device) -> driving.Visit:
        if fresh or device:
            contexts.append(driving.new_context(chromium, url, **device))
        visits.append(driving.Visit(contexts[-1] if fresh or device else desk, url, link))
        return visits[-1]

    yield come
    faults = [fault for each in visits for fault in each.faults]
    for each in visits:
        each.page.close()
    for each in contexts:
        each.close()
    assert not faults, faults


@pytest.fixture
def turn(visit):
    """Comes as `visit` does and turns to another page by its name in the sidebar: turn("Compare", link, **context)."""

    def come(page: str, link: str, **device) -> driving.Visit:
        seen = visit(link, **device)
        if device:  # on a small screen the sidebar is folded away
            seen.one('[data-testid="stExpandSidebarButton"]').click()
        seen.page.get_by_role("link", name=page).click()
        return seen

    return come
