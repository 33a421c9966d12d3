"""Plugins, releases, dependencies, advisories."""

from collections.abc import Iterator, Sequence
from typing import Any

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
from patchbay.core.client.synchronous.calls import Calls, Document


class CatalogueCalls(Calls):
    """The catalogue. A plugin is named by its id or its `namespace:name`."""

    def post_catalogue(self, plugins: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 500 plugins with their releases; without a batch id the content is the key."""
        return self._post_items("/v1/catalogue/batches", "plugins", plugins, batch_id)

    def post_advisories(self, advisories: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 1000 advisories."""
        return self._post_items("/v1/advisories/batches", "advisories", advisories, batch_id)

    def plugins(self, **filters: Any) -> Iterator[Plugin]:
        """Plugins, filtered by q, namespace, name, label, lifecycle and ordered by sort."""
        return self._list(Plugin, "/v1/plugins", **filters)

    def plugin(self, plugin: str) -> Plugin:
        """One plugin."""
        return self._read(Plugin, f"/v1/plugins/{segment(plugin)}")

    def create_plugin(self, document: PluginDocument) -> Plugin:
        """A new plugin, maybe with releases; `ApiError` plugin_exists when its name is taken."""
        return self._make(Plugin, "/v1/plugins", document)

    def update_plugin(self, plugin: str, changes: PluginPatch, if_match: str | int | None = None) -> Plugin:
        """Change a plugin if it still has the revision or ETag that is given, else as it stands now.

        `ApiError` stale_revision (412) when somebody changed it since.
        """
        return self._change(Plugin, f"/v1/plugins/{segment(plugin)}", changes, if_match)

    def delete_plugin(self, plugin: str) -> None:
        """Delete a plugin; `ApiError` plugin_in_use while it is installed or needed."""
        self.delete(f"/v1/plugins/{segment(plugin)}")

    def releases(self, plugin: str, **filters: Any) -> Iterator[Release]:
        """A plugin's releases, newest first."""
        return self._list(Release, f"/v1/plugins/{segment(plugin)}/releases", **filters)

    def release(self, plugin: str, version: str) -> ReleaseDetail:
        """One release with its dependencies."""
        return self._read(ReleaseDetail, f"/v1/plugins/{segment(plugin)}/releases/{segment(version)}")

    def publish_release(self, plugin: str, document: ReleaseDocument) -> ReleaseDetail:
        """Add a release; one that is there with the same content is answered, `ApiError` release_conflict with other."""
        return self._make(ReleaseDetail, f"/v1/plugins/{segment(plugin)}/releases", document)

    def yank_release(self, plugin: str, version: str, yanked: bool = True) -> ReleaseDetail:
        """Have a release chosen no more by those who do not name it, or again."""
        scheme: Any = (self.release(plugin, version))["version_scheme"]
        return self.publish_release(plugin, {"version": version, "version_scheme": scheme, "yanked": yanked})

    def dependencies(self, plugin: str, **filters: Any) -> Iterator[Dependency]:
        """What the plugin's latest release depends on."""
        return self._list(Dependency, f"/v1/plugins/{segment(plugin)}/dependencies", **filters)

    def dependants(self, plugin: str, **filters: Any) -> Iterator[Dependant]:
        """Which plugins depend on it."""
        return self._list(Dependant, f"/v1/plugins/{segment(plugin)}/dependants", **filters)

    def plugin_advisories(self, plugin: str, **filters: Any) -> Iterator[PluginAdvisory]:
        """A plugin's advisories with the versions they affect."""
        return self._list(PluginAdvisory, f"/v1/plugins/{segment(plugin)}/advisories", **filters)

    def plugin_installations(self, plugin: str, **filters: Any) -> Iterator[Installation]:
        """The targets on which it is observed now."""
        return self._list(Installation, f"/v1/plugins/{segment(plugin)}/installations", **filters)

    def advisories(self, **filters: Any) -> Iterator[Advisory]:
        """All advisories."""
        return self._list(Advisory, "/v1/advisories", **filters)

    def labels(self) -> list[LabelCount]:
        """Every label, most used first."""
        return list((self.get("/v1/labels"))["items"])


# Made by `make client` from patchbay/core/client/asynchronous/catalogue.py; edit that.
