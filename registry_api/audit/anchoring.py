"""Signing checkpoints and keeping them outside of the database."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import anyio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Row

from patchbay.core.audit.anchors import Anchors
from patchbay.core.audit.merkle import Frontier
from patchbay.core.audit.notes import BadCheckpoint, Checkpoint, opened, origin_of, sign
from patchbay.core.audit.records import Walker
from patchbay.core.storage import StorageUnavailable
from registry_api.audit.repository import LINK, AuditLog, Head
from registry_api.db import Binding, Crossing, Database, Reader, UnitOfWork, system_principal
from registry_api.jobs.errors import PermanentFailure
from registry_api.tenancy.repository import find_operator_id

log = logging.getLogger("registry_api.audit")


WHOLE_EVERY = 10
"""Rounds from one that does not believe what the database says to the next."""


class AnchorRefused(PermanentFailure):
    """A chain is not the one that was anchored before, so no further checkpoint is signed; somebody must look into it."""


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Writes checkpoints of chains that have grown. Several processes may do so at once: they sign the same tree."""

    database: Database
    anchors: Anchors
    key: Ed25519PrivateKey
    count: Callable[[str], None] = lambda _why: None
    """Told `refused` of a chain that was tampered with, `failed` of a round that did not come to its end well."""

    ended: Callable[[], None] = lambda: None
    """Told of each round that came to its end well."""

    seen: dict[UUID, tuple[int, bytes]] = field(default_factory=dict)
    """The heads that this object went to and found or left a signed checkpoint of, by tenant."""

    async def run(self, every: float) -> None:
        """Go over the chains again and again until cancelled; the first time and then every tenth over all, since a database
        may have been restored, or say of a chain that has grown that it was anchored.
        """
        rounds = 0
        while True:
            await asyncio.sleep(every)
            try:
                await self.round(whole=rounds % WHOLE_EVERY == 0)
                rounds += 1
                self.ended()
            except Exception:
                self.count("failed")
                log.exception("audit checkpoints could not be written; they are tried again")

    async def round(self, *, whole: bool = False) -> None:
        """Anchor each chain that the database says has grown; of a whole round, each whose head is not as it was when we saw
        it anchored too. One that is refused or fails does not keep the others; what failed is raised in the end. Raises
        `StorageUnavailable` at once, since the place is that of all.
        """
        async with self.database.reading(Crossing.ANCHORS) as session:
            operator_id = await find_operator_id(session)
            if operator_id is None:
                return
            reach = Binding.to(Crossing.ANCHORS)
            everything = Reader(session, system_principal(operator_id, operator_id), reach)
            found = await everything.repository(AuditLog).moved(whole=whole)
        tenants = [
            one.tenant_id for one in found if one.grown or self.seen.get(one.tenant_id) != (one.position, one.hash)
        ]
        failed = [error for tenant_id in tenants if (error := await self._tried(tenant_id, operator_id)) is not None]
        if failed:
            raise ExceptionGroup("chains that could not be anchored", failed)

    async def _tried(self, tenant_id: UUID, operator_id: UUID) -> Exception | None:
        try:
            await self.anchor(tenant_id, operator_id)
        except AnchorRefused as error:
            log.error("audit chain was tampered with", extra={"tenant": str(tenant_id), "error": str(error)})  # noqa: TRY400
            self.count("refused")
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told with the others at the end of the round
            error.add_note(f"in the chain of the tenant {tenant_id}")
            return error
        return None

    async def anchor(self, tenant_id: UUID, operator_id: UUID) -> Checkpoint | None:
        """Sign the present end of a chain and keep it; None when it has not grown.

        Only records since the last checkpoint are read, and every checkpoint kept since then must lie on the way.
        Raises `AnchorRefused` otherwise, `StorageUnavailable` when the place of anchors fails. The anchor is durable
        before the database learns of it; after a crash in between the next call goes on from there.
        """
        principal = system_principal(tenant_id, operator_id)
        async with self.database.reading() as session:
            remembered = await Reader(session, principal).repository(AuditLog).head()
        known = await self._known(tenant_id, 0 if remembered is None else remembered.anchored_size)
        async with self.database.reading() as session:
            tree, head = await _followed(Reader(session, principal).repository(AuditLog), known)
        made = None
        if tree.size not in known:
            made = Checkpoint(origin_of(tenant_id), tree.size, tree.root())
            await anyio.to_thread.run_sync(self.anchors.append, tenant_id, tree.size, sign(made, self.key))
        if head.anchored_size < tree.size:
            async with self.database.writing() as session:
                work = UnitOfWork(session, principal)
                await work.repository(AuditLog).note_anchored(tree)
                await work.commit()
        self.seen[tenant_id] = (head.position, head.hash)
        return made

    async def _known(self, tenant_id: UUID, since: int) -> dict[int, bytes]:
        """The roots of the checkpoints that are kept and cover at least `since` records, by size."""
        notes = await anyio.to_thread.run_sync(self.anchors.notes, tenant_id, since)
        public_key = self.key.public_key().public_bytes_raw()
        try:
            found = {opened(note, origin_of(tenant_id), public_key) for note in notes}
        except BadCheckpoint as error:
            raise AnchorRefused(f"a checkpoint that is kept cannot be relied on: {error}") from error
        known = {one.size: one.root for one in found}
        if len(known) != len(found):
            raise AnchorRefused("two checkpoints of the same size are kept that differ")
        return known


async def _followed(audit: AuditLog, known: Mapping[int, bytes]) -> tuple[Frontier, Head]:
    """The tree at the end of the chain, come to by way of each known checkpoint, over records that follow each other rightly."""
    head = await audit.head()
    if head is None or (head.anchored_size and not known):
        raise AnchorRefused("the head is gone" if head is None else "checkpoints were kept, and now there are none")
    if max(known, default=0) > head.position:
        raise AnchorRefused(f"the chain ends at {head.position}, but {max(known)} records were anchored")
    walker = await _walker(audit, _start(head, known))
    async for rows in audit.stream(head.position, after=walker.position, columns=LINK):
        await anyio.to_thread.run_sync(_go_on, walker, rows, known)
    tree = walker.tree
    if (tree.size, tree.stored) != (head.position, head.frontier):
        raise AnchorRefused("the records are not those that the head's tree is made of")
    return tree, head


async def _walker(audit: AuditLog, tree: Frontier) -> Walker:
    """One that stands at the end of a tree."""
    if not tree.size:
        return Walker(audit.scope.tenant_id)
    last = await audit.stretch(tree.size, after=tree.size - 1, columns=LINK)
    if not last:
        raise AnchorRefused(f"record {tree.size} is missing")
    return Walker.behind(audit.scope.tenant_id, tree, (last[0].canonical, last[0].hash))


def _start(head: Head, known: Mapping[int, bytes]) -> Frontier:
    """The tree at the newest checkpoint the database remembers, where a signed one says the same; else the empty one."""
    try:
        tree = Frontier.of(head.anchored_size, head.anchored_frontier)
    except ValueError:
        return Frontier()  # somebody was at the head; the records themselves are then gone over
    return tree if known.get(tree.size) == tree.root() else Frontier()


def _go_on(walker: Walker, rows: Sequence[Row[Any]], known: Mapping[int, bytes]) -> None:
    for row in rows:
        fault = walker.walk([(row.canonical, row.hash)])
        if fault is not None:
            raise AnchorRefused(f"record {walker.position + 1} does not stand rightly: {fault}")
        if walker.position in known and known[walker.position] != walker.tree.root():
            raise AnchorRefused(f"the first {walker.position} records are not those that were anchored")
