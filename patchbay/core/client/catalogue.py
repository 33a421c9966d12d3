"""Plugins, releases, dependencies, advisories."""

from collections.abc import Iterator, Sequence
from typing import Any

from patchbay.core.client.calls import Calls, Document, segment
from patchbay.core.client.results import BatchResult


class CatalogueCalls(Calls):
    """The catalogue. A plugin is named by its id or its `namespace:name`."""

    def post_catalogue(self, plugins: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 500 plugins with their releases; without a batch id the content is the key."""
        return self._post_items("/v1/catalogue/batches", "plugins", plugins, batch_id)

    def post_advisories(self, advisories: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 1000 advisories."""
        return self._post_items("/v1/advisories/batches", "advisories", advisories, batch_id)

    def plugins(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Plugins, filtered by q, namespace, name, label, lifecycle and ordered by sort."""
        return self.pages("/v1/plugins", **({"limit": 500} | filters))

    def plugin(self, plugin: str) -> dict[str, Any]:
        """One plugin."""
        return dict(self.get(f"/v1/plugins/{segment(plugin)}"))

    def releases(self, plugin: str) -> Iterator[dict[str, Any]]:
        """A plugin's releases."""
        return self.pages(f"/v1/plugins/{segment(plugin)}/releases", limit=500)

    def release(self, plugin: str, version: str) -> dict[str, Any]:
        """One release with its dependencies."""
        return dict(self.get(f"/v1/plugins/{segment(plugin)}/releases/{segment(version)}"))

    def dependencies(self, plugin: str) -> Iterator[dict[str, Any]]:
        """What the plugin's latest release depends on."""
        return self.pages(f"/v1/plugins/{segment(plugin)}/dependencies", limit=500)

    def dependants(self, plugin: str) -> Iterator[dict[str, Any]]:
        """Which plugins depend on it."""
        return self.pages(f"/v1/plugins/{segment(plugin)}/dependants", limit=500)

    def plugin_advisories(self, plugin: str) -> Iterator[dict[str, Any]]:
        """A plugin's advisories with the versions they affect."""
        return self.pages(f"/v1/plugins/{segment(plugin)}/advisories", limit=500)

    def plugin_installations(self, plugin: str) -> Iterator[dict[str, Any]]:
        """The targets on which it is observed now."""
        return self.pages(f"/v1/plugins/{segment(plugin)}/installations", limit=500)

    def advisories(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """All advisories."""
        return self.pages("/v1/advisories", **({"limit": 500} | filters))
