"""From rows to answers: what a plugin's page of a list needs beside its row, fetched for the whole page."""

from collections.abc import Sequence

from registry_api.catalog.advisories import affected_versions
from registry_api.catalog.models import Advisory, Plugin, Release
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import AdvisoryView, MaintainerView, PluginAdvisory, PluginView


async def plugin_views(catalogue: Catalogue, plugins: Sequence[Plugin]) -> list[PluginView]:
    """Answers for plugins in the order given."""
    ids = [plugin.id for plugin in plugins]
    labels, maintainers = await catalogue.labels(ids), await catalogue.maintainers(ids)
    latest, counts = await catalogue.latest_versions(ids), await catalogue.release_counts(ids)
    return [
        PluginView(
            **{name: getattr(plugin, name) for name in PluginView.model_fields if hasattr(Plugin, name)},
            labels=labels[plugin.id],
            maintainers=[MaintainerView(handle=handle, name=name) for handle, name in maintainers[plugin.id].items()],
            latest_version=latest.get(plugin.id),
            release_count=counts.get(plugin.id, 0),
        )
        for plugin in plugins
    ]


def advisory_views(advisories: Sequence[Advisory], releases: Sequence[Release]) -> list[PluginAdvisory]:
    """Advisories with the releases they hit."""
    return [
        PluginAdvisory(
            **AdvisoryView.model_validate(advisory).model_dump(),
            affected_versions=affected_versions(advisory.ranges, releases),
        )
        for advisory in advisories
    ]
