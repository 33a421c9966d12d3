"""What the automation page draws."""

import json
from typing import Any

import polars as pl
from dash import html

from dashboards.kit import deeds as kit
from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.lists import Cell, Row, second, table
from dashboards.kit.page import Component, Scope
from dashboards.kit.urlstate import Filter
from dashboards.pages.automation.deeds import BY_NAME

STATES = ("waiting", "planned", "running", "done", "failed", "stopped", "stale", "dry_run")
FILTERS = (
    Filter("rule", "Rule"),
    Filter("state", "Plans", "", (("", "All"), *((state, state.replace("_", " ").capitalize()) for state in STATES)),
        wide=True),
)  # fmt: skip
TONES = {
    "waiting": "warn", "planned": "info", "running": "info", "done": "good", "failed": "bad", "stopped": "plain",
    "stale": "warn", "dry_run": "plain", "pending": "warn", "firing": "bad", "resolved": "good", "dropped": "plain",
    "lost": "plain",
}  # fmt: skip


def tiles(frame: pl.DataFrame, scope: Scope) -> Component:
    """What goes on, and the buttons for everything at once."""
    row = frame.row(0, named=True)
    shown = parts.tiles(
        (
            parts.Tile("Firing", f.whole(row["firing"]), "episodes now", tone="bad" if row["firing"] else ""),
            parts.Tile("Waiting", f.whole(row["waiting"]), "for approval", tone="watch" if row["waiting"] else ""),
            parts.Tile("Done", f.whole(row["done"]), "plans in 24 hours"),
            parts.Tile("Failed", f.whole(row["failed"]), "in 24 hours", tone="bad" if row["failed"] else ""),
            parts.Tile("Stopped", f.whole(row["rules_stopped"]), "rules"),
        )
    )
    return html.Div([shown, _everything(row, scope)])


def _everything(row: Row, scope: Scope) -> Component:
    if row["switch"]:
        said = html.P([parts.badge("stopped", "bad"), f" All rules are stopped: {row['stopped']}"])
        return html.Div([said, kit.button(BY_NAME["go-on"], row["switch"], scope, "with all rules")], className="deeds")
    stop = kit.button(BY_NAME["stop"], "tenant", scope, "all rules")
    about = html.Span("All rules:", className="quiet")
    return html.Div([about, kit.button(BY_NAME["dry-run"], "all", scope), stop], className="deeds")


def plans(frame: pl.DataFrame, scope: Scope) -> Component:
    """Each plan with its state and outcome, and buttons where somebody has to decide."""
    cells = [
        Cell("Planned", lambda row: second(row["recorded_at"])),
        Cell("Rule", lambda row: row["rule"], wide=True),
        Cell("What", _what, wide=True),
        Cell("State", lambda row: parts.badge(row["state"].replace("_", " "), TONES[row["state"]])),
        Cell("Outcome", lambda row: _outcome(row) or f.MISSING, wide=True),
        Cell("", lambda row: _decide(row, scope)),
    ]
    return table(frame.to_dicts(), cells, "Plans")


def _what(row: Row) -> Component:
    """The action with what it is about."""
    return html.Div([html.Span(row["action"].replace("_", " ")), html.Span(f" {_about(row)}", className="quiet")])


def _about(row: Row) -> str:
    """The values that a plan sets of a process, else the series that fired."""
    wanted = json.loads(row["desired"] or "{}")
    said = [f"{key.split('/')[-1]}: {_values(state)}" for key, state in wanted.items() if "/process/" in key]
    return ", ".join(said) or row["about"] or "all"


def _values(state: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in state.items())


def _outcome(row: Row) -> str:
    told = json.loads(row["outcome"] or "{}")
    kept = (told.get("detail") or told.get("reason"), told.get("delivery") and "delivered")
    return next((str(text) for text in kept if text), "") or (second(row["finished_at"]) if row["finished_at"] else "")


