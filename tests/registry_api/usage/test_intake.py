"""Usage from the door to the lake, the feed and the counters, and never twice."""

import asyncio
import base64
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import event as listening

from tests.registry_api.intake_data import (
    ARROW,
    accepted,
    ago,
    event,
    feed,
    fill,
    items,
    lines,
    plugin,
    post,
    send,
    stored,
    stream,
)


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


async def test_what_was_acknowledged_is_in_the_lake_under_ids(api: Any) -> None:
    row = event("1", target="t1", person="ada@example.org", cost="0.125", duration_ms=8, session="s", outcome="ok")
    result = await accepted(api.acme, lines(row))
    assert (result["received"], result["accepted"], result["replayed"]) == (1, 1, False)
    found = (await stored(api))[0]
    known = (await api.acme.get("/v1/plugins/jenkins:git")).json()
    release = (await api.acme.get("/v1/plugins/jenkins:git/releases/1.0.0")).json()
    target = (await api.acme.get("/v1/targets/t1")).json()
    assert (found["plugin_id"], found["release_id"], found["target_id"]) == (known["id"], release["id"], target["id"])
    assert (found["environment"], found["quantity"], str(found["cost"])) == ("staging", 1, "0.125000")
    assert found["at"].isoformat().replace("+00:00", "Z") == row["at"]
    assert found["subject_id"] and "ada@example.org" not in str(found)


async def test_plugins_and_targets_may_be_named_by_id(api: Any) -> None:
    known = (await api.acme.get("/v1/plugins/jenkins:git")).json()["id"]
    target = (await api.acme.get("/v1/targets/t2")).json()["id"]
    await accepted(api.acme, lines(event("1", plugin=known, target=target)))
    assert [(row["plugin_id"], row["target_id"]) for row in await stored(api)] == [(known, target)]


async def test_ndjson_and_arrow_store_the_same(api: Any) -> None:
    rows = [event(str(n), at=f"2026-05-01T12:00:{n:02}Z", duration_ms=float(n), person=f"p{n % 3}") for n in range(20)]
    times = (
        pa.array([f"2026-05-01T12:00:{n:02}" for n in range(20)])
        .cast(pa.timestamp("us"))
        .cast(pa.timestamp("us", "UTC"))
    )
    table = pa.Table.from_pylist(rows)
    table = table.set_column(table.schema.get_field_index("at"), "at", times)
    await accepted(api.acme, lines(*rows), "ndjson")
    first = await stored(api)
    await accepted(api.acme, stream(table), "arrow", kind=ARROW)
    both = await stored(api)
    assert both == first + first


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=["large", "view", "dictionary"],
)
async def test_every_kind_of_arrow_text_is_read(api: Any, kind: pa.DataType) -> None:
    table = pa.table(
        {"id": ["1", "2"], "type": ["search", "search"], "at": pa.array([1_700_000_000] * 2, pa.timestamp("s", "UTC"))}
    )
    body = stream(table.set_column(1, "type", pa.array(["search", "search"]).cast(kind)))
    assert (await accepted(api.acme, body, kind=ARROW))["accepted"] == 2


async def test_the_same_batch_again_is_answered_the_same_and_has_no_effect(api: Any) -> None:
    body = lines(event("1"), event("2", type="x"))
    first = await send(api.acme, body)
    again = await send(api.acme, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "replayed": True}
    assert len(await stored(api)) == 1
    counters = await items(api.acme, "/v1/usage/counters")
    assert [row["events"] for row in counters] == [1]


async def test_the_same_key_with_other_content_is_refused(api: Any) -> None:
    await accepted(api.acme, lines(event("1")))
    answer = await send(api.acme, lines(event("2")))
    assert answer.status_code == 422 and answer.json()["type"].endswith("idempotency_key_reused")
    assert [row["event_id"] for row in await stored(api)] == ["1"]


