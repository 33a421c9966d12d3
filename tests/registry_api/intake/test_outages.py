"""What was promised comes about however long the storage is away, and no job locks out those who send."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from patchbay.core.storage import StorageUnavailable
from registry_api.db import Crossing
from registry_api.intake.models import Segment
from registry_api.intake.repository import Intake
from registry_api.jobs.models import Job
from registry_api.jobs.worker import Worker
from tests.registry_api.intake_data import accepted, event, feed, fill, items, lines, run_later_jobs, send, stored


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


@contextmanager
def outage(api: Any) -> Iterator[None]:
    """A storage that neither reads nor deletes."""

    def fail(key: str) -> None:
        raise StorageUnavailable(key, OSError("away"))

    with pytest.MonkeyPatch.context() as away:
        for name in ("read_bytes", "delete"):
            away.setattr(api.app.state.storage, name, fail)
        yield


async def until_dead(api: Any) -> None:
    """Run what is due, again and again without pauses, until it has succeeded or is dead."""
    await Worker(api.app.state.database, api.app.state.storage, api.settings, first_pause=timedelta(0)).drain()


async def night(api: Any) -> None:
    """Make the jobs that wait for the coming night last night's, and run them."""
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        coming = update(Job).where(Job.state == "queued", Job.dedup_key.startswith("night of "))
        await session.execute(coming.values(dedup_key="night of before", run_at=datetime.now(UTC)))
        await session.commit()
    await until_dead(api)


async def make_due(api: Any) -> None:
    """Let the grace of superseded files be over."""
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        past = datetime.now(UTC) - timedelta(minutes=1)
        await session.execute(update(Job).where(Job.kind == "segments.delete").values(run_at=past))
        await session.execute(update(Segment).values(delete_at=past))
        await session.commit()


async def states(api: Any, kind: str) -> list[str]:
    """States of the jobs of a kind, oldest first."""
    return [job["state"] for job in reversed(await items(api.acme, "/v1/jobs")) if job["kind"] == kind]


async def test_an_erasure_that_died_in_an_outage_is_done_by_a_night_after_it(api: Any) -> None:
    await accepted(api.acme, lines(event("a", person="ada")))
    await night(api)
    with outage(api):
        assert (await api.acme.delete("/v1/subjects", params={"person": "ada"})).status_code == 204
        await until_dead(api)
        await night(api)
    assert await states(api, "subjects.erase") == ["dead", "dead"], "one night was within the outage"
    await night(api)
    assert [row["subject_id"] for row in await stored(api)] == [None]
    await run_later_jobs(api)
    assert len(list(api.app.state.storage.list("lake/usage"))) == 1, "the file that named her is gone"


async def test_a_deletion_that_died_in_an_outage_is_done_by_a_night_after_it(api: Any) -> None:
    await accepted(api.acme, lines(event("a", person="ada")))
    path = (await feed(api.service, "segments"))[0]["path"]
    await api.acme.delete("/v1/subjects", params={"person": "ada"})
    await api.drain_jobs()
    await make_due(api)
    storage = api.app.state.storage
    with outage(api):
        await until_dead(api)
    assert await states(api, "segments.delete") == ["dead"] and storage.exists(path)
    await night(api)
    assert not storage.exists(path)


async def test_what_is_done_is_not_asked_for_again_at_night(api: Any) -> None:
    await accepted(api.acme, lines(event("a", person="ada")))
    await api.acme.delete("/v1/subjects", params={"person": "ada"})
    await api.drain_jobs()
    await make_due(api)
    await until_dead(api)
    for _ in range(2):
        await night(api)
    for kind in ("subjects.erase", "segments.delete", "usage.compact"):
        assert set(await states(api, kind)) == {"succeeded"}
    assert len(await states(api, "subjects.erase")) == len(await states(api, "segments.delete")) == 1


async def test_neither_erasure_nor_deletion_can_be_cancelled(api: Any) -> None:
    await accepted(api.acme, lines(event("a", person="ada")))
    await api.acme.delete("/v1/subjects", params={"person": "ada"})
    erasing = next(job for job in await items(api.acme, "/v1/jobs") if job["kind"] == "subjects.erase")
    assert (await api.acme.post(f"/v1/jobs/{erasing['id']}/cancel")).status_code == 409
    await api.drain_jobs()
    deleting = next(job for job in await items(api.acme, "/v1/jobs") if job["kind"] == "segments.delete")
    assert (await api.acme.post(f"/v1/jobs/{deleting['id']}/cancel")).status_code == 409


async def test_senders_and_the_merging_of_what_they_sent_never_lock_each_other_out(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_turn = Intake.take_turn

    async def take_turn_late(*arguments: Any) -> None:
        await asyncio.sleep(0.05)  # a merging job holds its own row by now
        await take_turn(*arguments)

    monkeypatch.setattr(Intake, "take_turn", take_turn_late)
    batches = iter(range(1000))

    async def sender() -> list[int]:
        answers = [await send(api.acme, lines(event(f"e{n}")), f"{n}") for n in (next(batches) for _ in range(10))]
        return [answer.status_code for answer in answers]

    for _ in range(3):
        await sender()
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        today = {"payload": {"include_today": True}, "run_at": datetime.now(UTC)}
        await session.execute(update(Job).where(Job.kind == "usage.compact").values(today))
        await session.commit()
    worker = Worker(api.app.state.database, api.app.state.storage, api.settings)
    merging = asyncio.create_task(worker.drain())
    answers = await asyncio.gather(*(sender() for _ in range(4)))
    await merging
    assert {status for statuses in answers for status in statuses} == {201}
    assert (await states(api, "usage.compact"))[0] == "succeeded"
    assert len(await stored(api)) == 70
