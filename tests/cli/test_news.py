"""What is told of plans while Patchbay serves, by a real registry."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from patchbay.cli import news
from patchbay.cli.context import connect
from patchbay.cli.news import News
from patchbay.core.client import Client
from patchbay.core.clock import utcnow
from tests.cli.conftest import Running

RULES = """automation_rules:
  - name: Mail on load
    trigger: {metric: load, threshold: 10, labels: {of: news}}
    action: {type: mail, to: [ops]}
    mode: approve
"""


@pytest.fixture
def client(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The administrator, with a rule that waits for approval."""
    monkeypatch.setattr(news, "LOOK_SECONDS", 0.0)
    with connect(running.settings) as client:
        client.put_rules(RULES)
        yield client
        client.delete_rule("Mail on load")


def fire(running: Running) -> None:
    """A tick in which a series of its own is above the threshold."""
    now = utcnow().isoformat()
    sample = {"metric": "load", "value": 95, "at": now, "labels": {"of": "news", "run": uuid4().hex}}
    token = running.settings.secret_file("service.token").read_text().strip()
    with Client(running.settings.api_url, token) as service:
        service.tick(uuid4(), now, [sample])


def test_a_plan_is_told_of_once_in_each_state_that_matters_and_older_ones_are_not(
    running: Running, client: Client
) -> None:
    fire(running)
    told: list[str] = []
    watch = News(client, told.append)
    watch.beat()
    assert told == [], "this plan was there before"
    fire(running)
    watch.beat()
    watch.beat()
    assert told == ["Rule “Mail on load”: mail waits for approval"]
    client.cancel(client.get("/v1/automation/plans", limit=1)["items"][0]["id"], "only a drill")
    watch.beat()
    assert told[1:] == ["Rule “Mail on load”: mail was stopped (only a drill)"]


def test_a_registry_that_is_away_is_no_news(client: Client) -> None:
    told: list[str] = []
    with Client("http://127.0.0.1:9", "pb_t", retries=0, timeout=1) as away:
        watch = News(away, told.append)
        watch.beat()
    assert told == []


def test_after_a_registry_was_away_at_first_only_what_is_new_since_is_told(
    running: Running, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire(running)
    told: list[str] = []
    with Client("http://127.0.0.1:9", "pb_t", retries=0, timeout=1) as away:
        watch = News(away, told.append)
    monkeypatch.setattr(watch, "_client", client)
    watch.beat()
    assert told == [], "this plan was there before the registry was seen"
    fire(running)
    watch.beat()
    assert told == ["Rule “Mail on load”: mail waits for approval"]
