"""How long the dashboards' overview takes in a real browser: `python -m benchmarks.pages [--quick]`; needs a Chromium.

A generated world is filled in and published first. Best of the loads, median of the filter changes, beside the time of
the bare login page in the same browser. The last line is one JSON object. Not part of `python -m benchmarks`, which
needs no browser.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.serving import free_port, registry, served
from scripts import browsers

BUDGETS = {"first_card_s": 1.5, "filter_s": 0.4}
"""What an idle machine should keep to."""
SIZES = {True: ("20", "3", "14"), False: ("300", "12", "90")}
"""Plugins, tenants and days of usage, by whether it should be quick."""
LOADS, CHANGES = 5, 12


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--quick", action="store_true", help="a small world")
    size = SIZES[parser.parse_args().quick]
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), *size)
        figures = measure(Path(folder))
    kept = {name: figures[name] <= most for name, most in BUDGETS.items()}
    print(json.dumps({"benchmark": "pages", "world": size, **figures, "budgets": BUDGETS, "kept": kept}))


def fill(home: Path, plugins: str, tenants: str, days: str) -> None:
    """A published world under the folder. Raises when the demo fails."""
    ports = {f"PATCHBAY_{name}_PORT": str(free_port()) for name in ("API", "DAGSTER", "DASHBOARDS")}
    size = ["--plugins", plugins, "--tenants", tenants, "--days", days]
    command = [sys.executable, "-m", "patchbay.cli", "demo", "--no-serve", *size]
    environment = {**os.environ, **ports, "PATCHBAY_HOME": str(home)}
    subprocess.run(command, env=environment, stdout=sys.stderr, check=True)


def measure(home: Path) -> dict[str, float]:
    """Seconds to the login page, to the first card, to all cards, and of a filter change, as the operator sees them."""
    port = free_port()
    with registry(home) as (api, _):
        own = {"PATCHBAY_DASHBOARDS_PORT": str(port), "PATCHBAY_API_PORT": api.rpartition(":")[2]}
        with served(["-m", "dashboards"], port, "/healthz", PATCHBAY_HOME=str(home), **own) as address:
            return watched(address, (home / "secrets/admin.password").read_text().strip())


def watched(address: str, password: str) -> dict[str, float]:
    """The figures from a browser of its own."""
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        page = playwright.chromium.launch(executable_path=browsers.find(), args=sandbox).new_page(base_url=address)
        login = min(load(page, "/login", "form")[0] for _ in range(LOADS))
        enter(page, password)
        loads = [load(page, "/", ".card-state") for _ in range(LOADS)]
        changes = [change(page, period) for period in ("30 days", "90 days") * (CHANGES // 2)]
    return {
        "login_s": round(login, 3),
        "first_card_s": round(min(first for first, _ in loads), 3),
        "all_cards_s": round(min(whole for _, whole in loads), 3),
        "filter_s": round(statistics.median(changes[2:]), 3),
    }


def enter(page: Page, password: str) -> None:
    """Log in; the first load of the scripts is not measured."""
    page.get_by_label("Email").fill("admin@patchbay.local")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("[data-state=ready]")


def load(page: Page, path: str, first: str) -> tuple[float, float]:
    """Seconds until the first thing of a kind is there, and until nothing is loading any more."""
    began = time.perf_counter()
    page.goto(path)
    page.wait_for_selector(first)
    seen = time.perf_counter() - began
    settle(page)
    return seen, time.perf_counter() - began


def change(page: Page, period: str) -> float:
    """Seconds from choosing a period until every card shows it."""
    began = time.perf_counter()
    with page.expect_response(re.compile("_dash-update-component")):
        page.get_by_text(period, exact=True).click()
    settle(page)
    return time.perf_counter() - began


def settle(page: Page) -> None:
    """Wait until nothing is loading."""
    page.wait_for_function(
        "() => !document.querySelector('[data-state=loading], [data-dash-is-loading=true]')", polling="raf"
    )


if __name__ == "__main__":
    main()
