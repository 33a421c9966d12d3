"""What the system page draws, and how it turns the API's answers into frames."""

from typing import Any

import polars as pl

from dashboards.access import Access
from dashboards.kit import parts
from dashboards.kit.page import Component, Scope
from dashboards.kit.tables import Column, grid
from dashboards.kit.theme import TONES
from dashboards.registry import route


def readiness(access: Access) -> pl.DataFrame:
    """The API's readiness answer, one row per part; a part that is not ready says why."""
    answer = access.answers.registry.ready()
    if faults := answer.get("errors"):
        return flat({"status": "failed"} | {fault["pointer"] or "cause": fault["detail"] for fault in faults})
    return flat(answer)


def status(access: Access) -> pl.DataFrame:
    """The API's system status, one row per figure, after how far the published data is behind it."""
    answer = access.document(route("/v1/system/status"))
    head = answer.get("feeds", {}).get("head_seq")
    done = access.snapshot.head_seq if access.snapshot else None
    lag = {
        "published up to change": done,
        "changes not yet published": head - done if None not in (head, done) else None,
    }
    return flat(
        {"registry is at change": head} | lag | {name: part for name, part in answer.items() if name != "feeds"}
    )


def flat(answer: dict[str, Any]) -> pl.DataFrame:
    """A nested JSON answer as (part, value) rows in its own order."""
    rows: list[tuple[str, str]] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(name if prefix == "counts" else f"{prefix} {name}".strip(), inner)
        else:
            rows.append((prefix.replace("_", " "), said(value)))

    walk("", answer)
    return pl.DataFrame(rows, schema={"part": pl.String, "value": pl.String}, orient="row")


def said(value: Any) -> str:
    """A JSON value in words."""
    if isinstance(value, bool):
        return "ok" if value else "failed"
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value)


def parts_table(frame: pl.DataFrame, scope: Scope) -> Component:
    """Parts and their values as a list."""
    shown = [
        (row["part"], parts.badge(row["value"]) if row["value"] in TONES else row["value"]) for row in frame.to_dicts()
    ]
    return parts.facts(shown)


def failed_checks(frame: pl.DataFrame, scope: Scope) -> Component:
    """The checks by table."""
    columns = [
        Column("table_name", "Table", grow=2, least=180),
        Column("checks", "Checks", "count"),
        Column("failed", "Failed", "count"),
        Column("last_checked", "Last checked", least=140),
    ]
    return grid(frame, label="Checks by table", columns=columns)
