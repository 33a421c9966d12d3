"""Where engines differ, as data: what transforms must not use, and why.

`tests/warehouse/test_portable_subset.py` reads it and refuses a transform that does, so that a second engine stays possible.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """One operation that is not the same everywhere."""

    operation: str
    reason: str


GAPS: tuple[Gap, ...] = (
    Gap("asof_join", "not on Spark or Trino; spell it as a window"),
    Gap("positional_join", "DuckDB only"),
    Gap("bucket", "timestamp buckets with offset differ"),
    Gap("time", "no time-of-day type on Spark"),
    Gap("first", "order of input is not defined; use a window with a unique order"),
    Gap("last", "order of input is not defined; use a window with a unique order"),
    Gap("arbitrary", "any row is not a stable row"),
    Gap("group_concat", "ordered text aggregation differs"),
    Gap("collect", "nulls and order differ"),
    Gap("mode", "ties differ"),
    Gap("approx_nunique", "not the same number twice"),
    Gap("approx_median", "not the same number twice"),
    Gap("try_cast", "not on every engine"),
    Gap("typeof", "names of types differ"),
    Gap("sample", "seeds differ"),
    Gap("random", "a rebuild must be identical"),
    Gap("uuid", "a rebuild must be identical"),
    Gap("now", "a rebuild must be identical"),
    Gap("today", "a rebuild must be identical"),
    Gap("sql", "names one engine"),
    Gap("raw_sql", "names one engine"),
    Gap("execute", "a transform describes rows, an engine makes them"),
    Gap("to_pandas", "a transform describes rows, an engine makes them"),
    Gap("to_polars", "a transform describes rows, an engine makes them"),
    Gap("to_pyarrow", "a transform describes rows, an engine makes them"),
    Gap("cache", "makes temporary tables"),
    Gap("memtable", "its generated name makes the SQL different each time"),
    Gap("describe", "columns differ"),
    Gap("udf", "vectorised functions do not run on Spark"),
    Gap("limit", "any rows are not stable rows; use row_number with a unique order"),
    Gap("head", "any rows are not stable rows"),
)
"""Operations that no transform uses."""
