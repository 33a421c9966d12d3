"""Persons are pseudonyms that keep their people together through key rotation, and go when they are erased."""

from typing import Any

import pytest

from tests.registry_api.conftest import running
from tests.registry_api.intake_data import accepted, event, feed, fill, lines, run_later_jobs, stored


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


async def test_erasing_the_unknown_or_another_tenants_person_is_not_found(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada")))
    for person in ("ada", "nobody"):
        assert (await api.globex.delete("/v1/subjects", params={"person": person})).status_code == 404
    assert (await subjects(api))["a1"] is not None


async def test_erasure_is_audited_without_naming_the_person(api: Any) -> None:
    await accepted(api.acme, lines(event("a1", person="ada-lovelace")))
    await api.acme.delete("/v1/subjects", params={"person": "ada-lovelace"})
    audit = (await api.acme.get("/v1/audit", params={"limit": 500})).text
    assert "subject.erased" in audit and "lovelace" not in audit


async def test_erasing_needs_the_scope(api: Any) -> None:
    sender = api.client(await api.token(api.acme, role="operator"))
    assert (await sender.delete("/v1/subjects", params={"person": "ada"})).status_code == 403
