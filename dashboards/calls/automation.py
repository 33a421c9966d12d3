"""What the registry knows of its rules: how they stand, what fired, what was planned and what was held back."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboards.access import Access
from dashboards.calls.frames import MOMENT, Schema, typed
from dashboards.calls.naming import labelled
from dashboards.kit.page import Call
from dashboards.registry import Route, route

PATH = "/v1/automation"
SHOWN, COUNTED = 100, 1_000
"""Rows on a page, and the newest rows in which a rule's name is searched and that are counted."""
DAY = timedelta(days=1)
PLAN = {"id": pl.String, "rule": pl.String, "action": pl.String, "state": pl.String, "targets": pl.String,
    "desired": pl.String, "subject": pl.String, "value": pl.Float64, "hash": pl.String, "author": pl.String,
    "approved_by": pl.String, "recorded_at": MOMENT, "finished_at": MOMENT, "outcome": pl.String,
    "trace_id": pl.String}  # fmt: skip
EPISODE = {"rule": pl.String, "state": pl.String, "labels": pl.String, "value": pl.Float64, "began_at": MOMENT,
    "fired_at": MOMENT, "ended_at": MOMENT, "trace_id": pl.String}  # fmt: skip
RULE = {"name": pl.String, "revision": pl.String, "author": pl.String, "document": pl.String, "updated_at": MOMENT}
HELD = {"rule": pl.String, "action": pl.String, "reason": pl.String, "detail": pl.String, "recorded_at": MOMENT}
SWITCH = {"scope": pl.String, "reason": pl.String, "set_by": pl.String, "recorded_at": MOMENT}


def plans(rule: str, state: str) -> Call:
    """Plans, newest first; `rule` is a part of a rule's name."""
    asked = route(f"{PATH}/plans", state=state)
    return Call(
        "plans", "Plans", "What was to be done, and what became of it, newest first.",
        lambda access: labelled(_newest(access, asked, PLAN, rule), "subject", access), shown=SHOWN,
    )  # fmt: skip


def episodes(rule: str) -> Call:
    """Episodes, newest first; `rule` is a part of a rule's name."""
    asked = route(f"{PATH}/episodes")
    return Call(
        "episodes", "Episodes", "What each rule saw: pending, firing, over.",
        lambda access: labelled(_newest(access, asked, EPISODE, rule), "labels", access), shown=SHOWN,
    )  # fmt: skip


def held(rule: str) -> Call:
    """Firings without effect, newest first; `rule` is a part of a rule's name."""
    asked = route(f"{PATH}/suppressions")
    return Call(
        "held", "Held back", "What fired and had no effect, once per episode, with the reason.",
        lambda access: _newest(access, asked, HELD, rule), shown=SHOWN,
    )  # fmt: skip


def _newest(access: Access, asked: Route, schema: Schema, rule: str) -> pl.DataFrame:
    """The newest rows, one more than a page shows; with a part of a rule's name, those of the newest thousand that have it."""
    return _named(typed(access.rows(asked, COUNTED if rule else SHOWN + 1), schema), "rule", rule)


def _named(frame: pl.DataFrame, column: str, part: str) -> pl.DataFrame:
    return frame.filter(pl.col(column).str.to_lowercase().str.contains(part.lower(), literal=True)) if part else frame


def rules(rule: str) -> Call:
    """Rules with the kill switch that is on for each; `rule` is a part of a rule's name."""
    said = "Every rule as it stands, and whether it is stopped."
    return Call("rules", "Rules", said, lambda access: _named(_rules(access), "name", rule))


def _rules(access: Access) -> pl.DataFrame:
    found = typed(access.rows(route(f"{PATH}/rules")), RULE)
    stopped = {row["scope"]: row["reason"] for row in access.rows(route(f"{PATH}/switches"))}
    reasons = [stopped.get(f"rule:{name}") for name in found["name"]]
    return found.with_columns(pl.Series("stopped", reasons, dtype=pl.String))


def summary(now: datetime) -> Call:
    """One row: what goes on now and what was done within a day; whether everything is stopped."""
    return Call("automation", "Automation now", "What goes on now.", lambda access: _summary(access, now))


def _summary(access: Access, now: datetime) -> pl.DataFrame:
    made = typed(access.rows(route(f"{PATH}/plans"), COUNTED), PLAN)
    waiting = access.rows(route(f"{PATH}/plans", state="waiting"), COUNTED)
    recent = made.filter(pl.col("recorded_at") > now - DAY)
    seen = access.rows(route(f"{PATH}/episodes", state="firing"), COUNTED)
    switches = typed(access.rows(route(f"{PATH}/switches")), SWITCH)
    whole = switches.filter(pl.col("scope").is_in(["tenant", "global"]))
    counts: dict[str, Any] = {
        "firing": len(seen),
        "waiting": len(waiting),
        "done": recent.filter(pl.col("state") == "done").height,
        "failed": recent.filter(pl.col("state").is_in(["failed", "stale"])).height,
        "stopped": whole["reason"][0] if whole.height else None,
        "switch": whole["scope"][0] if whole.height else None,
        "rules_stopped": switches.height - whole.height,
    }
    return pl.DataFrame([counts], schema_overrides={"stopped": pl.String, "switch": pl.String})
