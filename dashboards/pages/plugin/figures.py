"""What a plugin's page draws."""

import json
from typing import Any
from urllib.parse import urlencode

import polars as pl
from dash import dcc, html

from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.figures import lines, lines_by
from dashboards.kit.page import Component, Scope
from dashboards.kit.tables import Column, grid


def header(frame: pl.DataFrame, scope: Scope) -> Component:
    """Who and what the plugin is."""
    row = frame.row(0, named=True)
    badges = [
        parts.badge(row["lifecycle"]),
        *([parts.badge(row["visibility"], "info")] if row["visibility"] != "public" else []),
    ]
    if row["unfixed_advisory_count"]:
        badges.append(parts.badge(f.plural(row["unfixed_advisory_count"], "unfixed warning"), "bad"))
    links = [
        parts.outside_link(row["homepage_url"], "Homepage"),
        parts.outside_link(row["repository_url"], "Repository"),
    ]
    labels = [
        dcc.Link(label, href="/plugins?" + urlencode({"label": label}), className="tag")
        for label in (row["labels"] or "").split(",")
        if label
    ]
    about = [
        html.P(row["summary"] or "The catalogue has no summary.", className="plugin-summary"),
        html.Div([*badges, *(link for link in links if link)], className="tags"),
        html.Div(labels, className="tags") if labels else None,
    ]
    return html.Div([html.Div([part for part in about if part]), _facts(row, scope)], className="plugin-header")


def _facts(row: dict[str, Any], scope: Scope) -> Component:
    released = row["latest_released_at"]
    when = f" · {f.day(released)}, {f.ago(released, scope.now)}" if released else ""
    return parts.facts(
        [
            ("Latest", [html.Code(row["latest_version"]), when] if row["latest_version"] else "no release"),
            ("Needs host", row["requires_host"] and f"{row['requires_host']} or later"),
            ("Licence", row["licence"] or "not stated"),
            ("Maintainers", (row["maintainers"] or "").replace(",", ", ") or "none named"),
            (
                "In place on",
                f.plural(row["installed_targets"], "target") if row["installed_targets"] is not None else f.MISSING,
            ),
            ("Releases", f.whole(row["release_count"])),
        ]
    )


def versions(frame: pl.DataFrame, scope: Scope) -> Component:
    """All releases."""
    columns = [
        Column("version", "Version", grow=1.4),
        Column("status", "Status", "badge"),
        Column("released_at", "Released", grow=1.3, least=130),
        Column("requires_host", "Needs host"),
        Column("targets", "Targets", "count"),
    ]
    return grid(frame, label="Versions", columns=columns)


