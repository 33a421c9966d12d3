"""Names to ids: the plugins, releases and targets a tenant may speak of, as frames to join with."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

import polars as pl
from sqlalchemy import ColumnElement, and_, case, or_, select

from registry_api.catalog.models import Plugin, Release
from registry_api.db import Database, Reader, Repository
from registry_api.feeds.models import OutboxRow
from registry_api.installs.models import Target

KEPT_TENANTS = 64
_FEEDS = ("plugins", "releases", "targets")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


@dataclass(frozen=True, slots=True)
class Names:
    """Frames: `plugins` (plugin, plugin_id), `releases` (plugin_id, version, release_id), `targets` (target, target_id, …).

    Plugins and targets are listed under their id and under their name; a tenant's own plugin hides a public one of the
    same ref.
    """

    plugins: pl.DataFrame
    releases: pl.DataFrame
    targets: pl.DataFrame


class NamesRepository(Repository):
    """SQL behind `Names`."""

    async def head(self) -> tuple[int | None, ...]:
        """Changes with every change of a plugin, release or target."""
        newest = (
            select(OutboxRow.seq)
            .where(OutboxRow.feed == feed)
            .order_by(OutboxRow.seq.desc())
            .limit(1)
            .scalar_subquery()
            for feed in _FEEDS
        )
        return tuple((await self.session.execute(select(*newest))).one())

    async def load(self) -> Names:
        """Read them all."""
        seen = self._visible()
        own_first = case((Plugin.tenant_id == self.scope.tenant_id, 0), else_=1)
        plugins = (await self.session.execute(select(Plugin.id, Plugin.ref).where(seen).order_by(own_first))).all()
        releases = (
            select(Release.plugin_id, Release.version, Release.id)
            .join(Plugin, Plugin.id == Release.plugin_id)
            .where(seen)
        )
        targets = select(Target.id, Target.name, Target.environment).where(Target.tenant_id == self.scope.tenant_id)
        return Names(
            plugins=_both([(row[1], str(row[0])) for row in plugins], ("plugin", "plugin_id")),
            releases=_frame(
                [(str(row[0]), row[1], str(row[2])) for row in await self.session.execute(releases)],
                ("plugin_id", "version", "release_id"),
            ),
            targets=_both(
                [(row[1], str(row[0]), row[2]) for row in await self.session.execute(targets)],
                ("target", "target_id", "target_environment"),
            ),
        )

    async def plugins_by_id(self, spellings: set[str]) -> dict[str, UUID]:
        """Those spellings that are ids of plugins the tenant may speak of."""
        ids = _ids(spellings)
        found = await self.session.execute(select(Plugin.id).where(Plugin.id.in_(ids.values()), self._visible()))
        known = set(found.scalars())
        return {spelling: id for spelling, id in ids.items() if id in known}

    async def targets_by_id(self, spellings: set[str]) -> dict[str, UUID]:
        """Those spellings that are ids of the tenant's targets."""
        ids = _ids(spellings)
        own = Target.tenant_id == self.scope.tenant_id
        known = set((await self.session.execute(select(Target.id).where(Target.id.in_(ids.values()), own))).scalars())
        return {spelling: id for spelling, id in ids.items() if id in known}

    def _visible(self) -> ColumnElement[bool]:
        public = and_(Plugin.tenant_id == self.scope.operator_id, Plugin.visibility == "public")
        return or_(Plugin.tenant_id == self.scope.tenant_id, public)


def _ids(spellings: set[str]) -> dict[str, UUID]:
    """Those that are spelled as UUIDs are."""
    return {spelling: UUID(spelling) for spelling in spellings if _UUID.match(spelling)}


def _frame(rows: list[tuple[str, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _both(rows: list[tuple[str, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    """Each thing under its name and under its id; the first of equal names wins."""
    by_id = [(row[1], *row[1:]) for row in rows]
    return _frame([*rows, *by_id], columns).unique(columns[0], keep="first", maintain_order=True)


class NameCache:
    """The names of the tenants that wrote last, each valid until the catalogue or the targets change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, tuple[tuple[int | None, ...], Names]] = OrderedDict()

    async def names(self, reader: Reader) -> Names:
        """The names as they are now."""
        repository = reader.repository(NamesRepository)
        tenant_id, head = reader.principal.tenant_id, await repository.head()
        kept = self._kept.pop(tenant_id, None)
        names = kept[1] if kept is not None and kept[0] == head else await repository.load()
        self._kept[tenant_id] = (head, names)
        while len(self._kept) > KEPT_TENANTS:
            self._kept.popitem(last=False)
        return names


_CACHES: WeakKeyDictionary[Database, NameCache] = WeakKeyDictionary()


async def names_of(reader: Reader, database: Database) -> Names:
    """The reader's names, from the database's cache."""
    return await _CACHES.setdefault(database, NameCache()).names(reader)
