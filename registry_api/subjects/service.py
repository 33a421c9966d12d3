"""Persons to pseudonyms, and their erasure."""

from collections.abc import Sequence
from uuid import UUID

import anyio

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.access import Actor
from registry_api.audit.personal import of_name
from registry_api.db import UnitOfWork
from registry_api.identity.personal import forget_token
from registry_api.intake.compaction import COMPACT, ERASE, nightly
from registry_api.intake.repository import Intake
from registry_api.jobs.queue import PATIENT
from registry_api.secrets import Key
from registry_api.subjects.keys import person_digest, person_keys
from registry_api.subjects.repository import Subjects


async def pseudonyms(actor: Actor, settings: Settings, persons: Sequence[str]) -> dict[str, str]:
    """A subject id for each person; people never seen before get one.

    Takes a read only when everyone is known under the key in service, which is the rule.
    """
    if not persons:
        return {}
    tenant_id = actor.principal.tenant_id
    current, *retired = await anyio.to_thread.run_sync(person_keys, settings)
    digests = await _digests(current, tenant_id, persons)
    async with actor.reading() as reader:
        known = await reader.repository(Subjects).found(current.id, list(digests.values()))
    if len(known) < len(digests):
        strangers = [person for person, digest in digests.items() if digest not in known]
        known |= await _meet(actor, current, retired, strangers, digests)
    return {person: known[digest] for person, digest in digests.items()}


async def _digests(key: Key, tenant_id: UUID, persons: Sequence[str]) -> dict[str, bytes]:
    """In a thread: a batch can name tens of thousands of people."""
    return await anyio.to_thread.run_sync(lambda: {person: person_digest(key, tenant_id, person) for person in persons})


async def _meet(
    actor: Actor, current: Key, retired: Sequence[Key], strangers: list[str], digests: dict[str, bytes]
) -> dict[bytes, str]:
    olds = [(key, await _digests(key, actor.principal.tenant_id, strangers)) for key in retired]
    async with actor.writing() as work:
        subjects = work.repository(Subjects)
        for key, known in olds:
            strangers = await _recognise(subjects, key, known, current, strangers, digests)
        if strangers:
            await subjects.add(current.id, sorted(digests[person] for person in strangers), utcnow())
        return await subjects.found(current.id, list(digests.values()))


async def _recognise(
    subjects: Subjects, old: Key, olds: dict[str, bytes], current: Key, persons: list[str], digests: dict[str, bytes]
) -> list[str]:
    """Re-key those known under an old key, by their digests `olds` under it; the others."""
    known = await subjects.found(old.id, [olds[person] for person in persons])
    if known:
        await subjects.rekey(current.id, {known[olds[p]]: digests[p] for p in persons if olds[p] in known})
    return [person for person in persons if olds[person] not in known]


async def erase_person(work: UnitOfWork, settings: Settings, person: str) -> int:
    """Cut a person from their pseudonym at once, and have the segments rewritten without it; how many subjects went. What the
    tenant's audit log has of somebody known by that name goes too. Raises `Conflict` for the name of a token that is live.

    The turn of the usage stream is taken, so a batch is either registered before (and its segment rewritten) or sees the erasure.
    """
    await work.repository(Intake).take_turn("usage")
    tenant_id = work.principal.tenant_id
    digests = [(key.id, person_digest(key, tenant_id, person)) for key in person_keys(settings)]
    erased = await work.repository(Subjects).erase(digests, utcnow())
    work.shred([of_name(work.session, tenant_id, person)], [tenant_id])
    await forget_token(work, person)
    for subject_id in erased:
        work.audit("subject.erased", f"subject:{subject_id}")
    # Asking is recorded also where nobody was found: the question itself names a person.
    work.audit("subject.erasure_asked", "subjects", {"found": len(erased)})
    if erased:
        work.enqueue(ERASE, {}, max_attempts=PATIENT)
        nightly(work, COMPACT, utcnow())
    return len(erased)
