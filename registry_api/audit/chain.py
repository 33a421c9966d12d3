"""Appending to the per-tenant hash chains."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.audit.merkle import Frontier, leaf_hash
from patchbay.core.audit.records import GENESIS, link, opening, stamp
from patchbay.core.ids import new_id
from patchbay.core.telemetry import current_request_id
from registry_api.audit.models import AuditHead, AuditRecord
from registry_api.audit.patches import Patch
from registry_api.audit.personal import (
    KEYS_SHREDDED,
    SHREDDED,
    Personal,
    Sealer,
    escaped,
    keys_for,
    of_name,
    personal_in,
    tell_late,
)
from registry_api.caller import current_address
from registry_api.db.encoding import plain
from registry_api.db.scope import SYSTEM, Principal
from registry_api.db.statements import insert_into, table_of

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_SORT_KEYS

_HEADS, _RECORDS = table_of(AuditHead), table_of(AuditRecord)
_OF_TENANT = _HEADS.c.tenant_id == bindparam("of_tenant")
_MOVED = ("position", "hash", "moved_at", "frontier")
_LOCK = select(_HEADS.c.tenant_id, *(_HEADS.c[name] for name in _MOVED)).where(_OF_TENANT).with_for_update()
_MOVE = update(_HEADS).where(_OF_TENANT).values({name: bindparam(f"new_{name}") for name in _MOVED})
_RECORD = insert_into(AuditRecord)
_LAST_RECORD = _RECORD.values({column: bindparam(f"its_{column.name}") for column in _RECORDS.c}).add_cte(_MOVE.cte())
"""Both in one message, which SQLite cannot take and does not need."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded, before it has a place in the chain."""

    action: str
    subject: str
    change: dict[str, Any]
    tenant_id: UUID
    trace_id: str | None = None
    """Of what caused it, where that is not the change's own."""
    patch: Patch = field(default_factory=list)
    public: bool = False
    """Whether webhooks of every tenant are told, not only the tenant's own."""


def keys_shredded(tenant_id: UUID, *persons: str) -> AuditEntry:
    """What tells a tenant whose keys were shredded in it."""
    return AuditEntry(KEYS_SHREDDED, persons[0], {"persons": list(persons)}, tenant_id)


@dataclass(slots=True)
class _Commit:
    """What the records of one commit have in common."""

    session: AsyncSession
    principal: Principal
    now: datetime
    trace_id: str | None
    request_id: str | None
    sealer: Sealer


async def append_entries(
    session: AsyncSession, entries: list[AuditEntry], principal: Principal, now: datetime, trace_id: str | None
) -> None:
    """Append entries to their tenants' chains inside the caller's transaction; heads are locked in tenant order.

    Personal values are sealed first: whoever waits for another's fresh key must not hold a head meanwhile. A chain that gets
    the first value of somebody whose key was shredded before there was one is told of that too.
    """
    keys = await keys_for(session, _owners(session, entries, principal), now) if entries else {}
    late = await tell_late(session, [owner for owner, key in keys.items() if key == SHREDDED])
    ordered = sorted([*entries, *(keys_shredded(*owner) for owner in late)], key=lambda entry: entry.tenant_id)
    commit = _Commit(session, principal, now, trace_id, current_request_id(), Sealer(keys))
    for tenant_id, group in groupby(ordered, key=lambda entry: entry.tenant_id):
        head = await _locked_head(session, tenant_id, now)
        rows, moved = _rows(head, list(group), commit)
        await _write(session, rows, {"of_tenant": tenant_id, **{f"new_{name}": moved[name] for name in _MOVED}})


async def _write(session: AsyncSession, rows: list[dict[str, Any]], moved: dict[str, Any]) -> None:
    if session.get_bind().dialect.name != "postgresql":
        await session.execute(_RECORD, rows)
        await session.execute(_MOVE, moved)
        return
    if rows[:-1]:
        await session.execute(_RECORD, rows[:-1])
    await session.execute(_LAST_RECORD, moved | {f"its_{name}": value for name, value in rows[-1].items()})


def _address(session: AsyncSession, principal: Principal, tenant_id: UUID) -> Personal | None:
    """Where the request came from; of a person's session it tells something of the person, of a token of its holder, and of
    somebody without either, whom the registry answers by itself, of whoever has that address.
    """
    found = current_address()
    if found is None:
        return None
    return Personal(of_name(session, tenant_id, found) if principal.actor == SYSTEM else principal.actor, found)


