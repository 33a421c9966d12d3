"""Persons are pseudonyms that keep their people together through key rotation, and go when they are erased."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from registry_api.db import UnitOfWork, system_principal
from registry_api.subjects.service import erase_person
from registry_api.usage.stream import UsageStream
from tests.registry_api.conftest import running
from tests.registry_api.intake_data import accepted, event, feed, fill, items, lines, run_later_jobs, send, stored


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


async def subjects(api: Any) -> dict[str, str | None]:
    """Subject by event."""
    return {row["event_id"]: row["subject_id"] for row in await stored(api)}


async def test_one_person_is_one_subject_in_a_tenant_and_another_in_each_other_tenant(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada"), event("b", person="bob")), "1")
    await accepted(api.acme, lines(event("a2", person="ada"), event("n")), "2")
    await accepted(api.globex, lines(event("a3", person="ada")), "1")
    found = await subjects(api)
    assert found["a1"] == found["a2"] and found["n"] is None
    assert len({found["a1"], found["a3"], found["b"]}) == 3


async def test_rotating_the_key_splits_nobody(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada"), event("b1", person="bob")), "1")
    key = api.settings.secret_file("person.key")
    key.rename(key.with_name("person.key.retired.1"))
    async with running(api.settings, api.tokens) as rotated:
        await accepted(rotated.acme, lines(event("a2", person="ada"), event("c", person="cy")), "2")
        key.with_name("person.key.retired.1").unlink()
        await accepted(rotated.acme, lines(event("a3", person="ada"), event("b2", person="bob")), "3")
        found = await subjects(rotated)
    assert found["a1"] == found["a2"] == found["a3"], "seen since the rotation, so the retired key is needed no more"
    assert found["b1"] != found["b2"], "not seen before the retired key was destroyed"


async def test_batches_at_once_that_name_the_same_people_after_a_rotation_are_all_taken(api: Any) -> None:
    people = [f"p{number}" for number in range(2000)]
    await accepted(api.acme, lines(*(event(person, person=person) for person in people)), "before")
    key = api.settings.secret_file("person.key")
    key.rename(key.with_name("person.key.retired.1"))
    bodies = [lines(*(event(f"{n}-{person}", person=person) for person in people)) for n in range(3)]
    async with running(api.settings, api.tokens) as rotated:
        answers = await asyncio.gather(*(send(rotated.acme, body, str(n)) for n, body in enumerate(bodies)))
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({row["subject_id"] for row in await stored(api)}) == 2000


async def test_erasure_cuts_the_person_at_once_and_the_files_soon(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada"), event("b1", person="bob")), "1")
    await accepted(api.acme, lines(event("b2", person="bob")), "2")
    before = await subjects(api)
    assert (await api.acme.delete("/v1/subjects", params={"person": "ada"})).status_code == 204
    await api.drain_jobs()
    after = await subjects(api)
    assert after == {"a1": None, "b1": before["b1"], "b2": before["b2"]}
    ops = [(row["op"], row["generation"]) for row in await feed(api.service, "segments")]
    assert ops == [("added", 0), ("added", 0), ("added", 1), ("erased", 0)], "the file that did not name her stays"
    await accepted(api.acme, lines(event("a2", person="ada")), "3")
    assert (await subjects(api))["a2"] not in (before["a1"], None)


async def test_the_erased_file_itself_is_deleted_after_an_hour(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada")), "1")
    path = (await feed(api.service, "segments"))[0]["path"]
    await api.acme.delete("/v1/subjects", params={"person": "ada"})
    await api.drain_jobs()
    assert api.app.state.storage.exists(path), "readers that are behind still find it"
    await run_later_jobs(api)
    assert not api.app.state.storage.exists(path)


async def test_erasing_the_unknown_or_another_tenants_person_erases_nobody(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada")))
    for person in ("ada", "nobody"):
        assert (await api.globex.delete("/v1/subjects", params={"person": person})).status_code == 204
    await api.drain_jobs()
    assert (await subjects(api))["a1"] is not None
    assert "subject.erased" not in (await api.globex.get("/v1/audit", params={"limit": 500})).text


async def test_an_erasure_whose_answer_was_lost_may_be_repeated(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada")))
    answers = [await api.acme.delete("/v1/subjects", params={"person": "ada"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert len([job for job in await items(api.acme, "/v1/jobs") if job["kind"] == "subjects.erase"]) == 1


async def test_a_batch_that_begins_while_an_erasure_commits_is_cleaned_too(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada")), "1")
    me = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    operator = (await api.operator.get("/v1/me")).json()["tenant"]["id"]
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(UUID(me), UUID(operator)))
        assert await erase_person(work, api.settings, "ada") == 1
        sending = asyncio.create_task(accepted(api.acme, lines(event("a2", person="ada")), "2"))
        while len(list(api.app.state.storage.list("lake/usage"))) < 2:
            await asyncio.sleep(0.01)
        await work.commit()
    await sending
    erasing = [job for job in await items(api.acme, "/v1/jobs") if job["kind"] == "subjects.erase"]
    assert len(erasing) == 2, "one for the files of before, and one that the batch asked for"
    await api.drain_jobs()
    assert await subjects(api) == {"a1": None, "a2": None}


async def test_a_batch_that_an_erasure_overtook_is_cleaned_too(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await accepted(api.acme, lines(event("a1", person="ada")), "1")
    prepare = UsageStream.prepare

    async def prepare_early(*arguments: Any) -> Any:
        frame = await prepare(*arguments)
        assert (await api.acme.delete("/v1/subjects", params={"person": "ada"})).status_code == 204
        await api.drain_jobs()
        return frame

    monkeypatch.setattr(UsageStream, "prepare", prepare_early)
    await accepted(api.acme, lines(event("a2", person="ada")), "2")
    await api.drain_jobs()
    assert await subjects(api) == {"a1": None, "a2": None}


async def test_an_empty_person_is_nobody(api: Any) -> None:
    await accepted(api.acme, lines(event("n1", person=""), event("n2", person="")))
    assert await subjects(api) == {"n1": None, "n2": None}


async def test_erasure_is_audited_without_naming_the_person(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada-lovelace")))
    await api.acme.delete("/v1/subjects", params={"person": "ada-lovelace"})
    audit = (await api.acme.get("/v1/audit", params={"limit": 500})).text
    assert "subject.erased" in audit and "lovelace" not in audit


async def test_erasing_needs_the_scope(api: Any) -> None:
    sender = api.client(await api.token(api.acme, role="operator"))
    assert (await sender.delete("/v1/subjects", params={"person": "ada"})).status_code == 403
