"""What the list of targets draws."""

import polars as pl

from dashboards.kit import format as f
from dashboards.kit.page import Component, Scope
from dashboards.kit.tables import Column, grid


def targets(frame: pl.DataFrame, scope: Scope) -> Component:
    """Every target as a row that leads to its page."""
    several = frame["organisation"].n_unique() > 1
    columns = [
        Column("name", "Target", "link", href="href", grow=2, least=190),
        *([Column("organisation", "Organisation", grow=1.2, least=120)] if several else []),
        Column("environment", "Environment", "badge", least=120),
        Column("kind", "Kind", grow=1.3, least=130),
        Column("lifecycle", "Lifecycle", "badge", least=110),
        Column("plugins", "Plugins", "count"),
        Column("with_unfixed", "Unfixed", "count", tip="Plugins with an unfixed security warning"),
        Column("last_change", "Last addition", least=120),
    ]
    return grid(frame, label="Install targets", columns=columns, sight=20)


def targets_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many targets and installations."""
    placed = f.total(frame["plugins"])
    return f"{f.plural(frame.height, 'target')} with {f.plural(placed, 'installation')} in place."
