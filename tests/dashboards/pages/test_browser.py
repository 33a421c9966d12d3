"""What people see and do, in a real Chromium, against the real API and the real dashboards."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from patchbay.core.client import Client
from tests.dashboards.conftest import PASSWORD, Servers
from tests.dashboards.pages.conftest import enter, settled

pytestmark = pytest.mark.browser
PAYLOAD_BYTES = 1_000_000


def test_one_logs_in_with_the_registrys_password_and_scripts_never_see_the_session(visitor: Page) -> None:
    visitor.goto("/plugins?label=scm")
    expect(visitor).to_have_url(re.compile(r"/login\?next="))
    enter(visitor, "ada@acme.example", "not the password")
    expect(visitor.get_by_role("alert")).to_be_visible()
    enter(visitor, "ada@acme.example", PASSWORD)
    expect(visitor).to_have_url(re.compile(r"/plugins\?label=scm$"))
    settled(visitor)
    expect(visitor.get_by_text("Acme Works")).to_be_visible()
    seen = visitor.evaluate("() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    assert "pb_" not in seen
    assert "patchbay_session" not in seen


def test_from_the_overview_one_reaches_an_instances_plugins_in_three_clicks(ada: Page) -> None:
    ada.get_by_role("link", name="Install targets", exact=True).first.click()
    ada.get_by_role("link", name="acme.team-03").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("acme.team-03")
    expect(ada.locator("#card-target-plugins .card-summary")).to_contain_text("5 plugins in place")
    ada.get_by_role("link", name="jenkins:slack").first.click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Slack <b>Notify</b>")
    expect(ada).to_have_title("Slack <b>Notify</b> – Patchbay")


def test_filters_are_written_to_the_address_and_back_takes_them_off_again(ada: Page) -> None:
    ada.get_by_role("link", name="Marketplace").click()
    settled(ada)
    assert ada.url.endswith("/plugins")
    ada.get_by_label("Search").fill("git")
    expect(ada).to_have_url(re.compile(r"/plugins\?q=git$"))
    expect(ada.locator(".plugin-list > li")).to_have_count(1)
    ada.get_by_role("link", name=re.compile("^ui")).click()
    expect(ada).to_have_url(re.compile(r"q=git&label=ui$"))
    expect(ada.get_by_text("No plugin meets these filters.")).to_be_visible()
    ada.go_back()
    expect(ada.locator(".plugin-list > li")).to_have_count(1)
    ada.go_back()
    expect(ada.get_by_label("Search")).to_have_value("")
    expect(ada.locator(".plugin-list > li")).to_have_count(6)


def test_an_address_restores_its_filters_and_what_it_cannot_use_is_marked_ignored(ada: Page) -> None:
    ada.goto("/plugins?q=docker&lifecycle=sleeping&tenant_id=other")
    expect(ada.get_by_label("Search")).to_have_value("docker")
    expect(ada.locator(".chip.ignored")).to_have_text(["Ignored lifecycle=sleeping", "Ignored tenant_id=other"])
    expect(ada.locator(".plugin-list > li")).to_have_count(1)


def test_dark_colours_reach_charts_and_stay_after_a_reload(ada: Page) -> None:
    tick = "#card-overview-uses .ytick text"
    before = ada.locator(tick).first.evaluate("e => getComputedStyle(e).fill")
    ada.get_by_role("button", name="Switch to dark colours").click()
    expect(ada.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    expect(ada.locator(tick).first).not_to_have_css("fill", before)
    ada.reload()
    expect(ada.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    settled(ada)
    expect(ada.locator(tick).first).not_to_have_css("fill", before)


def test_a_chart_is_read_as_a_table_and_a_link_in_it_followed_with_the_keyboard_alone(ada: Page) -> None:
    ada.goto("/adoption")
    settled(ada)
    ada.get_by_label("View Retention as a table").focus()
    ada.keyboard.press("Space")
    table = ada.get_by_role("region", name="Table: Retention")
    expect(table.get_by_role("columnheader")).to_have_count(5)
    expect(table).to_contain_text("Cohort month")
    ada.locator("#card-adoption-detail .ag-cell[col-id=day]").first.click()
    ada.keyboard.press("ArrowRight")
    ada.keyboard.press("Enter")
    expect(ada).to_have_url(re.compile(r"/plugins/jenkins/"))
    expect(ada.locator("#main")).to_be_focused()


def test_the_sql_behind_a_chart_opens_with_its_parameters_and_closes_with_escape(ada: Page) -> None:
    ada.get_by_role("button", name="Show the SQL behind Uses per day").click()
    drawer = ada.get_by_role("dialog")
    expect(drawer).to_contain_text("FROM fct_usage_daily")
    expect(drawer).to_contain_text("$days")
    expect(drawer).to_contain_text("snapshot-first")
    ada.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_an_export_downloads_the_rows_of_the_chosen_filters(ada: Page, tmp_path: Path) -> None:
    ada.goto("/targets?environment=staging")
    settled(ada)
    with ada.expect_download() as download:
        ada.get_by_role("link", name="CSV").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    with saved.open() as file:
        rows = list(csv.DictReader(file))
    assert "environment-staging" in saved.name
    assert [row["name"] for row in rows] == ["acme.team-00", "acme.team-04", "acme.team-08"]


def test_pages_are_served_while_the_api_is_down_and_recover_with_it(ada: Page, servers: Servers) -> None:
    servers.stop("registry_api")
    try:
        ada.goto("/")
        settled(ada)
        expect(ada.locator("#card-overview-uses [data-state=ready]")).to_be_visible()
        ada.goto("/system")
        failed = ada.locator("#card-system-ready [data-state=failed]")
        expect(failed).to_contain_text("does not answer")
        expect(ada.locator("#card-system-snapshot [data-state=ready]")).to_be_visible()
    finally:
        servers.start("registry_api", f"{servers.api}/readyz")
    failed.get_by_role("button", name="Try again").click()
    expect(ada.locator("#card-system-ready [data-state=ready]")).to_be_visible()


def test_a_session_that_ended_leads_to_the_login_and_back_to_the_same_place(visitor: Page) -> None:
    ada = visitor
    ada.goto("/adoption")
    enter(ada, "ada@acme.example", PASSWORD)
    settled(ada)
    ada.context.clear_cookies(name="patchbay_session")
    ada.get_by_text("90 days").click()
    expect(ada).to_have_url(re.compile(r"/login\?next=%2Fadoption"))
    enter(ada, "ada@acme.example", PASSWORD)
    expect(ada).to_have_url(re.compile(r"/adoption"))
    ada.get_by_role("button", name=re.compile("^Account of")).click()
    ada.get_by_role("button", name="Log out").click()
    expect(ada).to_have_url(re.compile(r"/login$"))


def test_on_a_phone_everything_fits_and_the_menu_opens(ada: Page) -> None:
    ada.set_viewport_size({"width": 390, "height": 840})
    for path in ("/", "/plugins", "/plugins/jenkins/git", "/targets/acme.team-03", "/quality", "/system"):
        ada.goto(path)
        settled(ada)
        assert ada.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), path
    ada.get_by_label("Open navigation").click()
    ada.get_by_role("link", name="Adoption", exact=True).click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Adoption")


def test_a_page_keeps_to_its_budget_of_bytes(ada: Page) -> None:
    """How long pages take is measured by `benchmarks.pages`, away from other load."""
    sizes: list[int] = []
    ada.on("response", lambda answer: sizes.append(size_of(answer)))
    ada.goto("/")
    settled(ada)
    assert 0 < sum(sizes) <= PAYLOAD_BYTES, sizes


def test_a_chosen_period_reaches_every_chart(ada: Page) -> None:
    before = ada.locator("#card-overview-uses .card-summary").inner_text()
    ada.get_by_text("30 days", exact=True).click()
    expect(ada).to_have_url(re.compile(r"period=30d"))
    expect(ada.locator("#card-overview-uses .card-summary")).not_to_have_text(before)


def size_of(answer) -> int:  # type: ignore[no-untyped-def]
    """Bytes of an answer, scripts and style sheets left out."""
    dynamic = not re.search(r"/(assets|_dash-component-suites)/", answer.url)
    return int(answer.headers.get("content-length", 0)) if dynamic else 0


def test_a_viewer_of_one_tenant_cannot_open_anothers_target(ada: Page, servers: Servers) -> None:
    with Client(servers.api, (servers.home / "secrets" / "admin.token").read_text().strip()) as client:
        assert client.me()["tenant"]["slug"] == "operator"
    ada.goto("/targets/operator.lab?tenant=operator")
    expect(ada.get_by_role("heading", level=1)).to_have_text("Not found")
