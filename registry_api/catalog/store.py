"""All SQL that bulk writes of the catalogue need: state in by keys, changes out as sets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, insert, or_, select, text, update

from registry_api.catalog.feed import is_public
from registry_api.catalog.models import Advisory, Dependency, Plugin, PluginLabel, PluginMaintainer, Release
from registry_api.db import Base, Repository
from registry_api.db.chunks import chunks

WRITERS_LOCK = 0x7061_7463_6361
"""PostgreSQL advisory lock of catalogue writers, one at a time: a new plugin links what waited for it in any tenant."""

Record = dict[str, Any]


class CatalogueStore(Repository):
    """Rows as plain records, so that thousands cost a few statements."""

    async def take_turn(self) -> None:
        """Wait for the turn to write the catalogue."""
        if self.session.get_bind().dialect.name == "postgresql":
            await self.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITERS_LOCK})

    async def own_plugins(self, refs: Sequence[str]) -> dict[str, Record]:
        """The tenant's plugins by ref."""
        table = _table(Plugin)
        found = await self._records(table, table.c.ref, refs, table.c.tenant_id == self.scope.tenant_id)
        return {row["ref"]: row for row in found}

    async def releases(self, plugin_ids: Sequence[UUID], versions: set[str]) -> dict[tuple[UUID, str], Record]:
        """Releases of the plugins whose version is among `versions`."""
        table = _table(Release)
        found = await self._records(table, table.c.plugin_id, plugin_ids)
        return {(row["plugin_id"], row["version"]): row for row in found if row["version"] in versions}

    async def all_releases(self, plugin_ids: Sequence[UUID]) -> list[Record]:
        """Every release of the plugins."""
        table = _table(Release)
        return await self._records(table, table.c.plugin_id, plugin_ids)

    async def dependencies(self, release_ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
        """Dependencies by release."""
        table = _table(Dependency)
        grouped: dict[UUID, list[Record]] = {}
        for row in await self._records(table, table.c.release_id, release_ids):
            grouped.setdefault(row["release_id"], []).append(row)
        return grouped

    async def plugin_ids(self, refs: Sequence[str]) -> dict[str, UUID]:
        """Plugins the tenant may refer to by ref: its own, else the operator's public one."""
        table = _table(Plugin)
        public = (table.c.tenant_id == self.scope.operator_id) & (table.c.visibility == "public")
        seen = or_(table.c.tenant_id == self.scope.tenant_id, public)
        found = await self._records(table, table.c.ref, refs, seen)
        ordered = sorted(found, key=lambda row: bool(row["tenant_id"] == self.scope.tenant_id))
        return {row["ref"]: row["id"] for row in ordered}

    async def visibilities(self, plugin_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Visibility by plugin."""
        table = _table(Plugin)
        return {row["id"]: row["visibility"] for row in await self._records(table, table.c.id, plugin_ids)}

    async def waiting_dependencies(self, refs: Sequence[str], everywhere: bool) -> list[Record]:
        """Dependencies on plugins that were not known; those of all tenants when a public plugin arrives."""
        table = _table(Dependency)
        wanted: ColumnElement[bool] = table.c.dependency_plugin_id.is_(None)
        if not everywhere:
            wanted = and_(wanted, table.c.tenant_id == self.scope.tenant_id)
        return await self._records(table, table.c.dependency_ref, refs, wanted)

    async def waiting_advisories(self, refs: Sequence[str], everywhere: bool) -> list[Record]:
        """Advisories on plugins that were not known."""
        table = _table(Advisory)
        wanted: ColumnElement[bool] = table.c.plugin_id.is_(None) & (table.c.subject_kind == "plugin")
        if not everywhere:
            wanted = and_(wanted, table.c.tenant_id == self.scope.tenant_id)
        return await self._records(table, table.c.subject_ref, refs, wanted)

    async def own_advisories(self, external_ids: Sequence[str]) -> dict[tuple[str, str, str], Record]:
        """The tenant's advisories by (external id, subject kind, subject ref)."""
        table = _table(Advisory)
        found = await self._records(table, table.c.external_id, external_ids, table.c.tenant_id == self.scope.tenant_id)
        return {(row["external_id"], row["subject_kind"], row["subject_ref"]): row for row in found}

    async def own_advisories_on(self, plugin_ids: Sequence[UUID]) -> list[Record]:
        """The tenant's advisories on the plugins."""
        table = _table(Advisory)
        return await self._records(table, table.c.plugin_id, plugin_ids, table.c.tenant_id == self.scope.tenant_id)

    async def pointing(
        self, model: type[Base], column: str, plugin_ids: Sequence[UUID], by_others: bool
    ) -> list[Record]:
        """Rows of any tenant, or of other tenants only, whose `column` is one of the plugins."""
        table = _table(model)
        also = [table.c.tenant_id != self.scope.tenant_id] if by_others else []
        return await self._records(table, table.c[column], plugin_ids, *also)

    async def heirs(self, refs: Sequence[str], gone: Sequence[UUID]) -> dict[tuple[UUID | None, str], UUID]:
        """Plugins with those refs that stay, by (tenant, ref), the operator's public ones by (None, ref) too."""
        table = _table(Plugin)
        found = await self._records(table, table.c.ref, refs, table.c.id.not_in(gone))
        heirs: dict[tuple[UUID | None, str], UUID] = {(row["tenant_id"], row["ref"]): row["id"] for row in found}
        shared = [r for r in found if is_public(r["tenant_id"], self.scope.operator_id, r["visibility"])]
        return heirs | {(None, row["ref"]): row["id"] for row in shared}

    async def _records(self, table: Table, column: Any, keys: Sequence[Any], *also: Any) -> list[Record]:
        found: list[Record] = []
        for part in chunks(list(dict.fromkeys(keys))):
            result = await self.session.execute(select(table).where(column.in_(part), *also))
            found.extend(dict(row) for row in result.mappings())
        return found

    async def insert(self, model: type[Base], rows: Sequence[Record]) -> None:
        """Insert rows."""
        for part in chunks(rows):
            await self.session.execute(insert(_table(model)), part)

    async def update(self, model: type[Base], rows: Sequence[Record], columns: Sequence[str]) -> None:
        """Set `columns` of rows by id."""
        if not rows:
            return
        table = _table(model)
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
        table = _table(model)
        for part in chunks(list(rows)):
            await self.session.execute(delete(table).where(table.c.plugin_id.in_(part)))
        await self.insert(model, [row for group in rows.values() for row in group])


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table
