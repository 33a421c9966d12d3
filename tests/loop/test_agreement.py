"""Ten plugins of the real Jenkins registry: files, API, warehouse and page tell the same counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.loop.sources import Counts, JenkinsFiles
from tests.loop.support import Patchbay
from warehouse.read import Snapshot, SnapshotReader

pytestmark = [pytest.mark.shared, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("loop")]

PLUGINS = (
    "git", "copyartifact", "envinject", "docker-workflow", "matrix-auth",
    "ec2", "htmlpublisher", "active-directory", "allure-jenkins-plugin", "42crunch-security-audit",
)  # fmt: skip
"""Popular and obscure ones, with and without instances and warnings."""
TENANT = "eclipse-foundation"


@pytest.fixture(scope="session")
def files(shared_data: Path) -> JenkinsFiles:
    return JenkinsFiles(shared_data)


@pytest.fixture(scope="module")
def page(jenkins: Patchbay, chromium: str) -> Iterator[Page]:
    """A browser logged in as the administrator, who sees every tenant."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{jenkins.dashboards_url}/login")
        page.fill("#email", "admin@patchbay.local")
        page.fill("#password", jenkins.password)
        page.click("button[type=submit]")
        yield page
        browser.close()


@pytest.fixture(scope="session")
def snapshot(jenkins: Patchbay) -> Snapshot:
    """The operator's published warehouse."""
    with jenkins.client() as client:
        tenant = client.get("/v1/me")["tenant"]["id"]
    return SnapshotReader(jenkins.settings).open(tenant)


def in_api(jenkins: Patchbay, plugin: str) -> Counts:
    """What the API tells."""
    with jenkins.client() as public, jenkins.client(TENANT) as tenant:
        path = f"/v1/plugins/jenkins:{plugin}"
        return Counts(
            releases=len(list(public.pages(f"{path}/releases"))),
            dependencies=len(list(public.pages(f"{path}/dependencies"))),
            warnings=len(list(public.pages(f"{path}/advisories"))),
            instances=len(list(tenant.pages(f"{path}/installations"))),
        )


def in_warehouse(snapshot: Snapshot, plugin: str) -> Counts:
    """What the published tables hold."""
    row = snapshot.query(
        """
        SELECT
            (SELECT count(*) FROM dim_release r WHERE r.plugin_id = p.plugin_id) AS releases,
            (SELECT count(*) FROM fct_dependency d WHERE d.plugin_id = p.plugin_id AND d.of_latest) AS dependencies,
            (SELECT count(*) FROM dim_advisory a WHERE a.plugin_id = p.plugin_id) AS warnings,
            (SELECT count(DISTINCT target_id) FROM fct_installation_interval i
             WHERE i.plugin_id = p.plugin_id AND i.to_at IS NULL) AS instances
        FROM dim_plugin p WHERE p.ref = $ref
        """,
        {"ref": f"jenkins:{plugin}"},
    )
    return Counts(**row.row(0, named=True))


def on_page(page: Page, jenkins: Patchbay, plugin: str) -> Counts:
    """What a person counts on the plugin's page."""
    page.goto(f"{jenkins.dashboards_url}/plugins/jenkins/{plugin}")
    for card in ("versions", "dependencies", "warnings", "instances"):
        page.wait_for_selector(f"#card-plugin-{card} .card-state:not([data-state=loading])")
    return Counts(
        releases=_rows(page, "plugin-versions"),
        dependencies=_rows(page, "plugin-dependencies"),
        warnings=page.locator("#card-plugin-warnings .warning-list > li").count(),
        instances=_rows(page, "plugin-instances"),
    )


def _rows(page: Page, card: str) -> int:
    """The rows of a card's table, which is drawn a moment after the card has its data; a card without data has none."""
    if page.locator(f"#card-{card} .card-state").get_attribute("data-state") not in ("ready", "stale"):
        return 0
    table = page.wait_for_selector(f"#card-{card} [aria-rowcount]")
    assert table is not None
    return int(table.get_attribute("aria-rowcount") or 0) - 1


@pytest.mark.browser
@pytest.mark.parametrize("plugin", PLUGINS)
def test_files_api_warehouse_and_page_tell_the_same(
    plugin: str, files: JenkinsFiles, jenkins: Patchbay, snapshot: Snapshot, page: Page
) -> None:
    expected = files.counts(plugin)

    assert in_api(jenkins, plugin) == expected
    assert in_warehouse(snapshot, plugin) == expected
    assert on_page(page, jenkins, plugin) == expected


def test_the_ten_plugins_are_worth_comparing(files: JenkinsFiles) -> None:
    counts = [files.counts(plugin) for plugin in PLUGINS]
    assert sum(c.instances for c in counts) > 200
    assert sum(c.warnings for c in counts) > 20
    assert min(c.instances for c in counts) == 0


def test_every_plugin_release_and_warning_of_the_files_is_in_the_registry(
    files: JenkinsFiles, jenkins: Patchbay
) -> None:
    with jenkins.client() as client:
        counts = client.status()["counts"]
    assert counts["plugins"] == len(files.versions)
    assert counts["releases"] == sum(map(len, files.versions.values()))
    assert counts["advisories"] == len(set().union(*files.warnings.values()))


def test_every_event_of_the_controllers_is_in_the_registry_or_in_the_rejects(
    files: JenkinsFiles, jenkins: Patchbay
) -> None:
    with jenkins.client(TENANT) as client:
        batches = [batch for batch in client.pages("/v1/intake/batches") if batch["stream"] == "observations"]
        stored = jenkins_observations(client)
    handed_in = len(files.events()) + len(files.heads())
    assert sum(batch["received"] for batch in batches) == handed_in
    assert sum(batch["accepted"] for batch in batches) == stored
    assert stored + sum(batch["rejected"] + batch["duplicates"] for batch in batches) == handed_in
    unknown = [event for event in files.events() if event["plugin"] not in files.versions]
    assert sum(batch["rejected"] for batch in batches) >= len(unknown) > 0


def jenkins_observations(client: object) -> int:
    """Observations in the registry, counted over the feed."""
    total, after, more = 0, 0, True
    while more:
        page = client.read_feed("observations", after, 50_000)  # type: ignore[attr-defined]
        total, after, more = total + page[0].num_rows, page[1], page[2]
    return total
