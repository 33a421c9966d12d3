"""Names in place of the ids that anomalies, series, plans and episodes are labelled with."""

import json
from collections.abc import Iterable, Sequence

import polars as pl

from dashboards.access import Access
from dashboards.queries import names
from dashboards.registry import NotThere, route

Labels = dict[str, str]
Released = tuple[str | None, str | None]
"""A plugin and a release of it, by their ids."""
MOST_ASKED = 10
"""Plugins whose releases the registry is asked for, a request each."""


def labelled(frame: pl.DataFrame, column: str, access: Access) -> pl.DataFrame:
    """The frame with `about`: the labels of a JSON column in words; what nobody knows a name of goes by its id."""
    rows: list[Labels] = [json.loads(text or "{}") for text in frame[column]]
    known = _known(rows, access)
    about = [", ".join(f"{name} {known.get(value, value)}" for name, value in labels.items()) for labels in rows]
    return frame.with_columns(pl.Series("about", about, dtype=pl.String))


def _known(rows: Sequence[Labels], access: Access) -> dict[str, str]:
    """Names by id, of tenants, plugins, and the releases among the labels."""
    found = versions(((labels.get("plugin"), labels.get("release")) for labels in rows), access)
    for table in (names.tenants(), names.plugins()):
        known = access.table(table)
        if known is not None:
            found |= dict(known.select(known.columns[:2]).iter_rows())
    return found


def versions(pairs: Iterable[Released], access: Access) -> dict[str, str]:
    """Versions by id of release: from the snapshot, and of releases that came out after it from the registry."""
    wanted = {release: plugin for plugin, release in pairs if release}
    known = access.table(names.releases(wanted)) if wanted else None
    found = dict(known.iter_rows()) if known is not None else {}
    newer = sorted({plugin for release, plugin in wanted.items() if plugin and release not in found})
    for plugin in newer[:MOST_ASKED]:
        found |= _released(plugin, access)
    return found


def _released(plugin: str, access: Access) -> dict[str, str]:
    """Versions of a plugin's releases; none of a plugin that is gone."""
    try:
        return {row["id"]: row["version"] for row in access.rows(route(f"/v1/plugins/{plugin}/releases"))}
    except NotThere:
        return {}
