"""Rules of sets: put once, complete before they are read, switched by one row."""

import hashlib
from collections.abc import Callable, Set
from datetime import timedelta
from uuid import UUID

import anyio
import polars as pl

from patchbay.core.clock import utcnow
from registry_api.access import Actor
from registry_api.db import Reader, UnitOfWork
from registry_api.insights.models import InsightHead, InsightSet
from registry_api.insights.repository import Insights
from registry_api.insights.schemas import InsightSetView, SetFacts
from registry_api.intake.columnar.receive import PARALLEL
from registry_api.problems import Conflict

KEPT = 10
"""Sets of a kind that stay for a rollback and for comparison."""
UNFINISHED = timedelta(days=1)
"""How long a set that was never activated may wait for its sender."""


def view(found: InsightSet, active: bool) -> InsightSetView:
    """A set as answered."""
    fields = InsightSetView.model_fields.keys() - {"active"}
    return InsightSetView(active=active, **{name: getattr(found, name) for name in fields})


async def _seen(reader: Reader, found: InsightSet) -> InsightSetView:
    head = await reader.repository(Insights).head(found.kind)
    return view(found, head is not None and head.set_id == found.id)


async def put_set(work: UnitOfWork, kind: str, set_id: UUID, facts: SetFacts) -> tuple[InsightSetView, bool]:
    """The set, and whether it is new; raises `Conflict` when one of that id says something else of itself."""
    found, said = await work.repository(Insights).find(set_id, locked=True), facts.model_dump()
    if found is None:
        complete = facts.rows == 0
        found = InsightSet(id=set_id, tenant_id=work.principal.tenant_id, kind=kind, complete=complete, **said)
        work.session.add(found)
        await work.session.flush()
        work.audit("insights.put", f"insights:{kind}/{set_id}", facts.model_dump(mode="json", exclude={"card"}))
        return view(found, active=False), True
    said["digest"] = facts.digest or found.digest
    if found.kind != kind or any(getattr(found, name) != value for name, value in said.items()):
        raise Conflict(f"The set {set_id} is there with other facts; put a new set under an id of its own.")
    return await _seen(work, found), False


async def take_rows(
    actor: Actor, kind: str, set_id: UUID, body: bytes, shape: Callable[[Set[str]], pl.DataFrame]
) -> InsightSetView:
    """Store all rows of a set at once; the same body again changes nothing.

    `shape` judges the body, given the ids of all tenants, outside any transaction. Raises `Conflict` for other rows than
    were announced or are there.
    """
    digest = await anyio.to_thread.run_sync(lambda: hashlib.sha256(body).hexdigest())
    async with actor.reading() as reader:
        insights = reader.repository(Insights)
        found = await insights.get(kind, set_id)
        if _has(found, digest):
            return await _seen(reader, found)
        tenants = await insights.tenants()
    async with PARALLEL.limiter:
        rows = await anyio.to_thread.run_sync(shape, tenants)
    async with actor.writing() as work:
        found = await work.repository(Insights).get(kind, set_id, locked=True)
        if not _has(found, digest):
            await _store(work, found, rows)
            found.digest, found.complete = digest, True
        return await _seen(work, found)


def _has(found: InsightSet, digest: str) -> bool:
    """Whether the set has the rows of that digest; raises `Conflict` when it has, or awaits, others."""
    if found.digest not in (None, digest):
        why = "has other rows already" if found.complete else f"announced rows of the digest {found.digest}"
        raise Conflict(f"The set {found.id} {why}; put these into a new set.")
    return found.complete and found.digest == digest


async def _store(work: UnitOfWork, found: InsightSet, rows: pl.DataFrame) -> None:
    if rows.height != found.rows:
        raise Conflict(f"The set announced {found.rows} rows, and {rows.height} came; send all of them in one body.")
    await work.repository(Insights).store(found.id, rows)


async def activate(work: UnitOfWork, kind: str, set_id: UUID) -> InsightSetView:
    """Make a complete set the one that is read; the same again changes nothing."""
    insights = work.repository(Insights)
    await insights.get(kind, set_id)
    head, is_first = await insights.locked_head(kind, set_id)
    found = await insights.get(kind, set_id, locked=True)
    if not found.complete:
        raise Conflict(f"The set {set_id} has none of its {found.rows} rows yet; send them first.")
    if is_first or head.set_id != set_id:
        found.place, found.activated_at, found.withdrawn = await insights.next_place(kind), utcnow(), False
        await _switch(work, "insights.activate", head, found, None if is_first else head.set_id)
        await insights.forget(await insights.surplus(kind, set_id, KEPT - 1, utcnow() - UNFINISHED))
    return view(found, active=True)


async def roll_back(work: UnitOfWork, kind: str) -> InsightSetView:
    """Make the set that was read before the one that is read; raises `Conflict` when there is none."""
    insights = work.repository(Insights)
    head = await insights.head(kind, locked=True)
    current = None if head is None else await insights.find(head.set_id, locked=True)
    earlier = None if current is None else await insights.before(current)
    if head is None or current is None or earlier is None:
        raise Conflict(f"There is no earlier set of {kind} to go back to.")
    current.withdrawn = True
    await _switch(work, "insights.rollback", head, earlier, current.id)
    return view(earlier, active=True)


async def _switch(work: UnitOfWork, action: str, head: InsightHead, to: InsightSet, before: UUID | None) -> None:
    head.set_id = to.id
    await work.session.flush()
    was = {"set": None if before is None else str(before)}
    work.audit(action, f"insights:{to.kind}", before=was, after={"set": str(to.id)})
