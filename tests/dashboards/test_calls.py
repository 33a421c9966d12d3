"""What pages make of the registry's answers, which are prepared here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboards.access import Access, Answers
from dashboards.calls import anomalies, automation, series
from dashboards.data import Data
from dashboards.registry import route
from dashboards.session import Viewer
from patchbay.core.clock import utcnow
from tests.dashboards.conftest import TENANTS, Desk
from tests.dashboards.registered import anomaly

NOW = utcnow().replace(second=30, microsecond=0)
ANOMALIES = route("/v1/anomalies")
Read = Callable[..., Access]


@pytest.fixture
def read(data: Data, desk: Desk, viewer_of: Callable[[str], Viewer]) -> Read:
    """What somebody of a tenant may read, beside these answers by path."""

    def act(slug: str, **answers: list[dict[str, Any]]) -> Access:
        desk.client.answers |= {f"/v1/{path.replace('__', '/')}": rows for path, rows in answers.items()}
        viewer = viewer_of(slug)
        return Access(viewer, data.open(viewer), data, Answers(desk))

    return act


def found(name: str, tenant: str = TENANTS.acme, minutes: int = 20) -> dict[str, Any]:
    """An anomaly as the registry answers it."""
    row = anomaly(name, "p0", tenant, NOW - timedelta(minutes=minutes), None)
    return row | {"plugin": "jenkins:git"}


def plan(rule: str, state: str = "done", hours: int = 0) -> dict[str, Any]:
    at = (NOW - timedelta(hours=hours)).isoformat()
    return {"id": f"{rule}{hours}", "rule": rule, "state": state, "recorded_at": at, "subject": {}, "action": "mail"}


def test_an_anomaly_that_two_sets_list_stands_once_where_it_was_first(read: Read) -> None:
    access = read("acme", anomalies=[found("a"), found("b"), found("a") | {"score": 1.0}])
    listed = anomalies.anomalies(ANOMALIES).run(access)
    assert listed.select("anomaly_id", "score").rows() == [("a", 9.3), ("b", 9.3)]


def test_the_operators_own_anomalies_are_of_all_organisations_and_a_tenants_name_it(read: Read) -> None:
    access = read("operator", anomalies=[found("a", TENANTS.operator), found("b"), found("c") | {"tenant_id": None}])
    listed = anomalies.anomalies(ANOMALIES).run(access)
    assert listed["organisation"].to_list() == ["all organisations", "Acme Works", None]
    said = [series.sentence(row).partition(":  ")[0].split(": ")[0] for row in listed.to_dicts()]
    assert said == ["jenkins:git in all organisations", "jenkins:git in Acme Works", "jenkins:git"]


def test_minutes_beyond_the_most_counters_that_are_read_are_left_out_and_not_shown_as_zero(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = [NOW.replace(second=0) - timedelta(minutes=ago) for ago in range(60, 0, -1)]
    own = {"type": "use", "plugin_id": "p0", "release_id": None, "tenant_id": TENANTS.acme, "events": 3, "errors": 0}
    counters = [own | {"minute": minute.isoformat()} for minute in minutes]
    access = read("acme", anomalies=[found("a") | {"observed": 3.0}], usage__counters=counters)
    call = series.series(ANOMALIES, "a", NOW)
    assert call.run(access)["at"].max() == minutes[-1]
    monkeypatch.setattr(series, "MOST_ROWS", 50)
    cut = call.run(replace(access, answers=Answers(access.answers.registry)))
    assert cut["at"].max() == minutes[48]
    assert cut.filter(cut["at"] >= minutes[0])["value"].to_list() == [3.0] * 49


@pytest.mark.parametrize("part", ["LOAD", "mail on load"])
def test_a_part_of_a_rules_name_narrows_rules_plans_episodes_and_what_was_held(read: Read, part: str) -> None:
    named = [{"rule": rule, "name": rule, "labels": {}, "subject": {}} for rule in ("Watch", "Mail on load")]
    lists = {f"automation__{name}": named for name in ("rules", "plans", "episodes", "suppressions")}
    access = read("acme", **lists)
    calls = (automation.rules(part), automation.plans(part, ""), automation.episodes(part), automation.held(part))
    for call in calls:
        column = "name" if call.name == "rules" else "rule"
        assert call.run(access)[column].to_list() == ["Mail on load"], call.name


def test_a_plan_that_waits_behind_many_newer_ones_is_counted_as_waiting(read: Read) -> None:
    plans = [plan("new") for _ in range(1200)] + [plan("old", "waiting", hours=20)]
    [now] = automation.summary(NOW).run(read("acme", automation__plans=plans)).to_dicts()
    assert (now["waiting"], now["failed"], now["stopped"]) == (1, 0, None)
    assert now["done"] == automation.COUNTED


def test_more_than_a_pages_plans_of_a_day_are_counted(read: Read) -> None:
    plans = [plan("new") for _ in range(150)] + [plan("old", hours=30)]
    [now] = automation.summary(NOW).run(read("acme", automation__plans=plans)).to_dicts()
    assert now["done"] == 150


def test_a_release_that_came_out_after_the_snapshot_goes_by_its_version_too(read: Read) -> None:
    newer, gone = {"plugin": "p0", "release": "new"}, {"plugin": "p9", "release": "gone"}
    rows = [{"rule": "x", "subject": labels} for labels in (newer, gone)]
    access = read("acme", automation__plans=rows, plugins__p0__releases=[{"id": "new", "version": "9.0.1"}])
    assert automation.plans("", "").run(access)["about"].to_list() == [
        "plugin jenkins:git, release 9.0.1",
        "plugin p9, release gone",
    ]


def test_an_anomaly_of_a_release_that_is_newer_than_the_snapshot_names_its_version(read: Read) -> None:
    failing = found("a") | {"kind": "errors", "tenant_id": None, "release_id": "new"}
    access = read("acme", anomalies=[failing], plugins__p0__releases=[{"id": "new", "version": "9.0.1"}])
    [row] = anomalies.anomalies(ANOMALIES).run(access).to_dicts()
    assert row["about"] == "jenkins:git 9.0.1"
