"""`python -m tests.dashboards.screenshots URL EMAIL PASSWORD FOLDER` takes the pictures of docs/images."""

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from scripts import browsers

PICTURES = {
    "overview": "/",
    "marketplace": "/plugins",
    "adoption": "/adoption",
    "targets": "/targets",
    "anomalies": "/anomalies?kind=surge&since=24h",
    "risk": "/risk",
    "automation": "/automation",
    "quality": "/quality",
    "system": "/system",
}
HEIGHTS = {
    "marketplace": 1080,
    "plugin": 1500,
    "target": 1300,
    "adoption": 1250,
    "quality": 1180,
    "system": 820,
    "targets": 720,
    "anomalies": 1180,
    "risk": 1500,
}


def main(url: str, email: str, password: str, folder: str) -> None:
    """Log in and take every page in light, and the overview and a plugin in dark as well."""
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=sandbox)
        for scheme in ("light", "dark"):
            page = browser.new_context(
                base_url=url, color_scheme=scheme, viewport={"width": 1360, "height": 900}
            ).new_page()
            page.goto("/login")
            page.get_by_label("Email").fill(email)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_selector("[data-state=ready]")
            for name, address in addresses(page).items():
                if scheme == "light" or name in ("overview", "plugin", "adoption"):
                    take(page, name, address, Path(folder) / f"{name}{'-dark' if scheme == 'dark' else ''}.png")
        browser.close()


def addresses(page: Page) -> dict[str, str]:
    """The fixed pages, the most installed plugin, and the first target in the list."""
    page.goto("/plugins")
    plugin = page.locator("a.plugin-name").first.get_attribute("href") or "/plugins"
    page.goto("/targets")
    target = page.locator(".ag-cell a").first.get_attribute("href") or "/targets"
    return PICTURES | {"plugin": plugin, "target": target}


def take(page: Page, name: str, address: str, path: Path) -> None:
    """One picture, once every card is filled and every table has drawn its rows."""
    page.set_viewport_size({"width": 1360, "height": HEIGHTS.get(name, 1250)})
    page.goto(address)
    page.wait_for_selector(".card-state")
    for waiting in ("[data-state=loading]", "[data-dash-is-loading=true]"):
        page.wait_for_selector(waiting, state="detached")
    page.wait_for_timeout(2500)
    page.screenshot(path=path)


if __name__ == "__main__":
    main(*sys.argv[1:])
