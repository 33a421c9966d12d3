"""What reads of plugins include when they are asked to: each looked up once for all plugins of an answer."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from registry_api.catalog.models import Advisory, Dependency, Plugin, Release
from registry_api.catalog.presenting import advisory_views, plugin_views, release_views
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import DependantView, DependencyView, PluginAdvisory, PluginView, ReleaseView
from registry_api.db import Reader
from registry_api.insights.schemas import RiskView
from registry_api.pagination import Some, first
from registry_api.selecting import Included, Wanted

Part = Callable[[Reader, Plugin], Awaitable[Some[Any]]]


class PluginListed(PluginView):
    """A plugin, with what was to be included."""

    latest_release: Annotated[ReleaseView | None, Included("catalog:read")] = None
    risk: Annotated[RiskView | None, Included("insights:read")] = Field(
        default=None, description="As the plugin's risk is read; null while none is known."
    )
    adoption: Annotated[int | None, Included("installs:read")] = Field(
        default=None, description="Of the targets that the caller sees, how many have it."
    )


class PluginRead(PluginListed):
    """A plugin, with what was to be included; of lists the first hundred."""

    releases: Annotated[Some[ReleaseView] | None, Included("catalog:read")] = None
    dependencies: Annotated[Some[DependencyView] | None, Included("catalog:read")] = None
    dependants: Annotated[Some[DependantView] | None, Included("catalog:read")] = None
    advisories: Annotated[Some[PluginAdvisory] | None, Included("catalog:read")] = None


async def plugins_listed(reader: Reader, plugins: Sequence[Plugin], wanted: Wanted) -> list[PluginListed]:
    """Answers for plugins in the order given."""
    views = await plugin_views(reader.repository(Catalogue), plugins, wanted)
    more = await _of_all(reader, [plugin.id for plugin in plugins], wanted)
    return [PluginListed(**dict(view), **{name: found.get(view.id) for name, found in more.items()}) for view in views]


async def plugin_read(reader: Reader, plugin: Plugin, wanted: Wanted) -> PluginRead:
    """The answer for one plugin."""
    (view,) = await plugins_listed(reader, [plugin], wanted)
    more = {name: await part(reader, plugin) for name, part in _PARTS.items() if name in wanted}
    return PluginRead(**{name: getattr(view, name) for name in view.model_fields_set}, **more)


async def _of_all(reader: Reader, ids: Sequence[UUID], wanted: Wanted) -> dict[str, dict[UUID, Any]]:
    # These domains stand on the catalogue, so they are asked for here and not above.
    from registry_api.insights.presenting import risks_of
    from registry_api.installs.repository import Installs

    found: dict[str, dict[UUID, Any]] = {}
    if "latest_release" in wanted:
        latest = await reader.repository(Catalogue).latest_releases(ids)
        found["latest_release"] = {view.plugin_id: view for view in await release_views(reader, latest)}
    if "risk" in wanted:
        found["risk"] = await risks_of(reader, ids)
    if "adoption" in wanted:
        found["adoption"] = dict.fromkeys(ids, 0) | await reader.repository(Installs).adopted(ids)
    return found


async def _releases(reader: Reader, plugin: Plugin) -> Some[Any]:
    query = reader.repository(Catalogue).releases(plugin.id)
    order = (Release.sort_key.desc(), Release.id.desc())
    some = await first(reader.session, query, order, f"/v1/plugins/{plugin.id}/releases")
    return Some[ReleaseView](items=await release_views(reader, some.items), more=some.more)


async def _dependencies(reader: Reader, plugin: Plugin) -> Some[Any]:
    catalogue = reader.repository(Catalogue)
    latest = await catalogue.latest(plugin.id)
    query = catalogue.dependencies(latest.id if latest else None)
    order = (Dependency.dependency_ref, Dependency.id)
    some = await first(reader.session, query, order, f"/v1/plugins/{plugin.id}/dependencies")
    return Some[DependencyView].model_validate(some, from_attributes=True)


async def _dependants(reader: Reader, plugin: Plugin) -> Some[Any]:
    query = reader.repository(Catalogue).dependants(plugin.id)
    whole = f"/v1/plugins/{plugin.id}/dependants"
    some = await first(reader.session, query, (Plugin.ref, Plugin.id), whole, scalars=False)
    return Some[DependantView].model_validate(some, from_attributes=True)


async def _advisories(reader: Reader, plugin: Plugin) -> Some[Any]:
    catalogue = reader.repository(Catalogue)
    query = catalogue.advisories().where(Advisory.plugin_id == plugin.id)
    some = await first(reader.session, query, (Advisory.id.desc(),), f"/v1/plugins/{plugin.id}/advisories")
    releases = (await reader.session.execute(catalogue.releases(plugin.id))).scalars().all()
    return Some[PluginAdvisory](items=await advisory_views(some.items, releases), more=some.more)


_PARTS: dict[str, Part] = {
    "releases": _releases,
    "dependencies": _dependencies,
    "dependants": _dependants,
    "advisories": _advisories,
}
