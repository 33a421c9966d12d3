"""What the adoption page draws."""

from typing import Any

import polars as pl

from dashboards.kit import format as f
from dashboards.kit.figures import heatmap, lines, lines_by, stacked_bars
from dashboards.kit.page import Component, Scope
from dashboards.kit.tables import Column, grid

TRANSITIONS = ("installed", "upgraded", "removed", "reinstalled", "downgraded", "first seen")
COHORTS, MONTHS = 14, 13
RETAINED = {
    "person": ("people", "use", "used a plugin again"),
    "target": ("targets", "installation", "had a plugin in place"),
}
"""Who is counted, how they begin, and what keeps them: people use a plugin, targets have it installed."""


def installed(frame: pl.DataFrame, scope: Scope) -> Any:
    """One stepping line per environment."""
    return lines_by(frame, "day", "installations", "environment", scope.colours, steps=True)


def installed_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The last level of each environment."""
    last = frame.group_by("environment", maintain_order=True).last()
    levels = ", ".join(f"{f.whole(row['installations'])} in {row['environment']}" for row in last.to_dicts())
    return f"Latest: {levels}."


def activity(frame: pl.DataFrame, scope: Scope) -> Any:
    """Uses per day."""
    return lines(
        frame, "day", {"uses": "Uses", "active_targets": "Active plugin–target pairs"}, scope.colours, fill=True
    )


def activity_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The total, and that environments do not split it."""
    first, last = frame["day"][0], frame["day"][-1]
    note = " Usage is not split by environment here." if scope.pick["environment"] else ""
    span = f"from {f.day(first)} to {f.day(last)}" if first != last else f"on {f.day(first)}"
    total = f.total(frame["uses"])
    return f"{f.short(total)} {'use' if total == 1 else 'uses'} {span}.{note}"


def retention(frame: pl.DataFrame, scope: Scope) -> Any:
    """Cohorts by month as a grid of shares; the newest cohorts and the first year."""
    near = frame.filter(pl.col("months_since") < MONTHS)
    cohorts = sorted(near["cohort_month"].unique().to_list())[-COHORTS:]
    months = sorted(near["months_since"].unique().to_list())
    shares = {(row["cohort_month"], row["months_since"]): row["share"] for row in near.to_dicts()}
    z = [[shares.get((cohort, month)) for month in months] for cohort in cohorts]
    began = "use" if scope.pick["subject"] == "person" else "installation"
    hover = f"First {began} %{{y}}<br>%{{x}} months later: %{{z:.1%}}<extra></extra>"
    made = heatmap(z, [str(month) for month in months], [f"{cohort:%b %Y}" for cohort in cohorts], scope.colours, hover)
    return made.update_xaxes(title_text=f"Months after first {began}", type="category").update_yaxes(type="category")


def retention_said(frame: pl.DataFrame, scope: Scope) -> str:
    """What was there after one month, over all cohorts that had the chance."""
    who, began, stayed = RETAINED[scope.pick["subject"]]
    first = frame.filter(pl.col("months_since") == 1)
    if first.is_empty():
        return f"{who.capitalize()} by the month of their first {began} of a plugin; no cohort is a month old yet."
    share = f.total(first["retained"]) / f.total(first["cohort_size"])
    return f"{f.percent(share)} of {who} {stayed} in the month after their first {began} of it."


def transitions(frame: pl.DataFrame, scope: Scope) -> Any:
    """Stacked bars per month."""
    made = stacked_bars(frame, "month", "targets", "transition", scope.colours, TRANSITIONS, "%b %Y")
    return made.update_xaxes(tickformat="%b %Y")


def transitions_said(frame: pl.DataFrame, scope: Scope) -> str:
    """Totals per kind of change."""
    totals = frame.group_by("transition").agg(pl.col("targets").sum()).sort("targets", descending=True)
    return ", ".join(f"{f.whole(row['targets'])} {row['transition']}" for row in totals.to_dicts()) + "."


def detail(frame: pl.DataFrame, scope: Scope) -> Component:
    """The mart itself."""
    columns = [
        Column("day", "Day", least=110),
        Column("ref", "Plugin", "link", href="href", grow=2, least=180),
        Column("organisation", "Organisation", grow=1.2),
        Column("installed_targets", "Have it", "count"),
        Column("active_targets", "Active targets", "count"),
        Column("active_persons", "Active people", "count"),
        Column("uses", "Uses", "count"),
    ]
    return grid(frame, label="Adoption by plugin and day", columns=columns)
