"""Names to ids: the plugins, releases and targets a tenant may speak of, as frames to join with."""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import polars as pl
from sqlalchemy import ColumnElement, and_, exists, or_, select

from registry_api.catalog.models import Plugin, Release
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.visibility import own_or_public, public, received
from registry_api.db import Crossing, Database, Reader, Repository, crossing
from registry_api.db.chunks import chunks
from registry_api.feeds.models import OutboxRow
from registry_api.installs.models import Observation, Target

KEPT_TENANTS = 64
_FEEDS = ("plugins", "releases", "targets")
RELEASES = ("plugin_id", "version", "release_id")
TARGETS = ("target", "target_id", "target_environment")
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
        async with crossing(self.session, Crossing.FEED_HEAD):
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
        return await self._load(public(Plugin, self.scope), None)

    async def granted(self) -> Sequence[tuple[str, UUID, bool]]:
        """Ref and id of plugins the tenant may speak of by grants, the one shared first before others, and whether one is in force.

        Beside what is shared with it for installing that is whatever it observed while it was: facts do not end with a grant.
        """
        in_force = and_(received(self.scope), PluginGrant.scope == "install")
        mine = (Observation.tenant_id == self.scope.tenant_id, Observation.plugin_id == PluginGrant.plugin_id)
        query = select(PluginGrant.ref, PluginGrant.plugin_id, in_force.label("in_force"))
        query = query.where(PluginGrant.grantee_id == self.scope.tenant_id, or_(in_force, exists().where(*mine)))
        ordered = query.order_by(in_force.desc(), PluginGrant.recorded_at, PluginGrant.id)
        return (await self.session.execute(ordered)).tuples().all()

    async def of_granted(self, granted: Sequence[tuple[str, UUID, bool]]) -> Names:
        """The names of those; releases only of what is in force."""
        now = [plugin_id for _, plugin_id, in_force in granted if in_force]
        releases = await self.session.execute(
            select(Release.plugin_id, Release.version, Release.id).where(Release.plugin_id.in_(now))
        )
        return Names(
            plugins=_both([(ref, str(plugin_id)) for ref, plugin_id, _ in granted], ("plugin", "plugin_id")),
            releases=_frame([(str(row[0]), row[1], str(row[2])) for row in releases], RELEASES),
            targets=_both([], TARGETS),
        )

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
                [(str(row[0]), row[1], str(row[2])) for row in await self.session.execute(releases)], RELEASES
            ),
            targets=_both([(row[1], str(row[0]), row[2]) for row in await self.session.execute(targets)], TARGETS),
        )

    async def plugins_by_id(self, spellings: set[str]) -> dict[str, UUID]:
        """Those spellings that are ids of plugins the tenant may speak of without a grant, or observed while it might."""
        ids = _ids(spellings)
        visible = select(Plugin.id).where(Plugin.id.in_(ids.values()), own_or_public(Plugin, self.scope))
        mine = (Observation.tenant_id == self.scope.tenant_id, Observation.plugin_id.in_(ids.values()))
        observed = select(Observation.plugin_id).where(*mine)
        known = set((await self.session.execute(visible.union(observed))).scalars()) if ids else set()
        return {spelling: id for spelling, id in ids.items() if id in known}

    async def targets_by_id(self, spellings: set[str]) -> dict[str, UUID]:
        """Those spellings that are ids of the tenant's targets."""
        ids = _ids(spellings)
        own = Target.tenant_id == self.scope.tenant_id
        known = set((await self.session.execute(select(Target.id).where(Target.id.in_(ids.values()), own))).scalars())
        return {spelling: id for spelling, id in ids.items() if id in known}

    async def hold(self, plugin_ids: Sequence[UUID]) -> bool:
        """Whether all of the plugins are there, and so stay until the transaction ends: who deletes one locks its row, and waits."""
        if await self._held(plugin_ids) == len(plugin_ids):
            return True
        # One that is no longer shared with the tenant is hidden from it, and still there to be named.
        async with crossing(self.session, Crossing.SHARING):
            return await self._held(plugin_ids) == len(plugin_ids)

    async def _held(self, plugin_ids: Sequence[UUID]) -> int:
        held = 0
        for part in chunks(plugin_ids):
            query = select(Plugin.id).where(Plugin.id.in_(part)).with_for_update(read=True, key_share=True)
            held += len((await self.session.execute(query)).all())
        return held


def _ids(spellings: set[str]) -> dict[str, UUID]:
    """Those that are spelled as UUIDs are."""
    return {spelling: UUID(spelling) for spelling in spellings if _UUID.match(spelling)}


def _frame(rows: list[tuple[str, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _both(rows: list[tuple[str, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    """Each thing under its name and under its id; the first of equal names wins."""
    by_id = [(row[1], *row[1:]) for row in rows]
    return _frame([*rows, *by_id], columns).unique(columns[0], keep="first", maintain_order=True)


def _together(first: Names, then: Names) -> Names:
    """Both, with the targets of the first; the frames' memory of the second is shared wherever nothing of it is hidden."""
    if first.plugins.is_empty():
        return Names(then.plugins, then.releases, first.targets)
    plugins = pl.concat([first.plugins, then.plugins]).unique("plugin", keep="first", maintain_order=True)
    return Names(plugins, pl.concat([first.releases, then.releases], rechunk=False), first.targets)


@dataclass(slots=True)
class _Kept:
    """Names as read, the newest change they are known to hold, and what they were put together with."""

    own: Names
    head: int
    public: Names | None = None
    names: Names | None = None
    shared: tuple[Any, Names] | None = None
    """These with what is shared with the tenant under them, and the grants and the newest change that they were made from."""


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
        granted = await repository.granted()
        return await _with_granted(repository, kept, granted, head, await self._seen(repository, kept, head))

    async def _seen(self, repository: NamesRepository, kept: "_Kept", head: int) -> Names:
        """The tenant's own names and the public ones."""
        scope = repository.scope
        if scope.tenant_id == scope.operator_id:
            return kept.own
        self._public = await _current(repository, self._public, head, scope.operator_id, repository.public)
        if kept.names is None or kept.public is not self._public.own:
            kept.public, kept.names = self._public.own, _together(kept.own, self._public.own)
        return kept.names


async def _with_granted(
    repository: NamesRepository, kept: _Kept, granted: Sequence[tuple[str, UUID, bool]], head: int, names: Names
) -> Names:
    """What is seen without grants first: a shared plugin hides nothing. It costs nothing where nothing is shared."""
    if not granted:
        return names
    key = (tuple(granted), head)
    if kept.shared is None or kept.shared[0] != key:
        kept.shared = key, _together(names, await repository.of_granted(granted))
    return kept.shared[1]


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