def _owners(session: AsyncSession, entries: list[AuditEntry], principal: Principal) -> set[tuple[UUID, str]]:
    owners = {(entry.tenant_id, one.of) for entry in entries for one in personal_in((entry.change, entry.patch))}
    home = {entry.tenant_id for entry in entries if not _is_stranger(principal, entry.tenant_id)}
    sent = {(tenant_id, _address(session, principal, tenant_id)) for tenant_id in home}
    return owners | {(tenant_id, address.of) for tenant_id, address in sent if address is not None}


def _rows(head: Row[Any], entries: list[AuditEntry], commit: _Commit) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of entries, and the head at the last of them. Times never run backwards within a chain."""
    tree, position, previous = Frontier.of(head.position, head.frontier), head.position, head.hash
    at, rows = max(commit.now, head.moved_at), []
    common = _common(head.tenant_id, commit)
    for entry in entries:
        position, id = position + 1, new_id()
        canonical = _canonical(entry, position, at, {**common, "id": id}, commit)
        digest = link(previous, canonical)
        rows.append(_row(entry, id, position, at, common["actor"], canonical, previous, digest))
        tree.append(leaf_hash(canonical))
        previous = digest
    return rows, {"position": position, "hash": previous, "moved_at": at, "frontier": tree.stored}


def _row(
    entry: AuditEntry,
    id: UUID,
    position: int,
    at: datetime,
    actor: str,
    canonical: bytes,
    previous: bytes,
    digest: bytes,
) -> dict[str, Any]:
    return {
        "id": id,
        "tenant_id": entry.tenant_id,
        "recorded_at": at,
        "position": position,
        "action": entry.action,
        "subject": entry.subject,
        "actor": actor,
        "canonical": canonical,
        "previous_hash": previous,
        "hash": digest,
    }


def _common(tenant_id: UUID, commit: _Commit) -> dict[str, Any]:
    principal = commit.principal
    if _is_stranger(principal, tenant_id):
        return {
            "actor": f"tenant:{principal.tenant_id}",
            **dict.fromkeys(("token", "acting_for", "request", "address")),
        }
    return {
        "actor": principal.actor,
        "token": principal.token_id,
        "acting_for": _home(principal, tenant_id),
        "request": commit.request_id,
        "address": _address(commit.session, principal, tenant_id),
    }


def _canonical(entry: AuditEntry, position: int, at: datetime, common: dict[str, Any], commit: _Commit) -> bytes:
    said = {
        **common,
        "action": entry.action,
        "subject": entry.subject,
        "change": escaped(entry.change),
        "patch": escaped(entry.patch),
        "trace": entry.trace_id or commit.trace_id,
    }
    rest = orjson.dumps(said, default=partial(_sealing, commit.sealer, entry.tenant_id), option=_OPTIONS)
    return b'%s%s",%s' % (opening(entry.tenant_id, position), stamp(at).encode(), rest[1:])


def _sealing(sealer: Sealer, tenant_id: UUID, value: Any) -> Any:
    return sealer.seal(tenant_id, value) if isinstance(value, Personal) else plain(value)


def _is_stranger(principal: Principal, tenant_id: UUID) -> bool:
    """Whether somebody of one customer changed what another sees, who is told which customer it was and not which person."""
    home = principal.acting_for or principal.tenant_id
    return tenant_id not in (principal.tenant_id, home) and home != principal.scope.operator_id


def _home(principal: Principal, tenant_id: UUID) -> UUID | None:
    """The actor's own tenant where it is not the record's."""
    own = principal.acting_for or principal.tenant_id
    return own if own != tenant_id else None


async def _locked_head(session: AsyncSession, tenant_id: UUID, now: datetime) -> Row[Any]:
    """The head of a tenant's chain, locked until the commit; made for a tenant that has none yet."""
    found = (await session.execute(_LOCK, {"of_tenant": tenant_id})).one_or_none()
    if found is not None:
        return found
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = {"tenant_id": tenant_id, "position": 0, "hash": GENESIS, "moved_at": now, "frontier": b""}
    first |= {"anchored_size": 0, "anchored_frontier": b""}
    await session.execute(dialect.insert(AuditHead).values(first).on_conflict_do_nothing())
    return (await session.execute(_LOCK, {"of_tenant": tenant_id})).one()