def _decide(row: Row, scope: Scope) -> Component:
    about = f"the plan of {row['rule']}: {row['action'].replace('_', ' ')}, {_about(row)}"
    names = {"waiting": ("approve", "cancel"), "planned": ("cancel",)}.get(row["state"], ())
    return html.Div([kit.button(BY_NAME[name], row["id"], scope, about) for name in names], className="deeds")


def plans_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many, and how many wait."""
    waiting = frame.filter(pl.col("state") == "waiting").height
    return f"{f.plural(frame.height, 'plan')} shown; {f.whole(waiting)} waiting for approval. Times are UTC."


def episodes(frame: pl.DataFrame, scope: Scope) -> Component:
    """Each episode with when it began, fired and ended."""
    cells = [
        Cell("Began", lambda row: second(row["began_at"])),
        Cell("Fired", lambda row: second(row["fired_at"])),
        Cell("Ended", lambda row: second(row["ended_at"])),
        Cell("Rule", lambda row: row["rule"], wide=True),
        Cell("Series", lambda row: row["about"] or "all", wide=True),
        Cell("Value", lambda row: f.MISSING if row["value"] is None else f"{row['value']:.4g}", number=True),
        Cell("State", lambda row: parts.badge(row["state"], TONES[row["state"]])),
    ]
    return table(frame.to_dicts(), cells, "Episodes")


def episodes_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many fire now."""
    firing = frame.filter(pl.col("state") == "firing").height
    return f"{f.plural(frame.height, 'episode')} shown, newest first; {f.whole(firing)} firing now."


def rules(frame: pl.DataFrame, scope: Scope) -> Component:
    """Each rule with its trigger and action in words, and its switch."""
    rows = [row | {"document": json.loads(row["document"])} for row in frame.to_dicts()]
    cells = [
        Cell("Rule", _named, wide=True),
        Cell("When", lambda row: trigger(row["document"]["trigger"]), wide=True),
        Cell("Then", lambda row: row["document"]["action"]["type"].replace("_", " ")),
        Cell("Mode", lambda row: parts.badge(row["document"]["mode"].replace("_", " "))),
        Cell("Changed", lambda row: second(row["updated_at"])[:16]),
        Cell("", lambda row: _switch(row, scope)),
    ]
    return table(rows, cells, "Rules")


def _named(row: Row) -> Component:
    description = row["document"].get("description") or ""
    return html.Div([html.Span(row["name"]), html.Span(f" {description}", className="quiet")])


def trigger(document: dict[str, Any]) -> str:
    """When a rule fires, in words."""
    held = document.get("duration")
    lasting = f" for {held}" if held and held != "0s" else ""
    if "schedule" in document:
        return f"at {document['schedule']} ({document['timezone']})"
    if "anomaly" in document:
        way = {"up": " above", "down": " below"}.get(document["direction"], " outside")
        return f"{document['anomaly']}{way} what is expected{lasting}"
    return f"{document['metric']} {document['comparator']} {document['threshold']:g}{lasting}"


def _switch(row: Row, scope: Scope) -> Component:
    name, about = ("go-on", f"with {row['name']}") if row["stopped"] else ("stop", row["name"])
    note = (
        [parts.badge("stopped", "bad"), html.Span(f" {row['stopped']} ", className="quiet")] if row["stopped"] else []
    )
    return html.Div([*note, kit.button(BY_NAME[name], f"rule:{row['name']}", scope, about)], className="deeds")


def rules_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many, and how many are stopped."""
    stopped = frame["stopped"].count()
    return f"{f.plural(frame.height, 'rule')}; {f.whole(stopped)} stopped. Change them with patchbay rules put."


def held(frame: pl.DataFrame, scope: Scope) -> Component:
    """Each firing without effect and why."""
    cells = [
        Cell("When", lambda row: second(row["recorded_at"])),
        Cell("Rule", lambda row: row["rule"], wide=True),
        Cell("Would have", lambda row: row["action"].replace("_", " ")),
        Cell("Held by", lambda row: parts.badge(row["reason"].replace("_", " "), "warn")),
        Cell("Because", lambda row: row["detail"], wide=True),
    ]
    return table(frame.to_dicts(), cells, "Held back")
