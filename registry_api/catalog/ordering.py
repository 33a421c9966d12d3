"""In what order plugins are listed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func

from registry_api.catalog.models import Plugin
from registry_api.db import Reader
from registry_api.pagination import Paging


async def settled(paging: Paging, reader: Reader, sort: str) -> Paging:
    """The paging of a list, by risk over the set that its first page was of: risks are scored anew while somebody reads."""
    from registry_api.insights.pinning import pinned  # stands on the catalogue

    return await pinned(paging, reader, "risk") if sort == "risk" else paging


def ordered(reader: Reader, query: Select[Any], sort: str, risks: Sequence[UUID]) -> tuple[Select[Any], list[Any]]:
    """The query with what it is ordered by among its columns; what has no risk in the sets `risks`, or is on no target,
    comes last.
    """
    # These domains stand on the catalogue, so they are asked for here and not above.
    from registry_api.insights.repository import Insights
    from registry_api.installs.repository import Installs

    query = query.add_columns(Plugin.id, Plugin.name)
    if sort == "name":
        return query, [Plugin.name, Plugin.id]
    if sort == "-created":
        return query, [Plugin.id]
    by_risk = sort == "risk"
    found = reader.repository(Insights).risk_scores(risks) if by_risk else reader.repository(Installs).adoption()
    height = (func.coalesce(found.c.score, -1.0) if by_risk else func.coalesce(found.c.targets, 0)).label("height")
    return query.outerjoin(found, found.c.plugin_id == Plugin.id).add_columns(height), [height, Plugin.id]
