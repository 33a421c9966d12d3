"""Which advisories are open: published, and the latest release is still among the affected."""

from typing import Any

import polars as pl

from models.risk.features import OPEN_ADVISORY
from patchbay.core.versions import InvalidVersion, sort_key

AFFECTED = pl.List(pl.Struct({"first_version": pl.String, "last_version": pl.String, "pattern": pl.String}))
"""Ranges as the registry keeps them: the pattern decides where there is a usable one, else the bounds."""


def open_advisories(advisories: pl.DataFrame, latest: pl.DataFrame) -> pl.DataFrame:
    """One row per plugin of either frame: plugin, and `open_advisories` as in `FEATURES`, ordered by id.

    `advisories` has plugin, id, severity, exploited, likelihood, reach and `ranges` (`AFFECTED`); `latest` has plugin,
    version and version_scheme. Without a known release an advisory is open if some range has no last version;
    otherwise nobody can tell, and the plugin's list is null.
    """
    ranges = advisories.select("plugin", "id", "ranges").explode("ranges").unnest("ranges")
    hits = ranges.join(latest, on="plugin", how="left").with_columns(by_pattern=_by_pattern())
    hits = hits.with_columns(hit=pl.Series([_is_hit(row) for row in hits.iter_rows(named=True)], dtype=pl.Boolean))
    open_ = hits.group_by("plugin", "id").agg(
        is_open=pl.col("hit").any(ignore_nulls=False), unknown=pl.col("version").is_null().any()
    )
    named = advisories.join(open_, on=["plugin", "id"]).sort("plugin", "id")
    listed = named.group_by("plugin").agg(
        open_advisories=pl.struct(*(field.name for field in OPEN_ADVISORY.fields)).filter("is_open"),
        unclear=pl.col("is_open").is_null().any(),
    )
    every = pl.concat([latest.select("plugin"), listed.select("plugin")]).unique()
    return every.join(listed, on="plugin", how="left").select("plugin", _known_list()).sort("plugin")


def _by_pattern() -> pl.Expr:
    """Whether the pattern matches the whole version; null without a pattern and for one that the engine refuses.

    The engine is linear in the text: a hostile pattern cannot stop a scoring run, and look-around is refused.
    """
    return pl.col("version").str.contains(pl.format(r"\A(?:{})\z", "pattern"), strict=False)


def _known_list() -> pl.Expr:
    """Null where something is unclear and nothing is known to be open; empty for plugins without advisories."""
    nothing = pl.lit([], dtype=pl.List(OPEN_ADVISORY))
    given = pl.col("open_advisories").cast(pl.List(OPEN_ADVISORY))
    found = pl.when(pl.col("unclear") & (given.list.len() == 0)).then(None).otherwise(given)
    return pl.when(pl.col("open_advisories").is_null()).then(nothing).otherwise(found).alias("open_advisories")


def _is_hit(row: dict[str, Any]) -> bool | None:
    version, scheme, first, last = (row[key] for key in ("version", "version_scheme", "first_version", "last_version"))
    if version is None:
        return True if last is None else None
    if row["by_pattern"] is not None:
        return bool(row["by_pattern"])
    return _at_least(version, first, scheme) and _at_least(last, version, scheme)


def _at_least(version: str | None, other: str | None, scheme: str) -> bool:
    """Whether `version` is `other` or above; an open bound always is, one that is no version only bounds itself."""
    if version is None or other is None or version == other:
        return True
    try:
        return sort_key(version, scheme) >= sort_key(other, scheme)
    except InvalidVersion:
        return False
