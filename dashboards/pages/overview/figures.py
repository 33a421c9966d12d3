"""What the overview draws."""

from datetime import datetime
from typing import Any

import polars as pl
from dash import dcc, html

from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.figures import lines
from dashboards.kit.page import Component, Scope


def tiles(frame: pl.DataFrame, scope: Scope) -> Component:
    """The headline figures. What was never recorded is a dash with the reason, never a zero."""
    row = frame.row(0, named=True)
    change = f.change(row["uses"], row["uses_before"])
    window = "of all time" if scope.pick["period"] == "all" else f"in {scope.pick['period'].removesuffix('d')} days"
    uses = (
        "no usage recorded" if row["uses"] is None else f"{window}, {change} on the period before" if change else window
    )
    people = f"on {row['persons_plugin']}, {f.day(row['persons_day'])}" if row["persons"] else "no people recorded"
    return parts.tiles(
        [
            parts.Tile("Plugins", f.whole(row["plugins"]), retired(row["retired_plugins"]), "/plugins"),
            parts.Tile("Releases", f.whole(row["releases"]), "known versions"),
            parts.Tile("Install targets", f.whole(row["targets"]), "places observed", "/targets"),
            parts.Tile(
                "Installations", f.whole(row["installations"]), f"of {f.plural(row['installed_plugins'], 'plugin')}"
            ),
            parts.Tile("Uses", f.short(row["uses"]), uses, "/adoption"),
            parts.Tile("People at peak", f.short(row["persons"]), people),
            parts.Tile(
                "Warnings",
                f.whole(row["advisories"]),
                f"{f.whole(row['unfixed'])} without a fix",
                "/plugins?warnings=any",
                "watch" if row["unfixed"] else "",
            ),
        ]
    )


def retired(count: int | None) -> str:
    """How many plugins are no longer active, in words."""
    return f"{f.whole(count)} deprecated or withdrawn" if count else "all active"


def uses(frame: pl.DataFrame, scope: Scope) -> Any:
    """Uses and errors per day."""
    return lines(frame, "day", {"uses": "Uses", "errors": "Errors"}, scope.colours, fill=True)


def uses_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The trend in one sentence."""
    total, failed = f.total(frame["uses"]), f.total(frame["errors"])
    busiest = frame.row(int(frame["uses"].arg_max() or 0), named=True)
    return (
        f"{f.short(total)} {'use' if total == 1 else 'uses'}, {f.percent(failed / total if total else None, 1)} of them failed; "
        f"busiest on {f.day(busiest['day'])} with {f.whole(busiest['uses'])}."
    )


def installations(frame: pl.DataFrame, scope: Scope) -> Any:
    """The level of installations, stepping when it changes."""
    return lines(frame, "day", {"installations": "Installations"}, scope.colours, steps=True, fill=True)


def installations_said(frame: pl.DataFrame, scope: Scope) -> str:
    """First and last level in one sentence."""
    first, last = frame.row(0, named=True), frame.row(-1, named=True)
    return (
        f"{f.whole(last['installations'])} installations since {f.day(last['day'])}, "
        f"{f.whole(first['installations'])} on {f.day(first['day'])}."
    )


def most_used(frame: pl.DataFrame, scope: Scope) -> Component:
    """The ranked list by uses."""
    return parts.ranking(frame.to_dicts(), "uses", lambda row: f"{f.short(row['uses'])} · {f.percent(row['share'])}")


def most_installed(frame: pl.DataFrame, scope: Scope) -> Component:
    """The ranked list by targets."""
    return parts.ranking(
        frame.to_dicts(), "targets", lambda row: f"{f.whole(row['targets'])} · {f.percent(row['share'])}"
    )


def most_popular(frame: pl.DataFrame, scope: Scope) -> Component:
    """The ranked list by the public registry's counts."""
    return parts.ranking(frame.to_dicts(), "count", lambda row: f.short(row["count"]))


def most_popular_said(frame: pl.DataFrame, scope: Scope) -> str:
    """Which month the ranking is of."""
    row = frame.row(0, named=True)
    return f"{row['metric'].capitalize()} in {row['month']:%B %Y}, as {row['source']} reports."


def releases(frame: pl.DataFrame, scope: Scope) -> Component:
    """The latest releases as a list."""
    items = [
        html.Li(
            [
                html.Div(
                    [dcc.Link(row["title"] or row["name"], href=parts.plugin_path(row)), html.Code(row["version"])]
                ),
                html.Div(
                    [*_marks(row), html.Time(f.ago(row["released_at"], scope.now), title=f.moment(row["released_at"]))]
                ),
            ]
        )
        for row in frame.to_dicts()
    ]
    return html.Ul(items, className="release-list")


def _marks(row: dict[str, Any]) -> list[Component]:
    return [
        parts.badge(word) for word, is_so in (("pre-release", row["prerelease"]), ("yanked", row["yanked"])) if is_so
    ]


def freshness(frame: pl.DataFrame, scope: Scope) -> Component:
    """What the snapshot says of itself."""
    row = frame.row(0, named=True)
    failed = row["failed"]
    verdict = parts.badge(f"{f.plural(row['checks'], 'check')} passed", "good")
    if failed:
        verdict = parts.badge(f"{f.whole(failed)} of {f.plural(row['checks'], 'check')} failed", "bad")
    elif not row["checks"]:
        verdict = parts.badge("no checks recorded", "plain")
    return parts.facts(
        [
            ("Published", _time(row["published_at"], scope)),
            ("Registry data until", _time(row["data_until"], scope)),
            ("Last day of usage", f.day(row["last_usage_day"])),
            ("Last observed change", f.day(row["last_observation"])),
            ("Last outside month", f"{row['last_outside_month']:%B %Y}" if row["last_outside_month"] else f.MISSING),
            ("Checks", dcc.Link(verdict, href="/quality")),
        ]
    )


def _time(value: datetime | None, scope: Scope) -> str:
    return f.MISSING if value is None else f"{f.moment(value)} ({f.ago(value, scope.now)})"
