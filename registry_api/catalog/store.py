"""All SQL that bulk writes of the catalogue need: state in by keys, changes out as sets."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Table, bindparam, delete, func, select, text, true, update

from patchbay.core.clock import utcnow
from registry_api.catalog.models import Advisory, Dependency, Plugin, PluginLabel, PluginMaintainer, Release
from registry_api.catalog.reach import require_reach
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.visibility import in_force, is_public, own_or_public
from registry_api.db import Base, Repository
from registry_api.db.chunks import chunks
from registry_api.db.lists import any_of
from registry_api.db.statements import insert_into, rows_by, table_of
from registry_api.schemas import as_id
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.plans import Quota

WRITERS_LOCK = 0x7061_7463_6361
"""PostgreSQL advisory lock of catalogue writers: a new plugin links what waited for it in any tenant, so it is added with
nobody beside; releases of plugins that are there are published side by side."""

_ALONE = text("SELECT pg_advisory_xact_lock(:key)")

Record = dict[str, Any]

FEW = 1000
"""Versions that are looked for by name; of more, all releases are read and looked through here."""

_RELEASES = table_of(Release).c
_NAMED = rows_by(_RELEASES.plugin_id).where(any_of(_RELEASES.version, "versions"))

METERED: dict[type[Base], Quota] = {Plugin: Quota.PLUGINS, Release: Quota.RELEASES}


@cache
def _to_publish(key: str, dialect: str) -> Select[Any]:
    """PostgreSQL's FOR NO KEY UPDATE: others may insert rows that point at the plugin meanwhile, so that two whose
    releases need each other do not wait for each other. The turn is taken before the row is locked, which is then read as it is.
    """
    table = table_of(Plugin)
    query = select(table).where(table.c[key] == bindparam("plugin"), table.c.tenant_id == bindparam("tenant_id"))
    if dialect != "postgresql":
        return query
    turn = select(func.pg_advisory_xact_lock_shared(WRITERS_LOCK).label("taken")).subquery("turn")
    return query.select_from(turn.join(table, true())).with_for_update(key_share=True, of=table)


class CatalogueStore(Repository):
    """Rows as plain records, so that thousands cost a few statements."""

    async def take_turn(self) -> None:
        """Wait for the turn to write the catalogue alone."""
        if self.session.get_bind().dialect.name == "postgresql":
            await self.session.execute(_ALONE, {"key": WRITERS_LOCK})

    async def own_plugins(self, refs: Sequence[str]) -> dict[str, Record]:
        """The tenant's plugins by ref, to be changed; raises `NamespaceNotGranted` when one is out of reach."""
        for ref in refs:
            require_reach(self.scope, ref)
        return {row["ref"]: row for row in await self._own(table_of(Plugin).c.ref, refs)}

    async def take_turn_beside(self, plugin: str) -> Record | None:
        """Wait for the turn to publish a release, beside others who neither add, remove, show nor hide plugins; the plugin of the
        tenant with that id or ref, locked for it.
        """
        id = as_id(plugin)
        query = _to_publish("ref" if id is None else "id", self.session.get_bind().dialect.name)
        result = await self.session.execute(query, {"plugin": id or plugin, "tenant_id": self.scope.tenant_id})
        row = result.mappings().one_or_none()
        return None if row is None else dict(row)

    async def releases(self, plugin_ids: Sequence[UUID], versions: set[str]) -> dict[tuple[UUID, str], Record]:
        """Releases of the plugins whose version is among `versions`."""
        if len(versions) > FEW:
            found = await self.all_releases(plugin_ids)
        else:
            found = await self._read(_NAMED, plugin_ids, versions=sorted(versions))
        return {(row["plugin_id"], row["version"]): row for row in found if row["version"] in versions}

    async def all_releases(self, plugin_ids: Sequence[UUID]) -> list[Record]:
        """Every release of the plugins."""
        return await self._records(table_of(Release).c.plugin_id, plugin_ids)

    async def dependencies(self, release_ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
        """Dependencies by release."""
        grouped: dict[UUID, list[Record]] = {}
        for row in await self._records(table_of(Dependency).c.release_id, release_ids):
            grouped.setdefault(row["release_id"], []).append(row)
        return grouped

    async def plugin_ids(self, refs: Sequence[str]) -> dict[str, UUID]:
        """Plugins by ref, without those shared with the tenant: its own, else the operator's public one."""
        table = table_of(Plugin)
        found = await self._records(table.c.ref, refs, own_or_public(table.c, self.scope))
        ordered = sorted(found, key=lambda row: bool(row["tenant_id"] == self.scope.tenant_id))
        return {row["ref"]: row["id"] for row in ordered}

    async def linked_ids(self, refs: Sequence[str]) -> dict[str, UUID]:
        """Plugins that a dependency or advisory of the tenant means by ref: as `plugin_ids`, else the one shared first."""
        return await self.shared_ids(refs, self.scope.tenant_id) | await self.plugin_ids(refs)

    async def visibilities(self, plugin_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Visibility by plugin."""
        return {row["id"]: row["visibility"] for row in await self._records(table_of(Plugin).c.id, plugin_ids)}

    async def waiting_dependencies(self, refs: Sequence[str], of: UUID | None) -> list[Record]:
        """Dependencies of a tenant, or of all, on plugins that were not known."""
        table = table_of(Dependency)
        wanted = (table.c.dependency_plugin_id.is_(None), *_of(table, of))
        return await self._records(table.c.dependency_ref, refs, *wanted)

    async def waiting_advisories(self, refs: Sequence[str], of: UUID | None) -> list[Record]:
        """Advisories of a tenant, or of all, on plugins that were not known."""
        table = table_of(Advisory)
        wanted = (table.c.plugin_id.is_(None), table.c.subject_kind == "plugin", *_of(table, of))
        return await self._records(table.c.subject_ref, refs, *wanted)

    async def own_advisories(self, external_ids: Sequence[str]) -> dict[tuple[str, str, str], Record]:
        """The tenant's advisories by (external id, subject kind, subject ref)."""
        found = await self._own(table_of(Advisory).c.external_id, external_ids)
        return {(row["external_id"], row["subject_kind"], row["subject_ref"]): row for row in found}

    async def own_advisories_on(self, plugin_ids: Sequence[UUID]) -> list[Record]:
        """The tenant's advisories on the plugins."""
        return await self._own(table_of(Advisory).c.plugin_id, plugin_ids)

    async def pointing(
        self, model: type[Base], column: str, plugin_ids: Sequence[UUID], *, of: UUID | None, but: UUID | None
    ) -> list[Record]:
        """Rows of a tenant, or of all, or of all but one, whose `column` is one of the plugins."""
        table = table_of(model)
        also = [] if but is None else [table.c.tenant_id != but]
        return await self._records(table.c[column], plugin_ids, *_of(table, of), *also)

    async def shared_ids(self, refs: Sequence[str], grantee_id: UUID, gone: Sequence[UUID] = ()) -> dict[str, UUID]:
        """Plugins with those refs that are shared with a tenant and stay, by ref, the one shared first."""
        wanted = (PluginGrant.grantee_id == grantee_id, in_force(utcnow()), PluginGrant.plugin_id.not_in(gone))
        grants = await self._records(table_of(PluginGrant).c.ref, refs, *wanted)
        return {grant["ref"]: grant["plugin_id"] for grant in sorted(grants, key=_given, reverse=True)}

    async def heirs(self, refs: Sequence[str], gone: Sequence[UUID]) -> dict[tuple[UUID | None, str], UUID]:
        """Plugins with those refs that stay, by (tenant, ref), the operator's public ones by (None, ref) too."""
        table = table_of(Plugin)
        found = await self._records(table.c.ref, refs, table.c.id.not_in(gone))
        heirs: dict[tuple[UUID | None, str], UUID] = {(row["tenant_id"], row["ref"]): row["id"] for row in found}
        shared = [r for r in found if is_public(r["tenant_id"], self.scope.operator_id, r["visibility"])]
        return heirs | {(None, row["ref"]): row["id"] for row in shared}

    async def _records(self, column: Column[Any], keys: Sequence[Any], *also: ColumnElement[bool]) -> list[Record]:
        query = rows_by(column)
        return await self._read(query.where(*also) if also else query, keys)

    async def _own(self, column: Column[Any], keys: Sequence[Any]) -> list[Record]:
        return await self._read(rows_by(column, own=True), keys, tenant_id=self.scope.tenant_id)

    async def _read(self, query: Select[Any], keys: Sequence[Any], **values: Any) -> list[Record]:
        found: list[Record] = []
        for part in chunks(list(dict.fromkeys(keys))):
            result = await self.session.execute(query, {"keys": part, **values})
            found.extend(dict(row) for row in result.mappings())
        return found

    async def insert(self, model: type[Base], rows: Sequence[Record]) -> None:
        """Insert rows; those of a kind that a plan limits are counted, and refused with `QuotaExceeded` beyond it."""
        if model in METERED:
            await Metering(self.session, self.scope).add({METERED[model]: len(rows)})
        for part in chunks(rows):
            await self.session.execute(insert_into(model), part)

    async def update(self, model: type[Base], rows: Sequence[Record], columns: Sequence[str]) -> None:
        """Set `columns` of rows by id."""
        if not rows:
            return
        table = table_of(model)
        statement = (
            update(table)
            .where(table.c.id == bindparam("row_id"))
            .values({name: bindparam(f"new_{name}") for name in columns})
        )
        values = [{"row_id": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in rows]
        connection = await self.session.connection()
        await connection.execute(statement, values)

    async def replace_labels(self, labels: dict[UUID, list[Record]]) -> None:
        """Set the labels of plugins."""
        await self._replace(PluginLabel, labels)

    async def replace_maintainers(self, maintainers: dict[UUID, list[Record]]) -> None:
        """Set the maintainers of plugins."""
        await self._replace(PluginMaintainer, maintainers)

    async def _replace(self, model: type[Base], rows: dict[UUID, list[Record]]) -> None:
        table = table_of(model)
        for part in chunks(list(rows)):
            await self.session.execute(delete(table).where(table.c.plugin_id.in_(part)))
        await self.insert(model, [row for group in rows.values() for row in group])


def _of(table: Table, tenant_id: UUID | None) -> list[ColumnElement[bool]]:
    return [] if tenant_id is None else [table.c.tenant_id == tenant_id]


def _given(grant: Record) -> Any:
    return grant["recorded_at"], grant["id"]
