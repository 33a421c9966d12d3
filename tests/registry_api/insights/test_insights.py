"""Complete sets: put, read as one, switched at once, rolled back."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from registry_api.insights.service import KEPT
from tests.registry_api.insights_data import ANOMALY, facts, insight_rows, publish, put_rows, risk
from tests.registry_api.intake_data import ARROW, fill, items, plugin, post, stream


@pytest.fixture
async def ids(api: Any) -> dict[str, str]:
    """Public plugins, acme's target and the tenants."""
    await fill(api)
    await post(api.operator, "/v1/catalogue/batches", plugins=[plugin("other"), plugin("third")])
    found = {row["name"]: row["id"] for row in await items(api.acme, "/v1/plugins")}
    found["t1"] = (await api.acme.get("/v1/targets/t1")).json()["id"]
    for name in ("acme", "globex"):
        found[name] = (await getattr(api, name).get("/v1/me")).json()["tenant"]["id"]
    return found


async def scores(caller: Any, path: str = "/v1/risk", **query: str) -> list[float]:
    return [row["score"] for row in await items(caller, path, **query)]


async def test_a_set_is_read_whole_from_its_activation_on_and_not_before(api: Any, ids: dict[str, str]) -> None:
    set_id = str(uuid4())
    path = f"/v1/insights/risk/sets/{set_id}"
    assert (await api.service.put(path, json=facts(2))).status_code == 201
    assert (await api.service.put(path, json=facts(2))).status_code == 200
    assert (await api.service.put(path, json=facts(3))).status_code == 409
    early = await api.service.post(f"{path}/activate")
    assert (early.status_code, "none of its 2 rows" in early.json()["detail"]) == (409, True)
    rows = [risk(ids["git"], 70), risk(ids["other"], 20)]
    assert (await put_rows(api.service, "risk", set_id, rows[:1])).status_code == 409
    for _ in range(2):
        assert (await put_rows(api.service, "risk", set_id, rows)).json()["complete"] is True
    assert (await put_rows(api.service, "risk", set_id, rows[::-1])).status_code == 409
    assert await scores(api.acme) == []
    assert (await api.service.post(f"{path}/activate")).json()["active"] is True
    assert await scores(api.acme) == [70, 20]
    assert await scores(api.acme, band="low") == [20]


async def test_a_rollback_goes_back_one_set_at_a_time_and_says_so_in_the_audit(api: Any, ids: dict[str, str]) -> None:
    none = await api.service.post("/v1/insights/risk/rollback")
    assert none.status_code == 409
    sets = [await publish(api.service, "risk", [risk(ids["git"], score)]) for score in (10, 20, 30)]
    for back in (1, 0):
        assert (await api.service.post("/v1/insights/risk/rollback")).json()["id"] == sets[back]
        assert await scores(api.acme) == [10 * (back + 1)]
    assert (await api.service.post("/v1/insights/risk/rollback")).status_code == 409
    await api.service.post(f"/v1/insights/risk/sets/{sets[2]}/activate")
    assert await scores(api.acme) == [30]
    assert (await api.service.post("/v1/insights/risk/rollback")).json()["id"] == sets[0]
    told = await items(api.operator, "/v1/audit")
    actions = [row["action"] for row in told]
    assert (actions.count("insights.activate"), actions.count("insights.rollback")) == (4, 3)


async def test_the_last_ten_sets_are_kept_and_older_ones_go_with_their_rows(api: Any, ids: dict[str, str]) -> None:
    for score in range(13):
        await publish(api.service, "risk", [risk(ids["git"], score)])
    kept = await items(api.service, "/v1/insights/risk/sets")
    assert (len(kept), kept[0]["active"], sum(row["active"] for row in kept)) == (10, True, 1)
    assert await scores(api.acme) == [12]


