"""Segments are merged without changing what anyone who reads the lake finds."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from patchbay.core.ids import new_id
from registry_api.db import Crossing
from registry_api.intake import compaction
from registry_api.intake.columnar import receive
from registry_api.intake.models import IntakeBatch, Segment
from tests.registry_api.intake_data import accepted, event, feed, fill, items, lines, post, run_later_jobs, stored
from warehouse.segments import live_segments


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


async def compact(client: Any, **payload: Any) -> None:
    """Ask for a compaction of today's segments too."""
    await post(client, "/v1/jobs", 202, kind="usage.compact", payload={"include_today": True, **payload})


async def first_of_each(api: Any) -> dict[str, Any]:
    """What a warehouse keeps of repeated events: the first by (feed position of the segment's oldest ancestor, row)."""
    live = live_segments(await feed(api.service, "segments")).values()
    from io import BytesIO

    import pyarrow.parquet as pq

    found: dict[str, Any] = {}
    for segment in sorted(live, key=lambda segment: segment.origin_seq):
        rows = pq.read_table(BytesIO(api.app.state.storage.read_bytes(segment.path))).to_pylist()
        for row in sorted(rows, key=lambda row: row["row_index"]):
            found.setdefault(row["event_id"], {name: value for name, value in row.items() if name != "row_index"})
    return found


async def send_three(api: Any) -> None:
    """Three batches; event `twice` comes in two of them with other content, and time runs against the order of arrival."""
    await accepted(api.acme, lines(event("a", at="2026-05-03T00:00:00Z"), event("twice", quantity=1)), "1")
    await accepted(api.acme, lines(event("b", at="2026-05-01T00:00:00Z"), event("twice", quantity=2)), "2")
    await accepted(api.acme, lines(event("c", at="2026-05-02T00:00:00Z", person="ada")), "3")


async def test_a_merged_day_holds_the_same_events_and_the_same_first_ones(api: Any) -> None:
    await send_three(api)
    before, rows = await first_of_each(api), len(await stored(api))
    await compact(api.acme)
    await api.drain_jobs()
    assert (await first_of_each(api), len(await stored(api))) == (before, rows)
    assert before["twice"]["quantity"] == 1


