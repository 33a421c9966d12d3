"""Names to ids: the plugins, releases and targets a tenant may speak of, as frames to join with."""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

import polars as pl
from sqlalchemy import ColumnElement, and_, or_, select

from registry_api.catalog.models import Plugin, Release
from registry_api.db import Database, Reader, Repository
from registry_api.db.chunks import chunks
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

    async def head(self) -> int:
        """The newest change of any plugin, release or target."""
        newest = (
            select(OutboxRow.seq)
            .where(OutboxRow.feed == feed)
            .order_by(OutboxRow.seq.desc())
            .limit(1)
            .scalar_subquery()
            for feed in _FEEDS
        )
        return max(seq or 0 for seq in (await self.session.execute(select(*newest))).one())

    async def changed(self, owner: UUID, since: int) -> bool:
        """Whether a plugin, release or target of the owner changed after that change."""
        newer = (OutboxRow.feed.in_(_FEEDS), OutboxRow.seq > since, OutboxRow.tenant_id == owner)
        return (await self.session.execute(select(OutboxRow.seq).where(*newer).limit(1))).first() is not None

    async def own(self) -> Names:
        """Read all that is the tenant's."""
        return await self._load(Plugin.tenant_id == self.scope.tenant_id, self.scope.tenant_id)

    async def public(self) -> Names:
        """Read the public catalogue; it has no targets."""
        return await self._load(self._public(), None)

    async def _load(self, seen: ColumnElement[bool], owner: UUID | None) -> Names:
        plugins = await self.session.execute(select(Plugin.ref, Plugin.id).where(seen))
        releases = (
            select(Release.plugin_id, Release.version, Release.id)
            .join(Plugin, Plugin.id == Release.plugin_id)
            .where(seen)
        )
        targets = select(Target.id, Target.name, Target.environment).where(Target.tenant_id == owner)
        return Names(
            plugins=_both([(row[0], str(row[1])) for row in plugins], ("plugin", "plugin_id")),
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

    async def hold(self, plugin_ids: Sequence[UUID]) -> bool:
        """Whether all of the plugins are there, and so stay until the transaction ends: who deletes one locks its row, and waits."""
        held = 0
        for part in chunks(plugin_ids):
            query = select(Plugin.id).where(Plugin.id.in_(part)).with_for_update(read=True, key_share=True)
            held += len((await self.session.execute(query)).all())
        return held == len(plugin_ids)

    def _visible(self) -> ColumnElement[bool]:
        return or_(Plugin.tenant_id == self.scope.tenant_id, self._public())

    def _public(self) -> ColumnElement[bool]:
        return and_(Plugin.tenant_id == self.scope.operator_id, Plugin.visibility == "public")


def _ids(spellings: set[str]) -> dict[str, UUID]:
    """Those that are spelled as UUIDs are."""
    return {spelling: UUID(spelling) for spelling in spellings if _UUID.match(spelling)}


def _frame(rows: list[tuple[str, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _both(rows: list[tuple[str, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    """Each thing under its name and under its id; the first of equal names wins."""
    by_id = [(row[1], *row[1:]) for row in rows]
    return _frame([*rows, *by_id], columns).unique(columns[0], keep="first", maintain_order=True)


def _together(own: Names, public: Names) -> Names:
    """Both; the public frames' memory is shared wherever nothing of it is hidden."""
    if own.plugins.is_empty():
        return Names(public.plugins, public.releases, own.targets)
    plugins = pl.concat([own.plugins, public.plugins]).unique("plugin", keep="first", maintain_order=True)
    return Names(plugins, pl.concat([own.releases, public.releases], rechunk=False), own.targets)


@dataclass(slots=True)
class _Kept:
    """Names as read, the newest change they are known to hold, and what they were put together with."""

    own: Names
    head: int
    public: Names | None = None
    names: Names | None = None


class NameCache:
    """The public names, once, and those of the tenants that wrote last; each is valid until its owner changes something."""

    def __init__(self) -> None:
        self._public: _Kept | None = None
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()

    async def names(self, reader: Reader) -> Names:
        """The names as they are now."""
        repository, scope = reader.repository(NamesRepository), reader.principal.scope
        head = await repository.head()
        kept = self._kept.pop(scope.tenant_id, None)
        kept = await _current(repository, kept, head, scope.tenant_id, repository.own)
        self._kept[scope.tenant_id] = kept
        while len(self._kept) > KEPT_TENANTS:
            self._kept.popitem(last=False)
        if scope.tenant_id == scope.operator_id:
            return kept.own
        self._public = await _current(repository, self._public, head, scope.operator_id, repository.public)
        if kept.names is None or kept.public is not self._public.own:
            kept.public, kept.names = self._public.own, _together(kept.own, self._public.own)
        return kept.names


async def _current(
    repository: NamesRepository, kept: _Kept | None, head: int, owner: UUID, load: Callable[[], Awaitable[Names]]
) -> _Kept:
    """What is kept while the owner changed nothing, else what is read now."""
    if kept is None or (head != kept.head and await repository.changed(owner, kept.head)):
        return _Kept(await load(), head)
    kept.head = max(kept.head, head)
    return kept


_CACHES: WeakKeyDictionary[Database, NameCache] = WeakKeyDictionary()


async def names_of(reader: Reader, database: Database) -> Names:
    """The reader's names, from the database's cache."""
    return await _CACHES.setdefault(database, NameCache()).names(reader)
