"""Contracts in Dagster's words: keys, columns, descriptions, and what a materialisation shows."""

from datetime import date

import dagster as dg

from patchbay.core.contracts import Column
from warehouse.build import Built
from warehouse.contracts import RawTable, TableContract
from warehouse.quality.records import markdown_table
from warehouse.session import WarehouseSession

_DATES = ("day", "week", "month", "cohort_month")


def column_schema(columns: tuple[Column, ...], key: tuple[str, ...] = ()) -> dg.TableSchema:
    """Columns with types, descriptions and constraints, for the asset's catalogue page."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                column.description or None,
                dg.TableColumnConstraints(nullable=column.nullable, unique=key == (column.name,)),
            )
            for column in columns
        ]
    )


def spec_metadata(table: TableContract | RawTable) -> dict[str, object]:
    """What is always true of a table."""
    if isinstance(table, RawTable):
        return {"dagster/column_schema": column_schema(table.columns), "dagster/table_name": table.name}
    return {
        "dagster/column_schema": column_schema(table.columns, table.key),
        "dagster/table_name": table.name,
        "grain": table.grain,
        "key": ", ".join(table.key),
        "sql": dg.MetadataValue.path(f"warehouse/sql/duckdb/{table.name}.sql"),
    }


def description(contract: TableContract) -> str:
    """The description shown: what it is, and its grain."""
    return f"{contract.description}\n\n**Grain:** {contract.grain}. **Key:** `{', '.join(contract.key)}`."


def built_metadata(
    warehouse: WarehouseSession, contract: TableContract, built: Built
) -> dict[str, dg.MetadataValue | str | int]:
    """What a materialisation shows: counts, the days replaced, the first rows and, where the table has dates, a picture."""
    shown: dict[str, dg.MetadataValue | str | int] = {
        "dagster/row_count": built.rows,
        "rows_written": built.written,
        "preview": dg.MetadataValue.md(markdown_table(warehouse.sample(contract.name))),
    }
    if contract.partitioned:
        shown["days"] = _days_in_words(built.days)
    if dated := next((name for name in _DATES if name in contract.column_names), None):
        from pipelines.plots import bars_markdown

        shown["rows_by_date"] = dg.MetadataValue.md(bars_markdown(warehouse.by_date(contract.name, dated), "rows"))
    return shown


def _days_in_words(days: tuple[date, ...]) -> str:
    if not days:
        return "none: nothing changed"
    return f"{len(days)} day{'s' * (len(days) > 1)}, {days[0]} to {days[-1]}"
