"""In what order plugins are listed."""

from typing import Any

from sqlalchemy import Select, func

from registry_api.catalog.models import Plugin
from registry_api.db import Reader


def ordered(reader: Reader, query: Select[Any], sort: str) -> tuple[Select[Any], list[Any]]:
    """The query with what it is ordered by among its columns; what has no risk, or is on no target, comes last."""
    # These domains stand on the catalogue, so they are asked for here and not above.
    from registry_api.insights.repository import Insights
    from registry_api.installs.repository import Installs

    query = query.add_columns(Plugin.id, Plugin.name)
    if sort == "name":
        return query, [Plugin.name, Plugin.id]
    if sort == "-created":
        return query, [Plugin.id]
    by_risk = sort == "risk"
    found = reader.repository(Insights).risk_scores() if by_risk else reader.repository(Installs).adoption()
    height = (func.coalesce(found.c.score, -1.0) if by_risk else func.coalesce(found.c.targets, 0)).label("height")
    return query.outerjoin(found, found.c.plugin_id == Plugin.id).add_columns(height), [height, Plugin.id]
