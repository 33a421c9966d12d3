"""What a score is made from: one serialisable record per plugin and date."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

Record = dict[str, Any]

OPEN_ADVISORY = pl.Struct(
    {"id": pl.String, "severity": pl.String, "exploited": pl.Boolean, "likelihood": pl.Float64, "reach": pl.Float64}
)
"""A published advisory that hits the latest release: `likelihood` of exploitation (EPSS) and `reach` from 0 to 1."""

FEATURES = pl.Schema(
    {
        "plugin": pl.String(),
        "as_of": pl.Date(),
        "installs": pl.Float64(),  # wherever the plugin runs: what makes people look for holes
        "advisories": pl.Int64(),
        "years": pl.Float64(),  # in which an advisory would have been published
        "open_advisories": pl.List(OPEN_ADVISORY),
        "days_since_release": pl.Int64(),
        "lifecycle": pl.String(),  # active, deprecated, archived, withdrawn or quarantined
        "targets": pl.Float64(),  # of the tenant the score is for
        "dependents": pl.Float64(),
        "privilege": pl.Float64(),  # from 0 to 1: what it may do where it runs
        "licence": pl.String(),  # compatible or incompatible with the tenant's policy
    }
)
"""Null means not known, never none: an unknown feature is taken at its base rate and costs confidence."""

_REQUIRED = ("plugin", "as_of")
_LARGEST = 1e15


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of `FEATURES` in their order and types; a column not given is unknown, further ones are dropped.

    Raises `ValueError` when plugin or as_of is missing or null or a number is out of its range, and polars' error for
    a value of another type.
    """
    for name in _REQUIRED:
        if name not in frame.columns or frame[name].null_count():
            raise ValueError(f"every record needs `{name}`")
    made = frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None, dtype)).cast(dtype).alias(name)
        for name, dtype in FEATURES.items()
    )
    _refuse_impossible(made)
    return made


def from_records(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Records with plain JSON values as a frame; the dates may be ISO texts."""
    rows = [{**record, "as_of": _day(record.get("as_of"))} for record in records]
    schema = {name: dtype for name, dtype in FEATURES.items() if any(name in row for row in rows) or name in _REQUIRED}
    return conform(pl.DataFrame(rows, schema=schema, orient="row"))


def to_records(frame: pl.DataFrame) -> list[Record]:
    """One plain JSON record a row."""
    dated = conform(frame).with_columns(pl.col("as_of").dt.to_string("%Y-%m-%d"))
    return dated.to_dicts()


def fingerprint(record: Mapping[str, Any]) -> str:
    """Sixteen hex digits that any change of the record changes."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _refuse_impossible(made: pl.DataFrame) -> None:
    shares = made.select(pl.col("open_advisories").explode()).unnest("open_advisories").select("likelihood", "reach")
    columns = [*made.select(name for name, dtype in FEATURES.items() if dtype.is_numeric()), *shares]
    for column in columns:
        most = 1 if column.name in ("privilege", "likelihood", "reach") else _LARGEST
        if not column.drop_nulls().is_between(0, most).all():
            where = "open_advisories: " if column.name in shares.columns else ""
            raise ValueError(f"{where}`{column.name}` must be a number from 0 to {most:g}")


def _day(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value