async def test_a_bad_row_refuses_the_set_and_names_row_field_and_fix(api: Any, ids: dict[str, str]) -> None:
    bad = {
        "/1/band": risk(ids["git"], 1, band="terrible"),
        "/1/plugin_id": risk("git", 1),
        "/1/score": risk(ids["git"], 1) | {"score": "high"},
        "/1/factors": {name: value for name, value in risk(ids["git"], 1).items() if name != "factors"},
        "/1/sc0re": risk(ids["git"], 1) | {"sc0re": 1},
        "/1/wrong": risk(ids["git"], 1, factors="{"),
    }
    for pointer, row in bad.items():
        set_id = str(uuid4())
        await api.service.put(f"/v1/insights/risk/sets/{set_id}", json=facts(2))
        answer = await put_rows(api.service, "risk", set_id, [risk(ids["git"], 5), row])
        expected = "/1/factors" if pointer == "/1/wrong" else pointer
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, expected), answer.text


async def test_an_arrow_table_is_taken_like_lines(api: Any, ids: dict[str, str]) -> None:
    table = pa.Table.from_pylist([risk(ids[name], score) for score, name in enumerate(("git", "other", "third"))])
    set_id = str(uuid4())
    await api.service.put(f"/v1/insights/risk/sets/{set_id}", json=facts(3))
    sent = await api.service.put(
        f"/v1/insights/risk/sets/{set_id}/rows", content=stream(table), headers={"Content-Type": ARROW}
    )
    assert sent.json()["complete"] is True, sent.text
    await api.service.post(f"/v1/insights/risk/sets/{set_id}/activate")
    assert await scores(api.operator) == [2, 1, 0]


async def test_a_tenants_own_risk_stands_before_everybodys(api: Any, ids: dict[str, str]) -> None:
    await publish(api.service, "risk", [risk(ids["git"], 30), risk(ids["git"], 90, tenant_id=ids["acme"])])
    assert (await scores(api.acme), await scores(api.globex), await scores(api.operator)) == ([90], [30], [30])
    own = (await api.acme.get("/v1/plugins/jenkins:git/risk")).json()
    assert (own["score"], own["plugin"], own["factors"][0]["fix"]) == (90, "jenkins:git", "update")
    unknown = await api.acme.get(f"/v1/plugins/{ids['third']}/risk")
    assert (unknown.status_code, "once a day" in unknown.json()["detail"]) == (404, True)


async def test_what_is_about_a_tenant_or_a_private_plugin_is_seen_by_its_tenant_alone(
    api: Any, ids: dict[str, str]
) -> None:
    await post(api.acme, "/v1/catalogue/batches", plugins=[plugin("secret", visibility="private")])
    secret = (await api.acme.get("/v1/plugins/jenkins:secret")).json()["id"]
    for kind, rows in insight_rows(ids["acme"], ids["git"], ids["t1"]).items():
        await publish(api.service, kind, rows)
    await publish(api.service, "risk", [risk(secret, 60), risk(ids["git"], 10)])
    await publish(api.service, "similar", [_similar(ids["git"], secret), _similar(ids["git"], ids["other"])])
    assert (await scores(api.acme), await scores(api.globex)) == ([60, 10], [10])
    for path, seen in (("/v1/anomalies", 2), ("/v1/forecasts", 1)):
        assert (len(await items(api.acme, path)), len(await items(api.globex, path))) == (seen, 0), path
    alike = "/v1/plugins/jenkins:git/similar"
    assert len(await items(api.acme, alike)) == 2
    assert [row["plugin"] for row in await items(api.globex, alike)] == ["jenkins:other"]


def _similar(one: str, other: str) -> dict[str, Any]:
    return {"plugin_id": one, "rank": 1, "other_plugin_id": other, "score": 0.4}


async def test_recommendations_come_in_order_with_their_reasons(api: Any, ids: dict[str, str]) -> None:
    rows = [
        {"tenant_id": ids["acme"], "target_id": ids["t1"], "rank": rank, "plugin_id": ids[name], "score": 1 / rank}
        | {"reason": f"because {rank}", "because_plugin_id": ids["git"], "model": "ease"}
        for rank, name in ((1, "third"), (2, "other"))
    ]
    await publish(api.service, "recommendations", rows)
    found = await items(api.acme, "/v1/targets/t1/recommendations", limit=1)
    assert [(row["rank"], row["plugin"], row["because_plugin"]) for row in found] == [
        (1, "jenkins:third", "jenkins:git"),
        (2, "jenkins:other", "jenkins:git"),
    ]


