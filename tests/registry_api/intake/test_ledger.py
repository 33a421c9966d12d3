"""The ledger answers what became of every batch of every stream."""

import hashlib
from typing import Any
from urllib.parse import quote

import pytest

from registry_api.db import Crossing
from tests.registry_api.intake_data import accepted, ago, event, feed, fill, items, lines, post


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


async def test_batches_of_all_streams_are_listed_newest_first(api: Any) -> None:
    await accepted(api.acme, lines(event("1")), "a")
    await post(api.acme, "/v1/targets/batches", key="a", targets=[{"name": "t9", "environment": "dev", "kind": "k"}])
    found = await items(api.acme, "/v1/intake/batches", limit=1)
    assert [(row["stream"], row["batch_id"]) for row in found][:2] == [("targets", "a"), ("usage", "a")]
    only = await items(api.acme, "/v1/intake/batches", stream="usage")
    assert [row["stream"] for row in only] == ["usage"]


async def test_a_batch_is_read_by_key_or_id_and_says_what_was_answered(api: Any) -> None:
    answer = await accepted(api.acme, lines(event("1"), event("2", type="x")), "2026/05:a b%2F")
    listed = (await items(api.acme, "/v1/intake/batches", stream="usage"))[0]
    for name in ("2026/05:a b%2F", listed["id"]):
        name = quote(name, safe="")
        found = (await api.acme.get(f"/v1/intake/batches/{name}")).json()
        assert found["answer"] == answer and (found["accepted"], found["rejected"]) == (1, 1)
        assert len(await items(api.acme, f"/v1/intake/batches/{name}/rejects")) == 1


async def test_a_json_batch_without_a_key_is_one_of_its_own(api: Any) -> None:
    seen = {"target": "t1", "plugin": "jenkins:git", "event": "added", "source": "s", "occurred_at": ago(days=1)}
    keys = [(await post(api.acme, "/v1/observations/installations", observations=[seen]))["batch_id"] for _ in range(2)]
    assert keys[0] != keys[1]
    assert len(await feed(api.service, "observations")) == 1, "the natural key still knows the event"


async def test_a_batch_without_rejects_has_an_empty_list_of_them(api: Any) -> None:
    await accepted(api.acme, lines(event("1")))
    assert await items(api.acme, "/v1/intake/batches/batch/rejects") == []
    assert (await api.acme.get("/v1/intake/batches/other/rejects")).status_code == 404


async def test_each_batch_is_audited_with_its_digest(api: Any) -> None:
    body = lines(event("1"))
    await accepted(api.acme, body)
    record = next(row for row in await items(api.acme, "/v1/audit") if row["action"] == "usage.batch_accepted")
    assert record["change"]["digest"] == f"sha256:{hashlib.sha256(body).hexdigest()}"


async def test_a_segments_file_is_read_through_the_api_by_services_only(api: Any) -> None:
    await accepted(api.acme, lines(event("1")))
    row = (await feed(api.service, "segments"))[0]
    path = f"/v1/segments/{row['id']}/content"
    answer = await api.service.get(path)
    assert f"sha256:{hashlib.sha256(answer.content).hexdigest()}" == row["digest"]
    assert (await api.acme.get(path)).status_code == 403
    assert (await api.service.get(f"/v1/segments/{row['tenant_id']}/content")).status_code == 404


async def test_counters_leave_after_the_window(api: Any) -> None:
    from datetime import UTC, datetime, timedelta

    from sqlalchemy import update

    from registry_api.jobs.models import Job
    from registry_api.usage.models import MinuteCounter

    await accepted(api.acme, lines(event("1")), "old")
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(MinuteCounter).values(minute=datetime.now(UTC) - timedelta(hours=49)))
        await session.execute(update(Job).values(run_at=datetime.now(UTC)))
        await session.commit()
    await accepted(api.acme, lines(event("2")), "new")
    assert len(await items(api.acme, "/v1/usage/counters")) == 2
    await api.drain_jobs()
    assert len(await items(api.acme, "/v1/usage/counters")) == 1


async def test_a_platform_tokens_own_batch_comes_before_tenants_batches_of_the_same_key(api: Any) -> None:
    for client in (api.acme, api.operator, api.globex):
        await accepted(client, lines(event("1"), event("2", type="x")), "same")
    own = (await api.operator.get("/v1/me")).json()["tenant"]["id"]
    assert (await api.operator.get("/v1/intake/batches/same")).json()["tenant_id"] == own
    assert len(await items(api.operator, "/v1/intake/batches/same/rejects")) == 1