async def test_the_batch_that_committed_first_stays_first_though_its_file_was_begun_later(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted([new_id(), new_id()])
    monkeypatch.setattr(receive, "new_id", ids.pop)
    for quantity in (1, 2):
        await accepted(api.acme, lines(event("twice", quantity=quantity)), f"{quantity}")
    before = await first_of_each(api)
    assert before["twice"]["quantity"] == 1
    await compact(api.acme)
    await api.drain_jobs()
    assert [row["op"] for row in await feed(api.service, "segments")] == ["added", "added", "added", *["replaced"] * 2]
    assert await first_of_each(api) == before


async def test_the_feed_names_what_was_replaced_and_the_old_files_stay_for_a_week(api: Any) -> None:
    await send_three(api)
    old = await feed(api.service, "segments")
    await compact(api.acme)
    await api.drain_jobs()
    new = (await feed(api.service, "segments"))[3:]
    assert [(row["op"], row["generation"]) for row in new] == [("added", 1), *[("replaced", 0)] * 3]
    assert new[0]["replaces"] == [row["id"] for row in old] == [row["id"] for row in new[1:]]
    assert old[0]["id"][:18] == new[0]["id"][:18], "ids keep their order"
    storage = api.app.state.storage
    assert all(storage.exists(row["path"]) for row in old)
    await run_later_jobs(api)
    assert [storage.exists(row["path"]) for row in (*old, new[0])] == [False] * 3 + [True]


async def test_merging_again_changes_nothing(api: Any) -> None:
    await send_three(api)
    await compact(api.acme)
    await api.drain_jobs()
    seen = await feed(api.service, "segments")
    await compact(api.acme)
    await api.drain_jobs()
    assert await feed(api.service, "segments") == seen


async def test_segments_of_another_tenant_are_left_alone(api: Any) -> None:
    await send_three(api)
    await compact(api.globex)
    await api.drain_jobs()
    assert {row["op"] for row in await feed(api.service, "segments")} == {"added"}


async def test_an_erasure_reaches_merged_files_and_those_waiting_for_deletion(api: Any) -> None:
    await send_three(api)
    await compact(api.acme)
    await api.drain_jobs()
    await api.acme.delete("/v1/subjects", params={"person": "ada"})
    await api.drain_jobs()
    assert {row["subject_id"] for row in await stored(api)} == {None}
    assert len(await stored(api)) == 5
    await run_later_jobs(api)
    assert len(list(api.app.state.storage.list("lake/usage"))) == 1


async def test_files_no_transaction_registered_are_swept_after_a_day(api: Any) -> None:
    await send_three(api)
    acme = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    folder, storage = f"lake/usage/{acme}/2020-01-01", api.app.state.storage
    storage.put(f"{folder}/016f5e66-e800-7000-8000-000000000000.parquet", b"left by a crash in 2020")
    storage.put(f"{folder}/{new_id()}.parquet", b"being written right now")
    await compact(api.acme)
    await api.drain_jobs()
    assert len(list(storage.list(folder))) == 1
    assert len(await stored(api)) == 5


async def test_a_merged_file_is_young_however_old_its_first_ancestor_is(api: Any) -> None:
    await send_three(api)
    await compact(api.acme)
    await api.drain_jobs()
    old, merged = (await feed(api.service, "segments"))[:1], (await feed(api.service, "segments"))[3]
    assert merged["id"][:18] == old[0]["id"][:18]
    storage, name = api.app.state.storage, merged["path"].rsplit("/", 1)[-1]
    written = UUID(name.removesuffix(".parquet"))
    assert written > UUID(max(row["id"] for row in await feed(api.service, "segments"))), "named by when it was written"
    assert storage.exists(merged["path"])


async def test_a_day_of_very_many_segments_is_merged_in_steps(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MOST_SEGMENTS", 2)
    for place in range(5):
        await accepted(api.acme, lines(event(f"e{place}"), event("again", quantity=place + 1)), f"{place}")
    counts = []
    for _ in range(3):
        await compact(api.acme)
        await api.drain_jobs()
        ops = [row["op"] for row in await feed(api.service, "segments")]
        counts.append(ops.count("added") - ops.count("replaced"))
        assert len(await stored(api)) == 10
        assert (await first_of_each(api))["again"]["quantity"] == 1
    assert counts == [3, 2, 1]


async def test_the_first_batch_of_a_day_has_the_night_merge_it(api: Any) -> None:
    for place in range(3):
        await accepted(api.acme, lines(event(f"e{place}")), f"{place}")
    jobs = [row for row in await items(api.acme, "/v1/jobs") if row["kind"] == "usage.compact"]
    assert [row["run_at"][10:16] for row in jobs] == ["T00:30"]
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(Segment).values(received_on=date(2026, 1, 1)))
        await session.commit()
    await run_later_jobs(api)
    assert [row["op"] for row in await feed(api.service, "segments")][3:] == ["added", *["replaced"] * 3]


async def test_rejects_no_transaction_registered_are_swept_after_a_day(api: Any) -> None:
    await accepted(api.acme, lines(event("1", type="x")))
    acme, storage = (await api.acme.get("/v1/me")).json()["tenant"]["id"], api.app.state.storage
    kept = f"lake/rejects/{acme}/016f5e66-e800-7000-8000-000000000001.parquet"
    for path in (kept, kept.replace("0001.", "0002.")):
        storage.put(path, b"refused in 2020")
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(IntakeBatch).where(IntakeBatch.rejected > 0).values(rejects_path=kept))
        await session.commit()
    await compact(api.acme)
    await api.drain_jobs()
    assert sorted(storage.list(f"lake/rejects/{acme}"))[:-1] == [kept], "a registered file stays, a young one too"