async def test_anomalies_are_found_by_plugin_kind_time_and_whether_they_go_on(api: Any, ids: dict[str, str]) -> None:
    over = ANOMALY | {"tenant_id": ids["acme"], "plugin_id": ids["git"], "ended_at": "2026-11-01T10:30:00Z"}
    later = {"started_at": "2026-11-02T00:00:00Z", "ended_at": None, "kind": "outage", "anomaly_id": "a9"}
    await publish(api.service, "anomalies", [over])
    await publish(api.service, "live_anomalies", [over | later])
    assert [row["kind"] for row in await items(api.acme, "/v1/anomalies", limit=1)] == ["outage", "surge"]
    for query, kinds in (
        ({"ended": "false"}, ["outage"]),
        ({"ended": "true"}, ["surge"]),
        ({"kind": "surge"}, ["surge"]),
        ({"started_at[gte]": "2026-11-02T00:00:00Z"}, ["outage"]),
        ({"plugin": "jenkins:other"}, []),
    ):
        assert [row["kind"] for row in await items(api.acme, "/v1/anomalies", **query)] == kinds, query


async def test_plugins_are_sorted_by_risk_and_by_adoption_without_losing_any(api: Any, ids: dict[str, str]) -> None:
    await publish(api.service, "risk", [risk(ids["other"], 90), risk(ids["git"], 10)])
    by_risk = [row["name"] for row in await items(api.acme, "/v1/plugins", sort="risk", limit=1)]
    assert (by_risk[:2], len(by_risk)) == (["other", "git"], len(await items(api.acme, "/v1/plugins")))
    seen = {"target": "t1", "event": "added", "version": "1.0.0", "source": "s", "occurred_at": "2026-01-01T00:00:00Z"}
    await post(api.acme, "/v1/observations/installations", observations=[seen | {"plugin": "jenkins:third"}])
    by_adoption = [row["name"] for row in await items(api.acme, "/v1/plugins", sort="adoption", limit=1)]
    assert (by_adoption[0], len(by_adoption)) == ("third", len(by_risk))


async def test_plugins_by_risk_are_of_one_set_from_the_first_page_to_the_last(api: Any, ids: dict[str, str]) -> None:
    async def page(**query: Any) -> dict[str, Any]:
        answer = await api.acme.get("/v1/plugins", params={"sort": "risk", "limit": 1, **query})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    first = await page()
    names = [first["items"][0]["name"]]
    await publish(api.service, "risk", [risk(ids["git"], 90), risk(ids["third"], 50), risk(ids["other"], 10)])
    while first["next"]:
        first = await page(cursor=first["next"])
        names.append(first["items"][0]["name"])
    assert len(names) == len(set(names)) == len(await items(api.acme, "/v1/plugins"))
    second = await page()
    assert second["items"][0]["name"] == "git"
    await publish(api.service, "risk", [risk(ids["git"], 20), risk(ids["third"], 50), risk(ids["other"], 95)])
    rest = [(second := await page(cursor=second["next"]))["items"][0]["name"] for _ in range(2)]
    assert rest == ["third", "other"]
    assert (await page(cursor=second["prev"]))["items"][0]["name"] == "third"
    for _ in range(KEPT):
        await publish(api.service, "risk", [risk(ids["git"], 20)])
    gone = await api.acme.get("/v1/plugins", params={"sort": "risk", "limit": 1, "cursor": second["prev"]})
    assert gone.status_code == 409, gone.text


async def test_fifty_thousand_rows_are_one_set(api: Any, ids: dict[str, str]) -> None:
    rows = [risk(str(uuid4()), float(place % 100), factors=json.dumps([])) for place in range(50_000)]
    await publish(api.service, "risk", rows)
    assert (await items(api.service, "/v1/insights/risk/sets"))[0]["rows"] == 50_000


async def test_sets_that_are_first_activated_at_once_follow_one_another(api: Any, ids: dict[str, str]) -> None:
    sets = [str(uuid4()) for _ in range(4)]
    for score, set_id in enumerate(sets):
        await api.service.put(f"/v1/insights/risk/sets/{set_id}", json=facts(1))
        await put_rows(api.service, "risk", set_id, [risk(ids["git"], score)])
    paths = [f"/v1/insights/risk/sets/{set_id}/activate" for set_id in (*sets, sets[0])]
    answers = await asyncio.gather(*(api.service.post(path) for path in paths))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await scores(api.acme)) == 1
