"""From the API's JSON to frames, with names from the snapshot set beside its ids."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import polars as pl

from dashboards.access import Access
from dashboards.queries import names

MOMENT = pl.Datetime("us", "UTC")
Schema = Mapping[str, Any]
Row = Mapping[str, Any]


def typed(rows: Iterable[Row], schema: Schema) -> pl.DataFrame:
    """The rows' fields of a schema; a field that a row lacks is null. Times are ISO texts; nested values become JSON texts."""
    read = [{name: _value(row.get(name), kind) for name, kind in schema.items()} for row in rows]
    return pl.DataFrame(read, schema=dict(schema))


def _value(value: Any, kind: Any) -> Any:
    if kind == MOMENT and isinstance(value, str):
        return datetime.fromisoformat(value)
    if kind == pl.String and value is not None and not isinstance(value, str):
        return json.dumps(value)
    return float(value) if kind == pl.Float64 and value is not None else value


def titled(frame: pl.DataFrame, access: Access) -> pl.DataFrame:
    """The frame with title and href of the plugins whose refs are in `plugin`; a title the snapshot lacks is the ref."""
    refs = frame["plugin"].unique().drop_nulls().to_list()
    pages = pl.DataFrame({"plugin": refs, "href": [page_of(ref) for ref in refs]}, schema=_PAGES)
    known = access.table(names.plugins())
    titles = pl.DataFrame(schema=_TITLES) if known is None else known.select("plugin_id", "title")
    made = frame.join(titles, on="plugin_id", how="left", maintain_order="left")
    made = made.join(pages, on="plugin", how="left", maintain_order="left")
    return made.with_columns(pl.coalesce("title", "plugin").alias("title"))


_PAGES = {"plugin": pl.String, "href": pl.String}
_TITLES = {"plugin_id": pl.String, "title": pl.String}


def page_of(ref: str) -> str:
    """The page of a plugin by its ref."""
    namespace, _, name = ref.partition(":")
    return f"/plugins/{quote(namespace, safe='')}/{quote(name, safe='')}"
