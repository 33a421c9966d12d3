"""A real browser in front of the real servers."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.dashboards.conftest import PASSWORD, Servers

expect.set_options(timeout=20_000)  # milliseconds; a busy machine is slow, not wrong


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for a file. Ended with it: while Playwright is up, `asyncio.run` is refused in its thread."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else [])


def window(context: BrowserContext) -> Iterator[Page]:
    """A new page; the test fails on any script error or breach of the content security policy."""
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    page.close()
    assert not errors


def fresh_context(servers: Servers, browser: Browser) -> BrowserContext:
    """A browser profile of its own."""
    return browser.new_context(
        base_url=servers.dashboards, viewport={"width": 1360, "height": 900}, color_scheme="light"
    )


@pytest.fixture
def visitor(servers: Servers, browser: Browser) -> Iterator[Page]:
    """Somebody who has never been here."""
    with fresh_context(servers, browser) as context:
        yield from window(context)


@pytest.fixture(scope="module")
def acme_context(servers: Servers, browser: Browser) -> Iterator[BrowserContext]:
    """A profile in which acme's administrator is logged in; kept, so that scripts are loaded once."""
    with fresh_context(servers, browser) as context:
        page = context.new_page()
        page.goto("/login")
        enter(page, "ada@acme.example", PASSWORD)
        page.wait_for_selector("[data-state=ready]")
        page.close()
        yield context


@pytest.fixture
def ada(acme_context: BrowserContext) -> Iterator[Page]:
    """Acme's administrator, looking at the overview in light colours."""
    acme_context.clear_cookies(name="patchbay_theme")
    for page in window(acme_context):
        page.goto("/")
        page.wait_for_selector("[data-state=ready]")
        yield page


def enter(page: Page, email: str, password: str) -> None:
    """Fill the login form and send it."""
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def settled(page: Page) -> Page:
    """Wait until no card is loading."""
    page.wait_for_selector(".card-state, .not-found")
    expect(page.locator("[data-state=loading], [data-dash-is-loading=true]")).to_have_count(0)
    return page
