"""The tutorial, walked as written: its commands in two terminals, its clicks in a real browser."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.docs.support import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]
BLOCK = re.compile(r"^```sh title=\"(first|second) terminal\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DEFAULT_PORTS = {"8400": "PATCHBAY_API_PORT", "8401": "PATCHBAY_DAGSTER_PORT", "8402": "PATCHBAY_DASHBOARDS_PORT"}
SMALL = "--plugins 30 --tenants 4 --days 21"
"""Of less than three weeks of use the detectors do not know enough to be quick."""
READY_SECONDS = 600
NEWS_SECONDS = 30
"""The first terminal looks for news every five."""
SURGE_SECONDS = 300
"""Two and a half minutes until the surge, two more until its effect is on the page, and half of one for a busy machine."""


@dataclass
class Walk:
    """Somebody with the tutorial open, a state folder and ports of their own."""

    repository: Path
    home: Path
    ports: dict[str, int]
    log: Path

    def blocks(self, terminal: str) -> list[str]:
        """The commands of one terminal, in order, with the addresses this walk has."""
        text = (self.repository / "docs" / "tutorial.md").read_text()
        return [self._here(code) for name, code in BLOCK.findall(text) if name == terminal]

    def _here(self, text: str) -> str:
        for standard, port in self.ports.items():
            text = text.replace(f":{standard}", f":{port}")
        return text.replace("var/", f"{self.home}/")

    @property
    def environment(self) -> dict[str, str]:
        told = {DEFAULT_PORTS[standard]: str(port) for standard, port in self.ports.items()}
        ours = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # ARGS of `make soak`
        return ours | told | {"PATCHBAY_HOME": str(self.home)}

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        """The first terminal: what goes on until Ctrl-C."""
        with self.log.open("wb") as sink:
            return subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.repository,
                env=self.environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, command: str) -> str:
        """The second terminal."""
        done = subprocess.run(
            ["bash", "-ec", command],
            check=False,
            cwd=self.repository,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def address(self, standard: str) -> str:
        """Where what the tutorial has on that port is here."""
        return f"http://127.0.0.1:{self.ports[standard]}"


def wait_for(walk: Walk, words: str, seconds: float, demo: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until the first terminal says so; fails where its command has ended."""
    deadline = time.monotonic() + seconds
    while words not in walk.log.read_text():
        assert demo is None or demo.poll() is None, walk.log.read_text()
        assert time.monotonic() < deadline, walk.log.read_text()
        time.sleep(0.5)


def walked(repository: Path, home: Path, arguments: str) -> Iterator[Walk]:
    """The first terminal's command with smaller or other input, until the walk is over."""
    walk = Walk(repository, home / "var", dict(zip(DEFAULT_PORTS, free_ports(3), strict=True)), home / "demo.log")
    demo = walk.start(f"{walk.blocks('first')[0].strip()} {arguments}")
    try:
        wait_for(walk, "Ctrl-C stops everything", READY_SECONDS, demo)
        yield walk
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGINT)
        demo.wait(timeout=30)


@pytest.fixture(scope="module")
def world(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk on a small generated world."""
    yield from walked(repository, tmp_path_factory.mktemp("world"), f'ARGS="{SMALL}"')


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1400, "height": 900})
        browser.close()


def see_targets_plugins(walk: Walk, page: Page) -> str:
    """Log in as the table says, choose Install targets, pick the first; what the page then says."""
    password = re.search(r"password (\S+)", walk.log.read_text())
    assert password is not None
    page.goto(walk.address("8402"))
    page.fill("input[name=email]", "admin@patchbay.local")
    page.fill("input[name=password]", password[1])
    page.click("button[type=submit]")
    page.get_by_role("link", name="Install targets").first.click()
    page.locator("a[href^='/targets/']").first.click()
    page.get_by_text("Since", exact=False).first.wait_for()
    return page.inner_text("main")


def test_its_first_terminal_ends_in_one_table_of_addresses_and_a_login(world: Walk) -> None:
    text = world.log.read_text()
    for standard in DEFAULT_PORTS:
        assert world.address(standard) in text
    assert "admin@patchbay.local" in text


def test_a_targets_plugins_are_in_the_browser(world: Walk, page: Page) -> None:
    assert re.search(r"\w[\w.-]*:\w[\w.-]*|\d+\.\d+\.\d+", see_targets_plugins(world, page))


def test_the_lineage_graph_is_in_dagster_with_the_groups_it_names(world: Walk, page: Page) -> None:
    page.goto(world.address("8401"))
    page.get_by_role("link").get_by_text("Lineage", exact=True).click()  # Jobs too has an icon named after lineage
    page.get_by_text("Global asset lineage").first.wait_for()
    for group in ("raw", "staging", "core", "marts", "published"):
        page.get_by_text(group, exact=True).first.wait_for()


def test_the_demos_own_build_is_among_dagsters_runs(world: Walk) -> None:
    query = {"query": "{ runsOrError { ... on Runs { results { status jobName } } } }"}
    runs = httpx.post(f"{world.address('8401')}/graphql", json=query, timeout=30).json()["data"]["runsOrError"][
        "results"
    ]
    assert {"status": "SUCCESS", "jobName": "build_warehouse"} in runs


def test_the_second_terminals_commands_say_what_the_tutorial_says(world: Walk) -> None:
    targets, post, reasons, _, rest = [world.run(block) for block in world.blocks("second")]
    assert re.search(r"\d+ plugins, such as \S+:\S+", targets)
    assert post == "1 accepted, 1 rejected\n"
    assert re.fullmatch(r"row 1, plugin: unknown_plugin\. There is no plugin .*\n", reasons)
    assert rest.count("serving") == 5
    assert "patchbay" in rest


def test_the_surge_is_found_and_its_rules_effect_is_on_the_page(world: Walk, page: Page) -> None:
    page.goto(world.address("8402") + "/automation")
    plans = page.get_by_role("region", name="Table: Plans", exact=True).locator("tbody tr")
    surge = plans.filter(has_text="Scale the registry on a usage surge").filter(has_text="done")
    surge.first.wait_for(timeout=SURGE_SECONDS * 1000)
    plan = world.run(world.blocks("second")[3])
    assert re.search(r"Scale the registry on a usage surge - scale_up - done - trace [0-9a-f]{32}\n", plan)
    wait_for(world, "Rule “Scale the registry on a usage surge”: scale up is done", NEWS_SECONDS)


@pytest.mark.soak
@pytest.mark.shared
def test_with_the_jenkins_registry_a_real_controllers_plugins_are_in_the_browser(
    shared_data: Path, repository: Path, tmp_path: Path, page: Page
) -> None:
    for walk in walked(repository, tmp_path, f"SOURCE=jenkins DATA={shared_data}"):
        text = see_targets_plugins(walk, page)
        assert "workflow" in text or "git" in text
