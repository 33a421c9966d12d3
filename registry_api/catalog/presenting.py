"""From rows to answers: what a plugin's page of a list needs beside its row, fetched for the whole page."""

import time
from collections.abc import Sequence

import anyio

from registry_api.catalog.advisories import affected_versions
from registry_api.catalog.models import Advisory, Plugin, Release
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import AdvisoryView, MaintainerView, PluginAdvisory, PluginView

MATCHING_SECONDS = 5
"""How long one answer may match versions against patterns."""


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


async def advisory_views(advisories: Sequence[Advisory], releases: Sequence[Release]) -> list[PluginAdvisory]:
    """Advisories with the releases they hit; raises `MatchingTooLong`. In a thread, for patterns may take their time."""
    return await anyio.to_thread.run_sync(_advisory_views, advisories, releases)


def _advisory_views(advisories: Sequence[Advisory], releases: Sequence[Release]) -> list[PluginAdvisory]:
    until = time.monotonic() + MATCHING_SECONDS
    return [
        PluginAdvisory(
            **AdvisoryView.model_validate(advisory).model_dump(),
            affected_versions=affected_versions(advisory.ranges, releases, until),
        )
        for advisory in advisories
    ]
