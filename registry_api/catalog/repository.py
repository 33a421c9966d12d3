"""All SQL that reads the catalogue."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from registry_api.catalog.models import Advisory, Dependency, Plugin, PluginLabel, PluginMaintainer, Release
from registry_api.catalog.reach import require_reach
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.visibility import ASKER, Asker, expiries, precedence, received, seen
from registry_api.db import Repository
from registry_api.db.lists import any_of
from registry_api.filtering import EVERY, Asked
from registry_api.problems import NotFound
from registry_api.schemas import as_id

LATEST_FIRST = (Release.yanked.asc(), Release.prerelease.asc(), Release.sort_key.desc(), Release.id.desc())
"""The first release in this order is the latest: unyanked before yanked, final before prerelease, then the highest."""


def ranking() -> Select[Any]:
    """Every release with its place in its plugin's order, 1 for the latest, and how many releases the plugin has."""
    place = func.row_number().over(partition_by=Release.plugin_id, order_by=LATEST_FIRST).label("place")
    releases = func.count().over(partition_by=Release.plugin_id).label("releases")
    return select(Release.id, Release.plugin_id, Release.version, place, releases)


def _latest() -> Select[Any]:
    ranked = ranking().where(any_of(Release.plugin_id, "plugins")).subquery()
    return select(ranked.c.plugin_id, ranked.c.version, ranked.c.releases).where(ranked.c.place == 1)


@cache
def _named(*, by_id: bool, all_tenants: bool) -> Select[tuple[Plugin]]:
    """The plugin of an id or a ref that the asker sees, or that there is."""
    named = (Plugin.id if by_id else Plugin.ref) == bindparam("plugin")
    visible = Plugin.id.is_not(None) if all_tenants else seen(Plugin, ASKER)
    return select(Plugin).where(named, visible).order_by(*precedence(ASKER)).limit(1)


_EXPIRIES = expiries(ASKER, ASKER.now)
_LATEST = _latest()
_LABELS = select(PluginLabel.plugin_id, PluginLabel.label).where(any_of(PluginLabel.plugin_id, "plugins"))
_MAINTAINERS = select(PluginMaintainer.plugin_id, PluginMaintainer.handle, PluginMaintainer.name).where(
    any_of(PluginMaintainer.plugin_id, "plugins")
)
_RELEASE = select(Release).where(Release.plugin_id == bindparam("plugin"), Release.version == bindparam("version"))
_NEEDED = select(Dependency).where(Dependency.release_id == bindparam("release")).order_by(Dependency.dependency_ref)


