"""Anomalies as the registry lists them, with names instead of ids."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboards.access import Access
from dashboards.calls.frames import MOMENT, Row, titled, typed
from dashboards.calls.naming import versions
from dashboards.kit.page import Call
from dashboards.queries import names
from dashboards.registry import Route, route
from dashboards.session import Viewer

SHOWN = 100
ANOMALY = {"anomaly_id": pl.String, "kind": pl.String, "series": pl.String, "tenant_id": pl.String,
    "plugin_id": pl.String, "plugin": pl.String, "release_id": pl.String, "started_at": MOMENT, "ended_at": MOMENT,
    "observed": pl.Float64, "expected_low": pl.Float64, "expected_high": pl.Float64, "score": pl.Float64,
    "contributors": pl.String}  # fmt: skip
SINCE = (("", "Any time"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
_SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}


def listing(plugin: str, kind: str, since: str, going_on: str, now: datetime) -> Route:
    """The route of a list; a span reaches back from the full minute, so that equal reads are one."""
    begun = (now - _SPANS[since]).replace(second=0, microsecond=0).isoformat() if since else None
    ended = {"true": "false", "false": "true"}.get(going_on)
    return route("/v1/anomalies", plugin=plugin, kind=kind, ended=ended, **{"started_at[gte]": begun})


def anomalies(asked: Route, most: int | None = SHOWN) -> Call:
    """Anomalies, newest first: the first so many, or all."""
    return Call(
        "anomalies",
        "Anomalies",
        "What was out of the ordinary, newest first.",
        lambda access: told(_once(access.rows(asked, most + 1) if most else access.rows(asked)), access),
        shown=SHOWN,
    )


def _once(rows: Sequence[Row]) -> list[Row]:
    """Each anomaly once: the last days' are listed by the minute and by the night's look at the warehouse."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["anomaly_id"], row)
    return list(first.values())


def told(rows: Sequence[Row], access: Access) -> pl.DataFrame:
    """The rows with what each is about: a plugin, one release of it, or all of an organisation."""
    frame = titled(typed(rows, ANOMALY), access)
    frame = _joined(frame, access.table(names.tenants()), "tenant_id", "organisation").with_columns(
        pl.when(_is_everybodys(access.viewer))
        .then(pl.lit("all organisations"))
        .otherwise("organisation")
        .alias("organisation")
    )
    released = versions(frame.select("plugin_id", "release_id").iter_rows(), access)
    frame = frame.with_columns(
        pl.Series("version", [released.get(release or "") for release in frame["release_id"]], dtype=pl.String)
    )
    plugins = access.table(names.plugins())
    parts = Parts(dict(plugins.select("plugin_id", "ref").iter_rows()) if plugins is not None else {}, _tenants(access))
    columns = zip(frame["contributors"], frame["plugin_id"], strict=True)
    made_of = [parts.said(json.loads(text or "[]"), plugin) for text, plugin in columns]
    about = pl.coalesce(pl.concat_str("plugin", "version", separator=" "), "plugin", pl.lit("all plugins"))
    return frame.with_columns(about.alias("about"), pl.Series("made_of", made_of, dtype=pl.String))


def _is_everybodys(viewer: Viewer) -> pl.Expr:
    """The operator's own anomalies are of everybody's uses together."""
    return pl.lit(viewer.tenant_kind == "operator") & (pl.col("tenant_id") == viewer.tenant_id)


def _joined(frame: pl.DataFrame, known: pl.DataFrame | None, on: str, wanted: str) -> pl.DataFrame:
    if known is None:
        return frame.with_columns(pl.lit(None, pl.String).alias(wanted))
    return frame.join(known, on=on, how="left", maintain_order="left")


def _tenants(access: Access) -> dict[str, str]:
    known = access.table(names.tenants())
    return dict(known.iter_rows()) if known is not None else {}


class Parts:
    """Puts the parts of an anomaly into words."""

    def __init__(self, plugins: Mapping[str, str], tenants: Mapping[str, str]) -> None:
        self._plugins, self._tenants = plugins, tenants

    def said(self, parts: Sequence[Mapping[str, Any]], about: str | None) -> str | None:
        """The largest parts with their shares of the difference; None where it has none.

        A part of the plugin that it is about goes by its tenant.
        """
        return ", ".join(self._part(part, about) for part in parts[:3]) or None

    def _part(self, part: Mapping[str, Any], about: str | None) -> str:
        plugin, tenant = part.get("plugin_id"), self._tenants.get(part.get("tenant_id") or "", "")
        name = (tenant if plugin == about else "") or self._plugins.get(plugin or "", "") or tenant or "another"
        return f"{name} {part['share']:.0%}"
