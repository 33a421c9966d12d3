"""All SQL of insights."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import ColumnElement, Select, and_, delete, false, func, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.catalog.models import Plugin
from registry_api.catalog.repository import Catalogue
from registry_api.db import Repository
from registry_api.insights.models import InsightHead, InsightRow, InsightSet
from registry_api.problems import NotFound
from registry_api.tenancy.models import Tenant

Other = aliased(Plugin)
Sets = Sequence[UUID] | Select[tuple[UUID]]
SHOWN = (InsightRow.set_id, InsightRow.position, InsightRow.at, InsightRow.score, InsightRow.body)

_TABLE = InsightRow.__tablename__
_IDS = ("tenant_id", "plugin_id", "other_plugin_id", "target_id")
_COLUMNS = ("position", *_IDS, "series", "word", "at", "ended", "score", "body")
_INTO = f"INSERT INTO {_TABLE} (set_id, {', '.join(_COLUMNS)})"
# Only names of our own columns are put into these statements.
_SQLITE = f"{_INTO} VALUES ({', '.join('?' * (1 + len(_COLUMNS)))})"
_POSTGRES = f"""{_INTO}
SELECT $1::uuid, * FROM unnest($2::int[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
    $9::timestamptz[], $10::bool[], $11::float8[], $12::text[])"""  # noqa: S608


class Insights(Repository):
    """Sets, which of them is read, and their rows."""

    def sets(self, kind: str) -> Select[tuple[InsightSet]]:
        """Sets of a kind that are kept."""
        return select(InsightSet).where(InsightSet.kind == kind)

    async def find(self, set_id: UUID, *, locked: bool = False) -> InsightSet | None:
        """A set of any kind; locked for a change."""
        query = select(InsightSet).where(InsightSet.id == set_id)
        if locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def get(self, kind: str, set_id: UUID, *, locked: bool = False) -> InsightSet:
        """A set of a kind; raises `NotFound`."""
        found = await self.find(set_id, locked=locked)
        if found is None or found.kind != kind:
            raise NotFound(f"There is no set {set_id} of {kind}; put its facts first.")
        return found

    async def head(self, kind: str, *, locked: bool = False) -> InsightHead | None:
        """Which set is read; whoever switches it comes here first, for the lock."""
        query = select(InsightHead).where(InsightHead.kind == kind)
        return (await self.session.execute(query.with_for_update() if locked else query)).scalar_one_or_none()

    async def locked_head(self, kind: str, first: UUID) -> tuple[InsightHead, bool]:
        """The same, made with the first set where there is none; whether it was made here, another writer waiting."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        row = {
            "id": new_id(),
            "tenant_id": self.scope.tenant_id,
            "recorded_at": utcnow(),
            "kind": kind,
            "set_id": first,
        }
        made = await self.session.execute(dialect.insert(InsightHead).values(row).on_conflict_do_nothing())
        head = await self.head(kind, locked=True)
        assert head is not None  # no head is ever deleted
        return head, int(made.rowcount) == 1  # type: ignore[attr-defined]

    def heads(self, *kinds: str) -> Select[tuple[UUID]]:
        """Ids of the sets that are read."""
        return select(InsightHead.set_id).where(InsightHead.kind.in_(kinds)).order_by(InsightHead.kind)

    async def are_kept(self, sets: Sequence[UUID]) -> bool:
        """Whether all of the sets are still there."""
        found = await self.session.scalar(select(func.count()).where(InsightSet.id.in_(sets)))
        return found == len(sets)

    async def before(self, current: InsightSet) -> InsightSet | None:
        """The set that was read before another, leaving out what was withdrawn."""
        earlier = self.sets(current.kind).where(InsightSet.place < current.place, InsightSet.withdrawn.is_(false()))
        return (await self.session.execute(earlier.order_by(InsightSet.place.desc()).limit(1))).scalar_one_or_none()

    async def next_place(self, kind: str) -> int:
        """The number of the next activation."""
        newest = await self.session.scalar(select(func.max(InsightSet.place)).where(InsightSet.kind == kind))
        return (newest or 0) + 1

    async def tenants(self) -> frozenset[str]:
        """Ids of all tenants, as text."""
        return frozenset(map(str, (await self.session.execute(select(Tenant.id))).scalars()))

    async def store(self, set_id: UUID, rows: pl.DataFrame) -> None:
        """Insert all rows of a set, handed to the driver as they are: the mapper would take many times as long."""
        if rows.is_empty():
            return
        connection = await self.session.connection()
        if connection.dialect.name == "postgresql":
            columns = (str(set_id), *(rows[name].to_list() for name in _COLUMNS))
            await connection.exec_driver_sql(_POSTGRES, columns)
        else:
            await connection.exec_driver_sql(_SQLITE, _as_sqlite_keeps(set_id, rows).rows())

    async def surplus(self, kind: str, head: UUID, keep: int, begun: datetime) -> Sequence[UUID]:
        """Sets that may go: read once and beyond the newest `keep`, or begun before a moment and never read.

        Never the head. What was withdrawn goes before what a rollback would come to.
        """
        others = select(InsightSet.id).where(InsightSet.kind == kind, InsightSet.id != head)
        newest = others.where(InsightSet.place.is_not(None)).order_by(InsightSet.withdrawn, InsightSet.place.desc())
        never = others.where(InsightSet.place.is_(None), InsightSet.recorded_at < begun)
        read = (await self.session.execute(newest.offset(keep))).scalars().all()
        return [*read, *(await self.session.execute(never)).scalars()]

    async def forget(self, ids: Sequence[UUID]) -> None:
        """Delete sets with their rows."""
        await self.session.execute(delete(InsightRow).where(InsightRow.set_id.in_(ids)))
        await self.session.execute(delete(InsightSet).where(InsightSet.id.in_(ids)))

    def read(self, sets: Sets) -> Select[Any]:
        """Rows of sets that the scope may see, with the refs of their plugins."""
        catalogue = Catalogue(self.session, self.scope)
        return (
            select(*SHOWN, Plugin.ref.label("ref"), Other.ref.label("other_ref"))
            .outerjoin(Plugin, Plugin.id == InsightRow.plugin_id)
            .outerjoin(Other, Other.id == InsightRow.other_plugin_id)
            .where(InsightRow.set_id.in_(sets), self._mine())
            .where(or_(InsightRow.plugin_id.is_(None), and_(Plugin.id.is_not(None), catalogue.visible())))
            .where(or_(InsightRow.other_plugin_id.is_(None), and_(Other.id.is_not(None), catalogue.visible(Other))))
        )

    def risks(self, sets: Sets) -> Select[Any]:
        """A row for each visible plugin: the tenant's own where it has one, else everybody's."""
        own = aliased(InsightRow)
        has_own = (
            select(true())
            .where(own.set_id == InsightRow.set_id, own.plugin_id == InsightRow.plugin_id)
            .where(own.tenant_id == self.scope.tenant_id)
            .exists()
        )
        mine = or_(InsightRow.tenant_id == self.scope.tenant_id, and_(InsightRow.tenant_id.is_(None), ~has_own))
        return self.read(sets).where(mine)

    def risk_scores(self, sets: Sets) -> Any:
        """The score of each visible plugin that has one, by `plugin_id`: a subquery."""
        return self.risks(sets).with_only_columns(InsightRow.plugin_id, InsightRow.score).subquery()

    def _mine(self) -> ColumnElement[bool]:
        """Rows of the tenant, and rows for everybody who sees the plugin."""
        if self.scope.all_tenants:
            return true()
        everybodys = and_(InsightRow.tenant_id.is_(None), InsightRow.plugin_id.is_not(None))
        return or_(InsightRow.tenant_id == self.scope.tenant_id, everybodys)


def _as_sqlite_keeps(set_id: UUID, rows: pl.DataFrame) -> pl.DataFrame:
    """UUIDs and times as SQLAlchemy's types write them there."""
    return rows.select(
        pl.lit(set_id.hex).alias("set_id"),
        "position",
        pl.col(_IDS).str.replace_all("-", "", literal=True),
        "series",
        "word",
        pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S%.6f"),
        "ended",
        "score",
        "body",
    )
