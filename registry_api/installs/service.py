"""Rules of targets and observations."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.catalog.store import CatalogueStore
from registry_api.db import UnitOfWork
from registry_api.installs.models import Target
from registry_api.installs.repository import Installs
from registry_api.installs.schemas import ObservationDocument, TargetDocument
from registry_api.installs.standing import gained, place_of
from registry_api.intake.documents import Outcome
from registry_api.intake.names import NamesRepository
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.plans import Quota

_TARGET = ("name", "title", "environment", "kind", "lifecycle")
_OBSERVATION = ("target_id", "plugin_id", "event", "version", "origin", "source", "occurred_at")


async def apply_targets(work: UnitOfWork, documents: list[tuple[int, TargetDocument]], outcome: Outcome) -> None:
    """Upsert targets by name; fields left out keep what is stored, identical ones write nothing."""
    installs = work.repository(Installs)
    stored = await installs.own_targets([document.name for _, document in documents])
    touched: dict[UUID, Target] = {}
    fresh: set[UUID] = set()
    for _, document in documents:
        target = stored.get(document.name)
        if target is None:
            target = Target(
                id=new_id(), tenant_id=work.principal.tenant_id, recorded_at=utcnow(), **document.model_dump()
            )
            work.session.add(target)
            stored[document.name] = touched[target.id] = target
            fresh.add(target.id)
            outcome.created += 1
        elif _change(target, document):
            touched[target.id] = target
            outcome.updated += 1
        else:
            outcome.unchanged += 1
    await work.repository(Metering).add({Quota.TARGETS: outcome.created})
    for target in touched.values():
        row = {name: getattr(target, name) for name in _TARGET}
        event = "target.created" if target.id in fresh else "target.updated"
        work.publish("targets", "upsert", target.id, row, tenant_id=target.tenant_id, event=event)


def _change(target: Target, document: TargetDocument) -> bool:
    wanted = document.model_dump(exclude_unset=True)
    changed = {name: value for name, value in wanted.items() if getattr(target, name) != value}
    for name, value in changed.items():
        setattr(target, name, value)
    return bool(changed)


async def apply_observations(
    work: UnitOfWork, documents: list[tuple[int, ObservationDocument]], outcome: Outcome
) -> None:
    """Append observations; repeats, known by id or by content, are counted and left out."""
    installs = work.repository(Installs)
    plugins, targets = await _named(work, documents)
    rows = []
    for index, document in documents:
        plugin_id, target_id = plugins.get(document.plugin), targets.get(document.target)
        where = f"/observations/{index}"
        if plugin_id is None:
            outcome.refuse(
                index, f"{where}/plugin", "unknown_plugin", f"There is no plugin {document.plugin!r}.", document
            )
        elif target_id is None:
            outcome.refuse(
                index, f"{where}/target", "unknown_target", f"There is no target {document.target!r}.", document
            )
        else:
            rows.append(_row(work, document, plugin_id, target_id))
    known = await installs.known_observations([row["natural_key"] for row in rows])
    fresh: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["natural_key"] not in known:
            fresh.setdefault(row["natural_key"], row)
    outcome.created, outcome.duplicates = len(fresh), len(rows) - len(fresh)
    position = await installs.last_position()
    for place, row in enumerate(fresh.values(), position + 1):
        row["position"] = place
        payload = {name: row[name] for name in _OBSERVATION}
        work.publish("observations", "upsert", row["id"], payload, tenant_id=row["tenant_id"])
    before = await installs.last_seen({place_of(row) for row in fresh.values()})
    await work.repository(Metering).move(Quota.INSTALLS, gained(before, fresh.values()))
    await installs.add_observations(list(fresh.values()))


async def _named(
    work: UnitOfWork, documents: list[tuple[int, ObservationDocument]]
) -> tuple[Mapping[str, UUID], Mapping[str, UUID]]:
    """Ids by every spelling of plugin and target the documents use."""
    names = work.repository(NamesRepository)
    plugins = {document.plugin for _, document in documents}
    targets = {document.target for _, document in documents}
    granted = await names.granted()
    shared = {spelling: id for ref, id, _ in reversed(granted) for spelling in (ref, str(id))}
    known = shared | await work.repository(CatalogueStore).plugin_ids(sorted(plugins))
    own = {name: target.id for name, target in (await work.repository(Installs).own_targets(sorted(targets))).items()}
    return known | await names.plugins_by_id(plugins - known.keys()), own | await names.targets_by_id(
        targets - own.keys()
    )


def _row(work: UnitOfWork, document: ObservationDocument, plugin_id: UUID, target_id: UUID) -> dict[str, Any]:
    fields = document.model_dump(exclude={"id", "plugin", "target"})
    row = {"id": new_id(), "tenant_id": work.principal.tenant_id, "recorded_at": utcnow(), **fields}
    row |= {"plugin_id": plugin_id, "target_id": target_id}
    row["natural_key"] = _natural_key(document, plugin_id, target_id)
    return row


def _natural_key(document: ObservationDocument, plugin_id: UUID, target_id: UUID) -> str:
    if document.id is not None:
        parts = ["id", document.source, document.id]
    else:
        moment = document.occurred_at.timestamp()
        parts = [
            "content",
            str(target_id),
            str(plugin_id),
            document.event,
            f"{moment:.6f}",
            document.source,
            document.version or "",
        ]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
