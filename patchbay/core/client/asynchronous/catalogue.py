"""Plugins, releases, dependencies, advisories."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from patchbay.core.client.asynchronous.calls import Calls, Document
from patchbay.core.client.documents import (
    Advisory,
    Dependant,
    Dependency,
    Installation,
    LabelCount,
    Plugin,
    PluginAdvisory,
    PluginDocument,
    PluginPatch,
    Release,
    ReleaseDetail,
    ReleaseDocument,
)
from patchbay.core.client.paths import segment
from patchbay.core.client.results import BatchResult


class CatalogueCalls(Calls):
    """The catalogue. A plugin is named by its id or its `namespace:name`."""

    async def post_catalogue(self, plugins: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 500 plugins with their releases; without a batch id the content is the key."""
        return await self._post_items("/v1/catalogue/batches", "plugins", plugins, batch_id)

    async def post_advisories(self, advisories: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 1000 advisories."""
        return await self._post_items("/v1/advisories/batches", "advisories", advisories, batch_id)

    def plugins(self, **filters: Any) -> AsyncIterator[Plugin]:
        """Plugins, filtered by q, namespace, name, label, lifecycle and ordered by sort."""
        return self._list(Plugin, "/v1/plugins", **filters)

    async def plugin(self, plugin: str) -> Plugin:
        """One plugin."""
        return await self._read(Plugin, f"/v1/plugins/{segment(plugin)}")

    async def create_plugin(self, document: PluginDocument) -> Plugin:
        """A new plugin, maybe with releases; `ApiError` plugin_exists when its name is taken."""
        return await self._make(Plugin, "/v1/plugins", document)

    async def update_plugin(self, plugin: str, changes: PluginPatch, if_match: str | int | None = None) -> Plugin:
        """Change a plugin if it still has the revision or ETag that is given, else as it stands now.

        `ApiError` stale_revision (412) when somebody changed it since.
        """
        return await self._change(Plugin, f"/v1/plugins/{segment(plugin)}", changes, if_match)

    async def delete_plugin(self, plugin: str) -> None:
        """Delete a plugin; `ApiError` plugin_in_use while it is installed or needed."""
        await self.delete(f"/v1/plugins/{segment(plugin)}")

    def releases(self, plugin: str, **filters: Any) -> AsyncIterator[Release]:
        """A plugin's releases, newest first."""
        return self._list(Release, f"/v1/plugins/{segment(plugin)}/releases", **filters)

    async def release(self, plugin: str, version: str) -> ReleaseDetail:
        """One release with its dependencies."""
        return await self._read(ReleaseDetail, f"/v1/plugins/{segment(plugin)}/releases/{segment(version)}")

    async def publish_release(self, plugin: str, document: ReleaseDocument) -> ReleaseDetail:
        """Add a release; one that is there with the same content is answered, `ApiError` release_conflict with other."""
        return await self._make(ReleaseDetail, f"/v1/plugins/{segment(plugin)}/releases", document)

    async def yank_release(self, plugin: str, version: str, yanked: bool = True) -> ReleaseDetail:
        """Have a release chosen no more by those who do not name it, or again."""
        scheme: Any = (await self.release(plugin, version))["version_scheme"]
        return await self.publish_release(plugin, {"version": version, "version_scheme": scheme, "yanked": yanked})

    def dependencies(self, plugin: str, **filters: Any) -> AsyncIterator[Dependency]:
        """What the plugin's latest release depends on."""
        return self._list(Dependency, f"/v1/plugins/{segment(plugin)}/dependencies", **filters)

    def dependants(self, plugin: str, **filters: Any) -> AsyncIterator[Dependant]:
        """Which plugins depend on it."""
        return self._list(Dependant, f"/v1/plugins/{segment(plugin)}/dependants", **filters)

    def plugin_advisories(self, plugin: str, **filters: Any) -> AsyncIterator[PluginAdvisory]:
        """A plugin's advisories with the versions they affect."""
        return self._list(PluginAdvisory, f"/v1/plugins/{segment(plugin)}/advisories", **filters)

    def plugin_installations(self, plugin: str, **filters: Any) -> AsyncIterator[Installation]:
        """The targets on which it is observed now."""
        return self._list(Installation, f"/v1/plugins/{segment(plugin)}/installations", **filters)

    def advisories(self, **filters: Any) -> AsyncIterator[Advisory]:
        """All advisories."""
        return self._list(Advisory, "/v1/advisories", **filters)

    async def labels(self) -> list[LabelCount]:
        """Every label, most used first."""
        return list((await self.get("/v1/labels"))["items"])
