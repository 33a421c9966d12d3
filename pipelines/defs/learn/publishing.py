"""From frames to insights in the registry, and what a materialisation shows of models and of sets."""

from typing import Any
from uuid import UUID

import dagster as dg
import polars as pl
import pyarrow as pa

from models.card import ModelCard
from patchbay.core.client import ApiUnreachable
from patchbay.core.contracts.insights import INSIGHTS
from pipelines.conditions import PUBLISH_TRIES, PUBLISH_WAIT
from pipelines.defs.learn.keeping import facts
from pipelines.plots import bars_markdown
from pipelines.resources.insights import InsightsRoom, Measured
from warehouse.quality.records import markdown_table

Shown = dict[str, dg.MetadataValue | str | int | float]


def publish(room: InsightsRoom, kind: str, rows: pl.DataFrame, card: ModelCard) -> dg.MaterializeResult[None]:
    """Put the rows as one set and make it the one that is read; what was read before stays for a rollback.

    Asked again by Dagster while the registry is away; whatever else goes wrong would go wrong again.
    """
    try:
        chosen = _put(room, kind, as_set(kind, rows), card)
    except ApiUnreachable as error:
        raise dg.RetryRequested(PUBLISH_TRIES, PUBLISH_WAIT) from error
    room.record.rows[kind] = rows.height
    room.tell(kind)
    preview = markdown_table(rows.head(5).to_arrow())
    shown: Shown = {
        "dagster/row_count": rows.height,
        "set_id": str(chosen),
        "model_version": card.version,
        "preview": dg.MetadataValue.md(preview),
    }
    return dg.MaterializeResult(metadata=shown | _picture(rows))


def _put(room: InsightsRoom, kind: str, rows: pa.Table, card: ModelCard) -> UUID:
    until = card.trained_on.until
    return room.client.publish_set(
        kind,
        rows,
        model=card.name,
        model_version=card.version,
        data_until=until.isoformat() if until else None,
        card=facts(card),
    )


def as_set(kind: str, rows: pl.DataFrame) -> pa.Table:
    """The rows in the columns and types of the kind's contract. Raises polars' or Arrow's error for what does not fit."""
    contract = INSIGHTS[kind]
    return rows.select(contract.column_names).to_arrow().cast(contract.arrow_schema())


def trained(
    room: InsightsRoom, card: ModelCard, figures: tuple[Measured, ...], **more: str | int
) -> dg.MaterializeResult[None]:
    """A model's materialisation: its card, its figures and whatever else it says of itself."""
    room.record.measured += figures
    room.tell(card.name)
    shown: Shown = {"card": dg.MetadataValue.md(card.to_markdown()), "version": card.version, **more}
    figured: Shown = {_metric(name): value for name, value in card.metrics.items()}
    return dg.MaterializeResult(metadata=shown | figured)


def _metric(name: str) -> str:
    return "metric/" + name.replace(" ", "_")


def _picture(rows: pl.DataFrame) -> dict[str, Any]:
    """Rows by day where the set has dates, else by rank or score."""
    dated = next((name for name in ("started_at", "day") if name in rows.columns), None)
    if dated is None or rows.is_empty():
        return {}
    days = rows.group_by(pl.col(dated).dt.date()).len().sort(dated).rows()
    return {"rows_by_date": dg.MetadataValue.md(bars_markdown(days, "rows"))}
