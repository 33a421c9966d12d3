"""The automation page in a browser: rules, what fired, what was planned, and the buttons that stop and let go."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from patchbay.core.client import Client
from patchbay.core.clock import utcnow
from tests.dashboards.conftest import Servers
from tests.dashboards.pages.conftest import settled

RULES = """automation_rules:
  - name: Mail on load
    description: Somebody should look.
    trigger: {metric: load, threshold: 10, labels: {of: mail}}
    action: {type: mail, to: [ops]}
    mode: approve
  - name: Watch only
    trigger: {metric: load, threshold: 90}
    action: {type: mail, to: [ops]}
    mode: shadow
"""


@pytest.fixture
def fired(servers: Servers) -> Iterator[Client]:
    """Acme's rules, one of which has just fired; everything is stopped and deleted afterwards."""
    with servers.administrator() as acme:
        acme.put_rules(RULES)
        service = Client(servers.api, (servers.home / "secrets" / "service.token").read_text().strip())
        labels = {"tenant": servers.tenants.acme, "of": "mail", "run": uuid4().hex[:6]}
        now = utcnow().isoformat()
        service.tick(uuid4(), now, [{"metric": "load", "value": 95, "at": now, "labels": labels}])
        service.close()
        yield acme
        for switch in list(acme.switches()):
            acme.clear_switch(switch["scope"])
        for rule in list(acme.rules()):
            acme.delete_rule(rule["name"])


def rows(page: Page, table: str) -> Locator:
    return page.get_by_role("region", name=f"Table: {table}", exact=True).locator("tbody tr")


def confirm(page: Page, reason: str = "") -> None:
    dialog = page.get_by_role("dialog")
    if reason:
        dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Confirm").click()


def test_a_rule_its_episode_its_plan_and_what_was_held_back_are_shown(ada: Page, fired: Client) -> None:
    ada.goto("/automation")
    settled(ada)
    expect(rows(ada, "Rules")).to_have_count(2)
    expect(rows(ada, "Rules").first).to_contain_text("load > 10")
    expect(rows(ada, "Plans").first).to_contain_text("Mail on load")
    expect(rows(ada, "Plans").first).to_contain_text("waiting")
    expect(rows(ada, "Episodes").first).to_contain_text("firing")
    expect(rows(ada, "Held back").first).to_contain_text("shadow")


def test_a_plan_is_cancelled_with_a_reason_that_is_then_its_outcome(ada: Page, fired: Client) -> None:
    ada.goto("/automation?state=waiting")
    settled(ada)
    first = rows(ada, "Plans").first
    first.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(ada.get_by_role("dialog")).to_contain_text(re.compile("Cancel the plan of Mail on load: mail, .*of mail"))
    confirm(ada)
    expect(ada.get_by_role("dialog")).to_contain_text("Please give a reason.")
    confirm(ada, "only a drill")
    expect(ada.locator("#told")).to_contain_text("is cancelled")
    [newest, *_] = list(fired.plans())
    assert (newest["state"], newest["outcome"]["detail"]) == ("stopped", "only a drill")
    ada.get_by_role("link", name="Risk").click()
    expect(ada.locator("#told")).to_be_empty()


def test_the_rules_author_is_told_that_another_has_to_approve(ada: Page, fired: Client) -> None:
    ada.goto("/automation?state=waiting")
    settled(ada)
    rows(ada, "Plans").first.get_by_role("button", name=re.compile("^Approve")).click()
    confirm(ada)
    expect(ada.get_by_role("dialog")).to_contain_text("another person has to approve")


def test_a_rule_and_then_all_rules_are_stopped_and_go_on(ada: Page, fired: Client) -> None:
    ada.goto("/automation")
    settled(ada)
    ada.get_by_role("button", name="Stop Mail on load").click()
    expect(ada.get_by_role("dialog")).to_contain_text("Stop Mail on load")
    confirm(ada, "it mails too much")
    expect(rows(ada, "Rules").filter(has_text="it mails too much")).to_have_count(1)
    assert [switch["scope"] for switch in fired.switches()] == ["rule:Mail on load"]
    ada.get_by_role("button", name="Go on with Mail on load").click()
    confirm(ada)
    expect(ada.get_by_role("button", name="Stop Mail on load")).to_have_count(1)
    ada.get_by_role("button", name="Stop all rules").click()
    confirm(ada, "maintenance")
    expect(ada.get_by_text("All rules are stopped: maintenance")).to_have_count(1)
    assert [switch["scope"] for switch in fired.switches()] == ["tenant"]


def test_a_dry_run_says_what_a_tick_would_come_to_and_changes_nothing(ada: Page, fired: Client) -> None:
    before = len(list(fired.plans()))
    ada.goto("/automation")
    settled(ada)
    ada.get_by_role("button", name="Dry run").click()
    expect(ada.locator("#told")).to_contain_text("Nothing was done")
    assert len(list(fired.plans())) == before
