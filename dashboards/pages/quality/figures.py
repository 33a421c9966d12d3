"""What the quality page draws."""

from typing import Any

import polars as pl

from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.figures import stacked_bars
from dashboards.kit.page import Component, Scope
from dashboards.kit.tables import Column, grid

OUTCOMES = ("accepted", "rejected", "duplicate")


def tiles(frame: pl.DataFrame, scope: Scope) -> Component:
    """Rows by outcome."""
    row = frame.row(0, named=True)
    received = row["received"]
    nothing = "nothing received" if received is None else ""
    return parts.tiles(
        [
            parts.Tile("Received", f.whole(received), nothing or "rows in the period"),
            parts.Tile(
                "Accepted", f.whole(row["accepted"]), nothing or f.percent(_share(row["accepted"], received), 1)
            ),
            parts.Tile("Already known", f.whole(row["duplicates"] or (0 if received else None)), "repeats, kept once"),
            parts.Tile(
                "Refused",
                f.whole(row["rejected"] or (0 if received else None)),
                "each with its reason",
                tone="watch" if row["rejected"] else "",
            ),
            parts.Tile(
                "Set aside later",
                f.whole(row["set_aside"] or (0 if received else None)),
                "found unusable while building",
            ),
        ]
    )


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def per_day(frame: pl.DataFrame, scope: Scope) -> Any:
    """Stacked bars per day and outcome."""
    return stacked_bars(frame, "day", "rows", "outcome", scope.colours, OUTCOMES)


def per_day_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The totals in one sentence."""
    totals = dict(frame.group_by("outcome").agg(pl.col("rows").sum()).iter_rows())
    return ", ".join(f"{f.short(totals[name])} {name}" for name in OUTCOMES if name in totals) + "."


def reasons(frame: pl.DataFrame, scope: Scope) -> Component:
    """Refused rows by reason."""
    columns = [
        Column("code", "Reason", grow=1.8, least=180),
        Column("stream", "Stream", grow=1.2, least=115),
        Column("fate", "Fate", least=110),
        Column("rows", "Rows", "count"),
        Column("last_day", "Last day", least=110),
    ]
    return grid(frame, label="Refused rows by reason", columns=columns)


def by_stream(frame: pl.DataFrame, scope: Scope) -> Component:
    """Rows by stream."""
    columns = [
        Column("stream", "Stream", grow=1.4, least=105),
        Column("accepted", "Accepted", "count"),
        Column("duplicates", "Known", "count"),
        Column("rejected", "Refused", "count"),
        Column("rejected_share", "Refused %", "share"),
    ]
    return grid(frame, label="Intake by stream", columns=columns)


def checks(frame: pl.DataFrame, scope: Scope) -> Component:
    """Every check with its outcome."""
    columns = [
        Column("status", "Status", "badge"),
        Column("table_name", "Table", grow=1.5, least=170),
        Column("check_name", "Check", grow=2, least=200),
        Column("severity", "Severity"),
        Column("observed", "Observed"),
        Column("expected", "Expected"),
        Column("failed_rows", "Failed rows", "count"),
        Column("checked_at", "When", least=140),
    ]
    return grid(frame, label="Checks", columns=columns, sight=14)


def checks_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many failed."""
    failed = frame.filter(pl.col("status") == "failed").height
    return f"{f.plural(frame.height, 'check')}, " + (f"{f.whole(failed)} failed." if failed else "all passed.")