class Catalogue(Repository):
    """What a scope may see: its own plugins, the operator's public ones, and those shared with it.

    All others do not exist for it.
    """

    def visible(self, plugin: type[Plugin] = Plugin, *, to_install: bool = False) -> ColumnElement[bool]:
        """The condition on `Plugin`, or on an alias of it; `to_install` leaves out what is shared for reading only."""
        if self.scope.all_tenants:
            return plugin.id.is_not(None)
        return seen(plugin, self.scope, to_install=to_install)

    async def next_change(self, now: datetime) -> datetime | None:
        """The next moment at which what the tenant sees changes by time alone; None when there is none to come."""
        values = {**Asker.values(self.scope), "asked_at": now}
        return (await self.session.execute(_EXPIRIES, values)).scalar_one_or_none()

    async def plugin(self, plugin: str) -> Plugin:
        """A visible plugin by id or ref, the tenant's own before a public one before a shared one; raises `NotFound`."""
        id = as_id(plugin)
        query = _named(by_id=id is not None, all_tenants=self.scope.all_tenants)
        values = {"plugin": plugin if id is None else id, **Asker.values(self.scope)}
        found = (await self.session.execute(query, values)).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no plugin {plugin[:401]!r}; name it by id or namespace:name.")
        return found

    async def may_install(self, plugin: Plugin) -> bool:
        """Whether a visible plugin is not shared for reading only."""
        query = select(Plugin.id).where(Plugin.id == plugin.id, self.visible(to_install=True))
        return (await self.session.execute(query)).first() is not None

    async def own_plugin(self, plugin: str, *, locked: bool = True) -> Plugin:
        """A plugin of the tenant itself, locked for a change.

        Raises `NotFound` for all others, and `NamespaceNotGranted` for one out of reach.
        """
        found = await self.plugin(plugin)
        if found.tenant_id != self.scope.tenant_id:
            raise NotFound(f"This tenant owns no plugin {plugin[:401]!r}.")
        require_reach(self.scope, found.ref)
        if locked:
            await self.session.refresh(found, with_for_update=True)
        return found

    def plugins(self, q: str | None) -> Select[tuple[Plugin]]:
        """Visible plugins; every word of `q` must occur in name, title, summary or labels."""
        return select(Plugin).where(self.visible(), *self.matching(q))

    def matching(self, q: str | None) -> list[ColumnElement[bool]]:
        """The conditions on `Plugin` that every word of `q` occurs in what is searched."""
        return [Plugin.search_text.contains(word, autoescape=True) for word in (q or "").casefold().split()]

    async def labels(self, plugin_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
        """Labels by plugin, sorted."""
        found: dict[UUID, list[str]] = {plugin_id: [] for plugin_id in plugin_ids}
        for plugin_id, label in await self.session.execute(_LABELS, {"plugins": list(plugin_ids)}):
            found[plugin_id].append(label)
        return {plugin_id: sorted(labels) for plugin_id, labels in found.items()}

    async def maintainers(self, plugin_ids: Sequence[UUID]) -> dict[UUID, dict[str, str | None]]:
        """Names by handle by plugin, sorted by handle."""
        found: dict[UUID, dict[str, str | None]] = {plugin_id: {} for plugin_id in plugin_ids}
        for plugin_id, handle, name in await self.session.execute(_MAINTAINERS, {"plugins": list(plugin_ids)}):
            found[plugin_id][handle] = name
        return {plugin_id: dict(sorted(names.items())) for plugin_id, names in found.items()}

    async def latest_of(self, plugin_ids: Sequence[UUID]) -> dict[UUID, tuple[str, int]]:
        """The latest version and the number of releases by plugin; plugins without releases are absent."""
        found = await self.session.execute(_LATEST, {"plugins": list(plugin_ids)})
        return {row[0]: (row[1], row[2]) for row in found}

    async def latest_releases(self, plugin_ids: Sequence[UUID]) -> Sequence[Release]:
        """The latest release of each plugin that has any."""
        ranked = ranking().where(Release.plugin_id.in_(plugin_ids)).subquery()
        query = select(Release).join(ranked, and_(ranked.c.id == Release.id, ranked.c.place == 1))
        return (await self.session.execute(query)).scalars().all()

    def releases(self, plugin_id: UUID) -> Select[tuple[Release]]:
        """The releases of a plugin the caller has already found."""
        return select(Release).where(Release.plugin_id == plugin_id)

    async def release(self, plugin_id: UUID, version: str) -> Release:
        """One release; raises `NotFound`."""
        found = (await self.session.execute(_RELEASE, {"plugin": plugin_id, "version": version})).scalar_one_or_none()
        if found is None:
            raise NotFound(f"The plugin has no release {version[:200]!r}.")
        return found

    async def latest(self, plugin_id: UUID) -> Release | None:
        """The latest release, if there is any."""
        query = self.releases(plugin_id).order_by(*LATEST_FIRST).limit(1)
        return (await self.session.execute(query)).scalar_one_or_none()

    def dependencies(self, release_id: UUID | None) -> Select[tuple[Dependency]]:
        """What a release needs."""
        return select(Dependency).where(Dependency.release_id == release_id)

    async def dependencies_of(self, release_id: UUID) -> Sequence[Dependency]:
        """What a release needs, by ref."""
        return (await self.session.execute(_NEEDED, {"release": release_id})).scalars().all()

    def dependants(self, plugin_id: UUID, asked: Asked = EVERY) -> Select[Any]:
        """Visible plugins whose latest release needs the plugin, as rows for `DependantView`."""
        needing = select(Dependency.plugin_id).where(Dependency.dependency_plugin_id == plugin_id)
        latest = ranking().where(Release.plugin_id.in_(needing)).subquery()
        newest = aliased(Release, latest)
        named = (Plugin.id, Plugin.id.label("plugin_id"), Plugin.ref, newest.version)
        query = (
            select(*named, Dependency.requirement, Dependency.optional)
            .join(Dependency, Dependency.plugin_id == Plugin.id)
            .join(latest, and_(latest.c.id == Dependency.release_id, latest.c.place == 1))
            .where(Dependency.dependency_plugin_id == plugin_id, self.visible())
        )
        return asked.on(newest).where(query)

    def advisories(self) -> Select[tuple[Advisory]]:
        """The tenant's advisories and the operator's, except on plugins the scope may not see, and owners' on what they share."""
        query = select(Advisory)
        if self.scope.all_tenants:
            return query
        ours = Advisory.tenant_id.in_((self.scope.tenant_id, self.scope.operator_id))
        visible = Advisory.plugin_id.in_(select(Plugin.id).where(self.visible()))
        shared = select(PluginGrant.plugin_id, PluginGrant.tenant_id).where(received(self.scope))
        of_owner = tuple_(Advisory.plugin_id, Advisory.tenant_id).in_(shared)
        return query.where(or_(and_(ours, or_(Advisory.plugin_id.is_(None), visible)), of_owner))

    async def label_counts(self) -> Sequence[Row[Any]]:
        """Labels with how many visible plugins bear them, most first."""
        count = func.count().label("plugins")
        query = (
            select(PluginLabel.label, count)
            .join(Plugin, Plugin.id == PluginLabel.plugin_id)
            .where(self.visible())
            .group_by(PluginLabel.label)
            .order_by(count.desc(), PluginLabel.label)
        )
        return (await self.session.execute(query)).all()
