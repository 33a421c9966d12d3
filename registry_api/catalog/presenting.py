"""From rows to answers: what a plugin's page of a list needs beside its row, fetched for the whole page."""

import time
from collections.abc import Sequence

import anyio

from registry_api.catalog.advisories import affected_versions
from registry_api.catalog.models import Advisory, Plugin, Release
from registry_api.catalog.patterns import is_usable
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import (
    AdvisoryView,
    BlockView,
    MaintainerView,
    PluginAdvisory,
    PluginView,
    ReleaseView,
)
from registry_api.db import Reader
from registry_api.installs.blocks import Blocks
from registry_api.selecting import EVERYTHING, Wanted

MATCHING_SECONDS = 5
"""How long one answer may match versions against patterns."""

STORED = tuple(name for name in PluginView.model_fields if hasattr(Plugin, name))
"""What an answer says of a plugin's own row."""


async def plugin_views(
    catalogue: Catalogue, plugins: Sequence[Plugin], wanted: Wanted = EVERYTHING
) -> list[PluginView]:
    """Answers for plugins in the order given; what is not wanted of them is not looked up, and left empty."""
    ids = [plugin.id for plugin in plugins]
    labels = await catalogue.labels(ids) if "labels" in wanted else {}
    maintainers = await catalogue.maintainers(ids) if "maintainers" in wanted else {}
    latest = await catalogue.latest_of(ids) if "latest_version" in wanted or "release_count" in wanted else {}
    return [
        PluginView(
            **{name: getattr(plugin, name) for name in STORED},
            labels=labels.get(plugin.id, []),
            maintainers=[MaintainerView(handle=h, name=n) for h, n in maintainers.get(plugin.id, {}).items()],
            latest_version=latest.get(plugin.id, (None, 0))[0],
            release_count=latest.get(plugin.id, (None, 0))[1],
        )
        for plugin in plugins
    ]


async def release_views(reader: Reader, releases: Sequence[Release], wanted: Wanted = EVERYTHING) -> list[ReleaseView]:
    """Answers for releases in the order given, with what holds their new installs."""
    ids = [release.id for release in releases] if "blocked" in wanted else []
    blocks = await reader.repository(Blocks).of(ids)
    held = {key: BlockView(reason=block.reason, at=block.blocked_at) for key, block in blocks.items()}
    plain = (ReleaseView.model_validate(release) for release in releases)
    return [view.model_copy(update={"blocked": held.get(view.id)}) for view in plain]


async def advisory_views(advisories: Sequence[Advisory], releases: Sequence[Release]) -> list[PluginAdvisory]:
    """Advisories with the releases they hit; raises `MatchingTooLong`. In a thread, for patterns may take their time."""
    return await anyio.to_thread.run_sync(_advisory_views, advisories, releases)


def _advisory_views(advisories: Sequence[Advisory], releases: Sequence[Release]) -> list[PluginAdvisory]:
    is_usable("")  # the first pattern of a process loads what Arrow matches with, which takes seconds
    until = time.monotonic() + MATCHING_SECONDS
    return [
        PluginAdvisory(
            **AdvisoryView.model_validate(advisory).model_dump(),
            affected_versions=affected_versions(advisory.ranges, releases, until),
        )
        for advisory in advisories
    ]
