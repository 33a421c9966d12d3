"""What people see of insights, in a real Chromium, from sets that were published through the real client."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards import registered
from tests.dashboards.conftest import Servers
from tests.dashboards.pages.conftest import settled

pytestmark = pytest.mark.browser


def test_a_target_shows_what_it_may_want_next_with_its_reason(ada: Page) -> None:
    ada.goto("/targets/acme.team-03")
    settled(ada)
    listed = ada.locator("#card-target-recommended .recommended > li")
    expect(listed).to_have_count(2)
    expect(listed.first).to_contain_text("Dark Theme")
    expect(listed.first).to_contain_text("Because you have Git.")
    expect(listed.first.locator(".score")).to_have_text("1.50")
    listed.first.get_by_role("link").click()
    expect(ada).to_have_url(re.compile(r"/plugins/jenkins/theme-dark$"))


def test_the_marketplace_recommends_for_the_target_one_chooses(ada: Page) -> None:
    ada.goto("/plugins")
    settled(ada)
    card = ada.locator("#card-marketplace-recommended")
    expect(card).to_contain_text("Choose a target")
    ada.get_by_role("textbox", name="Recommended for").fill("team-03")
    ada.get_by_role("option", name="acme/acme.team-03").click()
    expect(ada).to_have_url(re.compile(r"for=acme%2Facme\.team-03"))
    expect(card.locator(".recommended > li")).to_have_count(2)


def test_the_marketplace_is_sorted_by_risk_and_says_the_band(ada: Page) -> None:
    ada.goto("/plugins?sort=risk")
    settled(ada)
    listed = ada.locator(".plugin-list > li")
    expect(listed.first).to_contain_text("risk 91 · critical")
    expect(listed.locator(".plugin-name")).to_have_text(
        ["Git", "Docker", "Mailer", "Slack <b>Notify</b>", "Dark Theme", "Legacy Reports"]
    )
    expect(listed.last).not_to_contain_text("risk ")


def test_the_risk_page_narrows_to_a_band_from_its_tile(ada: Page) -> None:
    ada.goto("/risk")
    settled(ada)
    top = ada.get_by_role("region", name="Table: Highest risks").locator("tbody tr")
    expect(top).to_have_count(5)
    expect(top.first).to_contain_text("1 advisory is not fixed: SECURITY-0")
    expect(top.first).to_contain_text("Remove or disable it")
    expect(ada.locator("#card-risk-matrix .scatterlayer .points path")).to_have_count(5)
    expect(ada.locator("#card-risk-compliance")).to_contain_text("not judged")
    ada.get_by_role("link", name="Critical").click()
    expect(ada).to_have_url(re.compile(r"band=critical"))
    expect(top).to_have_count(1)


def test_an_anomalys_series_is_shown_with_its_band_and_another_is_chosen_by_its_time(ada: Page) -> None:
    ada.goto("/anomalies")
    settled(ada)
    rows = ada.get_by_role("region", name="Table: Anomalies").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("going on")
    expect(rows.first).to_contain_text("2 – 11")
    expect(rows.first).to_contain_text("Acme Works 80%")
    series = ada.locator("#card-anomalies-series")
    expect(series.locator(".card-summary")).to_contain_text("jenkins:git in Acme Works: 40 uses since")
    expect(series).to_contain_text("Uses per 5 minutes")
    rows.nth(1).get_by_role("link").first.click()
    expect(ada).to_have_url(re.compile(r"anomaly=old"))
    expect(series.locator(".card-summary")).to_contain_text("412 uses from 10 Nov 2026")
    expect(series).to_contain_text("Uses per day")


def test_a_plugin_shows_its_risk_with_factors_its_anomalies_and_plugins_like_it(ada: Page) -> None:
    ada.goto("/plugins/jenkins/git")
    settled(ada)
    expect(ada.locator("#card-plugin-risk .risk-score")).to_have_text("91")
    factors = ada.get_by_role("region", name="Table: Factors of the risk").locator("tbody tr")
    expect(factors).to_have_count(2)
    expect(factors.first).to_contain_text("open advisories")
    expect(factors.nth(1)).to_contain_text("No release for 400 days")
    expect(ada.locator("#card-plugin-similar .ranking li")).to_have_count(2)
    expect(ada.get_by_role("region", name="Table: Anomalies of this plugin").locator("tbody tr")).to_have_count(2)


def test_what_stands_behind_an_answer_of_the_api_is_its_route(ada: Page) -> None:
    ada.goto("/risk?band=high")
    settled(ada)
    ada.get_by_role("button", name="Show the API route behind Highest risks").click()
    drawer = ada.get_by_role("dialog")
    expect(drawer).to_contain_text("GET /v1/risk?band=high")
    expect(drawer).to_contain_text("FROM dim_plugin")
    ada.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_a_live_card_shows_what_is_newly_found_without_the_page_being_loaded_anew(ada: Page, servers: Servers) -> None:
    ada.goto("/anomalies?since=24h")
    settled(ada)
    rows = ada.get_by_role("region", name="Table: Anomalies").locator("tbody tr")
    expect(rows).to_have_count(1)
    ada.evaluate("() => { document.querySelector('#card-anomalies-list').dataset.kept = 'yes' }")
    with servers.operator() as client:
        rows_now = [
            registered.live(servers.ids, servers.tenants.acme, registered.utcnow(), name) for name in ("now", "b")
        ]
        client.publish_set("live_anomalies", rows_now, **registered.MODEL)
    expect(rows).to_have_count(2)
    assert ada.evaluate("() => document.querySelector('#card-anomalies-list').dataset.kept") == "yes"
