"""What a target's page draws."""

from typing import Any

import polars as pl

from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.figures import lines
from dashboards.kit.page import Component, Scope
from dashboards.kit.tables import Column, grid


def header(frame: pl.DataFrame, scope: Scope) -> Component:
    """What the target is and how it stands."""
    row = frame.row(0, named=True)
    return parts.tiles(
        [
            parts.Tile("Plugins", f.whole(row["plugins"]), "in place now"),
            parts.Tile(
                "With warnings",
                f.whole(row["with_warnings"]),
                "plugins ever warned about, in any version",
                tone="watch" if row["with_warnings"] else "",
            ),
            parts.Tile("Environment", row["environment"], row["lifecycle"]),
            parts.Tile("Kind", row["kind"], row["title"] or ""),
            parts.Tile("Last change", f.day(row["last_change"]), f"in {row['organisation_name']}"),
        ]
    )


def plugins(frame: pl.DataFrame, scope: Scope) -> Component:
    """The plugins in place."""
    columns = [
        Column("plugin", "Plugin", "link", href="href", grow=2.4, least=200),
        Column("version", "Version"),
        Column("latest_version", "Latest"),
        Column("since", "Seen since", least=110),
        Column("origin", "Why", least=115),
        Column("lifecycle", "Lifecycle", "badge", least=110),
        Column("warnings", "Warnings", "count"),
        Column("unfixed", "Unfixed", "count"),
    ]
    return grid(frame, label="Plugins on this target", columns=columns, sight=16)


def plugins_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many plugins, and how many were warned about."""
    warned = frame.filter(pl.col("warnings") > 0).height
    return f"{f.plural(frame.height, 'plugin')} in place, {f.whole(warned)} of them with a published warning."


def level(frame: pl.DataFrame, scope: Scope) -> Any:
    """The number of plugins, stepping."""
    return lines(frame, "day", {"plugins": "Plugins"}, scope.colours, steps=True, fill=True)


def history(frame: pl.DataFrame, scope: Scope) -> Component:
    """What changed, newest first."""
    columns = [
        Column("changed_at", "When", least=140),
        Column("change", "Change", "badge"),
        Column("plugin", "Plugin", "link", href="href", grow=2, least=170),
        Column("version", "Version"),
    ]
    return grid(frame, label="Changes", columns=columns)