async def test_a_key_is_required_and_must_be_printable(api: Any) -> None:
    for key in ("", "x" * 201, "a\tb"):
        answer = await send(api.acme, lines(event("1")), key)
        assert answer.status_code == 400 and answer.json()["type"].endswith("idempotency_key_missing")
    bare = await api.acme.post(
        "/v1/usage/batches", content=lines(event("1")), headers={"Content-Type": "application/x-ndjson"}
    )
    assert bare.status_code == 400 and bare.json()["errors"][0]["pointer"] == "Idempotency-Key"


async def test_a_key_in_quotes_is_the_same_key(api: Any) -> None:
    body = lines(event("1"))
    answers = [await send(api.acme, body, key) for key in ("b-1", '"b-1"')]
    assert [answer.json()["replayed"] for answer in answers] == [False, True]
    assert [row["event_id"] for row in await stored(api)] == ["1"]


async def test_keys_of_two_tenants_do_not_meet(api: Any) -> None:
    for client in (api.acme, api.globex):
        assert (await accepted(client, lines(event("1"))))["replayed"] is False
    assert len(await stored(api)) == 2


async def test_twenty_equal_batches_at_once_have_one_effect(api: Any) -> None:
    body = lines(*(event(str(n), target="t1", person=f"p{n}") for n in range(50)))
    answers = await asyncio.gather(*(send(api.acme, body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len(await stored(api)) == 50
    assert [row["accepted"] for row in await feed(api.service, "intake_batches") if row["stream"] == "usage"] == [50]
    files = list(api.app.state.storage.list("lake/usage"))
    assert len(files) == 1, "the losers' files are swept at once"


async def test_many_different_batches_at_once_all_count(api: Any) -> None:
    bodies = [lines(*(event(f"{batch}-{n}", person=f"p{n}") for n in range(20))) for batch in range(12)]
    await asyncio.gather(*(accepted(api.acme, body, f"batch-{place}") for place, body in enumerate(bodies)))
    rows = await stored(api)
    assert len({row["event_id"] for row in rows}) == 240
    assert len({row["subject_id"] for row in rows}) == 20, "a person met by many batches at once is one subject"
    assert sum(row["events"] for row in await items(api.acme, "/v1/usage/counters")) == 240


async def test_counters_add_up_by_minute_release_and_type_and_leave_history_out(api: Any) -> None:
    rows = [event(str(n), quantity=2, duration_ms=10, at=ago(minutes=5)) for n in range(3)]
    rows += [
        event("e", type="error", version="9"),
        event("old", at=ago(days=5)),
        event("s", type="search", plugin=None, version=None),
    ]
    await accepted(api.acme, lines(*rows), "a")
    await accepted(api.acme, lines(event("later", duration_ms=5, at=ago(minutes=5))), "b")
    counters = await items(api.acme, "/v1/usage/counters", limit=1)
    assert sum(row["events"] for row in counters) == 6
    uses = [row for row in counters if row["type"] == "use"]
    assert sum(row["quantity"] for row in uses) == 7 and sum(row["duration_ms_sum"] for row in uses) == 35.0
    error = next(row for row in counters if row["type"] == "error")
    assert error["errors"] == 1 and error["release_id"] is None
    search = next(row for row in counters if row["type"] == "search")
    assert search["plugin_id"] is None


async def test_a_counter_names_its_tenant_and_the_trace_of_the_last_batch_that_added_to_it(api: Any) -> None:
    for number, trace in enumerate(("a" * 32, "b" * 32)):
        traced = {"traceparent": f"00-{trace}-{'1' * 16}-01"}
        await accepted(api.acme, lines(event(str(number), at=ago(minutes=5)[:17] + "00Z")), f"batch-{number}", **traced)
    tenant = (await api.acme.get("/v1/tenants")).json()["items"][0]["id"]
    [counter] = await items(api.service, "/v1/usage/counters")
    assert (counter["events"], counter["tenant_id"], counter["trace_id"]) == (2, tenant, "b" * 32)


async def test_counters_can_be_asked_by_plugin_and_time(api: Any) -> None:
    await accepted(
        api.acme,
        lines(event("1", at=ago(minutes=50)), event("2", at=ago(minutes=5)), event("3", type="search", plugin=None)),
    )
    assert len(await items(api.acme, "/v1/usage/counters", plugin="jenkins:git")) == 2
    assert (
        len(await items(api.acme, "/v1/usage/counters", plugin="jenkins:git", **{"minute[gte]": ago(minutes=20)})) == 1
    )
    assert len(await items(api.acme, "/v1/usage/counters", **{"minute[lt]": ago(minutes=45)})) == 1


@pytest.mark.parametrize("name", ["minute[gte]", "minute[lt]"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_that_no_calendar_has_in_utc_is_the_callers_fault(api: Any, name: str, moment: str) -> None:
    answer = await api.acme.get("/v1/usage/counters", params={name: moment})
    assert answer.status_code == 400 and [error["pointer"] for error in answer.json()["errors"]] == [name]


async def test_another_tenant_sees_neither_counters_nor_batches_nor_rejects(api: Any) -> None:
    await accepted(api.acme, lines(event("1"), event("2", type="x")))
    assert await items(api.globex, "/v1/usage/counters") == []
    assert await items(api.globex, "/v1/intake/batches") == []
    for path in ("/v1/intake/batches/batch", "/v1/intake/batches/batch/rejects"):
        assert (await api.globex.get(path)).status_code == 404


async def test_private_plugins_and_targets_of_others_are_unknown(api: Any) -> None:
    await post(api.globex, "/v1/catalogue/batches", plugins=[plugin("secret", "1.0.0")])
    await post(api.operator, "/v1/catalogue/batches", plugins=[plugin("hidden", "1.0.0", visibility="private")])
    rows = [event("1", plugin="jenkins:secret"), event("2", plugin="jenkins:hidden"), event("3", target="t1")]
    acme = await accepted(api.acme, lines(*rows))
    assert [row["code"] for row in acme["rejects"]] == ["unknown_plugin", "unknown_plugin"]
    globex = await accepted(api.globex, lines(*rows))
    assert [(row["row_index"], row["code"]) for row in globex["rejects"]] == [
        (1, "unknown_plugin"),
        (2, "unknown_target"),
    ]


async def test_a_plugin_that_has_just_arrived_is_known_to_the_next_batch(api: Any) -> None:
    assert (await accepted(api.acme, lines(event("1", plugin="jenkins:new")), "a"))["rejected"] == 1
    await post(api.operator, "/v1/catalogue/batches", plugins=[plugin("new", "1.0.0")])
    assert (await accepted(api.acme, lines(event("1", plugin="jenkins:new")), "b"))["rejected"] == 0


async def test_an_own_plugin_hides_the_public_one_of_its_name(api: Any) -> None:
    await accepted(api.acme, lines(event("1")), "public")
    await post(api.acme, "/v1/catalogue/batches", plugins=[plugin("git", "1.0.0")])
    await accepted(api.acme, lines(event("2")), "own")
    rows = {row["event_id"]: (row["plugin_id"], row["release_id"]) for row in await stored(api)}
    own = (await api.acme.get("/v1/plugins/jenkins:git/releases/1.0.0")).json()
    assert rows["2"][1] == own["id"] and rows["1"][0] != rows["2"][0]
    public = (await api.globex.get("/v1/plugins/jenkins:git")).json()["id"]
    assert rows["1"][0] == public
    result = await accepted(api.acme, lines(event("3", plugin=public)), "by id")
    assert result["rejected"] == 0, "the hidden one is still known by its id"


async def test_names_are_read_again_only_when_their_owner_changed_something(api: Any) -> None:
    read: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        read.extend(["releases"] if statement.startswith("SELECT releases.plugin_id, releases.version") else [])

    await accepted(api.acme, lines(event("1")), "1")
    await accepted(api.globex, lines(event("1")), "1")
    await post(api.globex, "/v1/catalogue/batches", plugins=[plugin("other", "1.0.0")])
    listening.listen(api.app.state.database.engine.sync_engine, "before_cursor_execute", note)
    await accepted(api.acme, lines(event("2")), "2")
    assert read == [], "another tenant's change costs acme nothing"
    await accepted(api.globex, lines(event("2", plugin="jenkins:other")), "2")
    assert read == ["releases"], "globex's own names, not the public ones again"
    listening.remove(api.app.state.database.engine.sync_engine, "before_cursor_execute", note)


async def test_acknowledged_rows_are_counted_by_outcome_and_a_replay_is_not(api: Any) -> None:
    body = lines(event("1"), event("1"), event("2"), event("3", type="x"))
    for _ in range(2):
        await accepted(api.acme, body)
    exposed = (await api.nobody.get("/metrics")).text.splitlines()
    found = [line.removeprefix("patchbay_intake_rows_total") for line in exposed if 'stream="usage"' in line]
    for outcome, rows in (("accepted", 2), ("duplicate", 1), ("rejected", 1)):
        assert f'{{outcome="{outcome}",stream="usage"}} {rows}.0' in found


async def test_all_rejects_are_paged_in_order(api: Any) -> None:
    result = await accepted(api.acme, lines(*(event(str(n), type="x") for n in range(250)), event("good")))
    assert len(result["rejects"]) == 100 and result["rejected"] == 250
    kept = await items(api.acme, "/v1/intake/batches/batch/rejects", limit=90)
    assert [row["row_index"] for row in kept] == list(range(250))
    for cursor in ("bm9uc2Vuc2U", base64.urlsafe_b64encode(b"row:" + b"9" * 40).decode()):
        bad = await api.acme.get("/v1/intake/batches/batch/rejects", params={"cursor": cursor})
        assert bad.status_code == 400 and bad.json()["errors"][0]["code"] == "bad_cursor"


async def test_a_batch_of_which_nothing_is_good_is_registered_without_a_segment(api: Any) -> None:
    result = await accepted(api.acme, lines(event("1", type="x")))
    assert (result["accepted"], result["rejected"]) == (0, 1)
    assert await feed(api.service, "segments") == []
    batch = next(row for row in await feed(api.service, "intake_batches") if row["stream"] == "usage")
    assert batch["rejected"] == 1 and api.app.state.storage.exists(batch["rejects_path"])


async def test_the_segment_feed_describes_the_file(api: Any) -> None:
    import hashlib

    await accepted(api.acme, lines(event("1", at="2026-05-02T00:00:00Z"), event("2", at="2026-05-01T00:00:00Z")))
    row = (await feed(api.service, "segments"))[0]
    content = api.app.state.storage.read_bytes(row["path"])
    assert (row["op"], row["rows"], row["generation"], row["replaces"]) == ("added", 2, 0, [])
    assert (row["bytes"], row["digest"]) == (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")
    assert (row["min_at"][:10], row["max_at"][:10]) == ("2026-05-01", "2026-05-02")
    assert [found["event_id"] for found in await stored(api)] == ["2", "1"], "rows lie in the order of time"


async def test_writing_needs_the_scope(api: Any) -> None:
    viewer = api.client(await api.token(api.acme, role="viewer"))
    assert (await send(viewer, lines(event("1")))).status_code == 403
    assert (await send(api.nobody, lines(event("1")))).status_code == 401


async def test_a_platform_token_may_send_for_a_tenant(api: Any) -> None:
    answer = await send(api.operator, lines(event("1", target="t1")), Patchbay_Tenant="acme")
    assert answer.status_code == 201
    acme = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    assert {row["tenant_id"] for row in await stored(api)} == {acme}