def versions_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many releases, and how many are in use."""
    in_use = frame.filter(pl.col("targets") > 0).height
    return f"{f.plural(frame.height, 'release')}, {f.whole(in_use)} of them in place on a target."


def dependencies(frame: pl.DataFrame, scope: Scope) -> Component:
    """What it needs."""
    columns = [
        Column("ref", "Plugin", "link", href="href", grow=2, least=160),
        Column("need", "Need", "badge"),
        Column("requirement", "At least", grow=1.2),
        Column("latest_version", "Latest there", grow=1.2),
    ]
    return grid(frame, label="Dependencies", columns=columns)


def dependants(frame: pl.DataFrame, scope: Scope) -> Component:
    """What needs it."""
    columns = [
        Column("ref", "Plugin", "link", href="href", grow=2, least=160),
        Column("need", "Need", "badge"),
        Column("requirement", "At least", grow=1.2),
        Column("installed_targets", "Targets", "count"),
    ]
    return grid(frame, label="Dependants", columns=columns)


def warnings(frame: pl.DataFrame, scope: Scope) -> Component:
    """Warnings with the versions each affects, as a list."""
    items = [
        html.Li(
            [
                html.Div(
                    [
                        html.Strong(row["external_id"]),
                        *([parts.badge("unfixed")] if row["unfixed"] else []),
                        *_severity(row),
                        parts.outside_link(row["url"], "Source"),
                    ]
                ),
                html.P(row["summary"]),
                html.P(
                    [
                        "Affects ",
                        html.Span(affected(row["ranges"]), className="ranges"),
                        f" · published {f.day(row['published_at'])}" if row["published_at"] else "",
                    ],
                    className="when",
                ),
            ]
        )
        for row in frame.to_dicts()
    ]
    return html.Ul(items, className="warning-list")


def _severity(row: dict[str, Any]) -> list[Component]:
    return [parts.badge(row["severity"], "warn")] if row["severity"] else []


def affected(ranges: str | None) -> str:
    """Version ranges in words; both ends are inclusive. No ranges means it is not known."""
    found = json.loads(ranges) if ranges else []
    return "; ".join(_range(part) for part in found) or "versions not stated"


def _range(part: dict[str, Any]) -> str:
    first, last = part.get("first_version"), part.get("last_version")
    if first and last:
        return first if first == last else f"{first} to {last}"
    if last:
        return f"every version up to {last}"
    return f"every version from {first}" if first else "every version"


def adoption(frame: pl.DataFrame, scope: Scope) -> Any:
    """Targets that have it, and those that used it."""
    named = {"installed_targets": "Have it"}
    used = frame.filter(pl.col("uses") > 0)["day"].to_list()
    if used:
        named |= {"active_targets": "Used it that day"}
        recorded = pl.col("day").is_between(used[0], used[-1])
        frame = frame.with_columns(pl.when(recorded).then(pl.col("active_targets")).alias("active_targets"))
    made = lines(frame, "day", named, scope.colours, steps=True, fill=True)
    return made.update_traces(line_shape="linear", selector={"name": "Used it that day"})


def adoption_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The level now, and its highest."""
    last, top = frame.row(-1, named=True), frame.row(int(frame["installed_targets"].arg_max() or 0), named=True)
    uses = f.total(frame["uses"])
    return (
        f"In place on {f.plural(last['installed_targets'], 'target')} at the end of {f.day(last['day'])}, at most "
        f"{f.whole(top['installed_targets'])} ({f.day(top['day'])})" + (f"; {f.short(uses)} uses." if uses else ".")
    )


def popularity(frame: pl.DataFrame, scope: Scope) -> Any:
    """Monthly counts per source."""
    named = frame.with_columns((pl.col("source") + " " + pl.col("metric")).alias("series"))
    return lines_by(named, "month", "count", "series", scope.colours)


def popularity_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The latest month with its rank."""
    last = frame.sort("month").row(-1, named=True)
    rank = f", rank {f.whole(last['rank'])}" if last["rank"] is not None else ""
    return f"{f.whole(last['count'])} {last['metric']} in {last['month']:%B %Y}{rank}, as {last['source']} reports."


def performance(frame: pl.DataFrame, scope: Scope) -> Component:
    """Errors, durations and resources by release."""
    columns = [
        Column("version", "Version", grow=1.3),
        Column("uses", "Uses", "count"),
        Column("error_rate", "Failed", "share"),
        Column("typical_ms", "Typical ms", "number", tip="Weekly medians, weighted by uses"),
        Column("worst_p95_ms", "p95 ms", "number", tip="Highest weekly 95th percentile"),
        Column("cpu_percent", "CPU %", "number"),
        Column("memory_mb", "Memory MB", "number"),
    ]
    return grid(frame, label="Performance by release", columns=columns)


def instances(frame: pl.DataFrame, scope: Scope) -> Component:
    """Targets that have it now."""
    columns = [
        Column("target", "Target", "link", href="href", grow=2, least=160),
        Column("organisation", "Organisation", grow=1.2, least=120),
        Column("environment", "Environment", "badge"),
        Column("version", "Version"),
        Column("since", "Since", least=110),
        Column("origin", "Why", least=110),
    ]
    return grid(frame, label="Instances", columns=columns)


def instances_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many targets, in how many versions."""
    known = frame["version"].drop_nulls().n_unique()
    versions_known = f", in {f.plural(known, 'version')}" if known else "; the version was not reported"
    return f"In place on {f.plural(frame.height, 'target')}{versions_known}."
