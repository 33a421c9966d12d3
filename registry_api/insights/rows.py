"""Rows of a set: judged as a whole, since a set with a row missing would be read as complete."""

from collections.abc import Callable, Iterator, Set

import polars as pl
from pydantic import TypeAdapter, ValidationError

from patchbay.core.contracts import Column, Contract
from patchbay.core.contracts.insights import ANOMALY_KINDS, BANDS
from registry_api.insights.schemas import RiskFactor
from registry_api.intake.columnar.checks import Check, at_most, between, finite, no_faults, one_of, quoted, refuse
from registry_api.intake.columnar.checks import required as text_required
from registry_api.intake.columnar.parsed import Parsed
from registry_api.problems import FieldError, InvalidRequest

MOST_SHOWN = 100
TEXT = 20_000
"""Longest text of a row, contributors and factors included."""
MOST_RANKS = 100_000
NO_TIME = pl.lit("1970-01-01T00:00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_zone="UTC", time_unit="us")
ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
NAMES_NOTHING = ("anomaly_id",)
"""Ids that the sender chooses."""
ORDER = {
    "recommendations": ("target_id", "rank"),
    "similar": ("plugin_id", "rank"),
    "forecasts": ("series", "tenant_id", "plugin_id", "day"),
}
"""What rows are read by, where it is not the order in which they came."""


def shaped(pieces: Callable[[], Iterator[Parsed]], contract: Contract, tenants: Set[str]) -> pl.DataFrame:
    """A body as the table keeps it; raises `InvalidRequest` for bad rows."""
    return stored(judged(pieces(), contract, tenants), contract)


def judged(pieces: Iterator[Parsed], contract: Contract, tenants: Set[str]) -> pl.DataFrame:
    """All rows, in the order in which they came; raises `InvalidRequest` naming row, field and fix of the first bad ones."""
    checks, good, faults = _checks(contract, tenants), list[pl.DataFrame](), [no_faults()]
    for piece in pieces:
        frame, found = refuse(piece.frame, [*piece.checks, *checks])
        good.append(frame.select("row_index", *contract.column_names))
        faults += [piece.faults.select(no_faults().columns), found]
    if not good:
        return pl.DataFrame(schema={"row_index": pl.Int64(), **dict.fromkeys(contract.column_names, pl.String())})
    frame, repeats = refuse(_lowered(pl.concat(good), contract), [_repeated(contract)])
    refused = pl.concat([*faults, repeats]).sort("row_index")
    if refused.height:
        raise _refusal(refused)
    return frame.sort("row_index")


def _refusal(refused: pl.DataFrame) -> InvalidRequest:
    errors = [
        FieldError(f"/{row['row_index']}/{row['field']}", row["code"], row["reason"])
        for row in refused.head(MOST_SHOWN).iter_rows(named=True)
    ]
    first = f"row {refused['row_index'][0]}: {errors[0].detail}"
    detail = f"{refused.height} rows are not valid; a set is taken whole or not at all. The first, {first}"
    return InvalidRequest(detail, errors=errors)


def _checks(contract: Contract, tenants: Set[str]) -> list[Check]:
    found = [check for column in contract.columns for check in _of_column(column, tenants)]
    return found + _MEANING.get(contract.name, [])


def _of_column(column: Column, tenants: Set[str]) -> Iterator[Check]:
    name = column.name
    if not column.nullable:
        missing = Check(name, "missing_field", f"{name} is required.", pl.col(name).is_null())
        yield text_required(name) if column.type == "string" else missing
    if column.type == "float64":
        yield finite(name)
    if column.type == "string":
        yield at_most(name, TEXT)
        yield Check(
            name, "control_character", f"{name} has a NUL character.", pl.col(name).str.contains("\0", literal=True)
        )
    if name.endswith("_id") and name not in NAMES_NOTHING:
        reason = pl.format("{} is not a UUID; send the id that the feeds give.", quoted(name))
        yield Check(name, "invalid_id", reason, ~pl.col(name).str.contains(ID))
    if name == "tenant_id":
        reason = pl.format("There is no tenant {}.", quoted(name))
        yield Check(name, "unknown_tenant", reason, ~pl.col(name).str.to_lowercase().is_in(list(tenants)))


def _json_list(name: str, items: type) -> Check:
    kind = TypeAdapter(list[items])  # type: ignore[valid-type]
    detail = f"{name} must be the text of a JSON list, as the contract says; send [] for none."

    def bad(texts: pl.Series) -> pl.Series:
        wrong = [text for text in texts.unique().drop_nulls() if not _reads(kind, text)]
        return texts.is_in(wrong)

    return Check(name, "invalid_json", detail, pl.col(name).map_batches(bad, pl.Boolean))


def _reads(kind: TypeAdapter[list[object]], text: str) -> bool:
    try:
        kind.validate_json(text)
    except ValidationError:
        return False
    return True


def _in_order(low: str, high: str) -> Check:
    return Check(high, "before_its_start", f"{high} is below {low}.", pl.col(high) < pl.col(low))


_RANK = [between("rank", 1, MOST_RANKS)]
_ANOMALY = [
    one_of("kind", ANOMALY_KINDS),
    _in_order("started_at", "ended_at"),
    _in_order("expected_low", "expected_high"),
    _json_list("contributors", object),
]
_MEANING = {
    "recommendations": _RANK,
    "similar": _RANK,
    "risk": [
        one_of("band", BANDS),
        between("score", 0, 100),
        *(between(name, 0, 1) for name in ("probability", "impact", "confidence")),
        _json_list("factors", RiskFactor),
    ],
    "anomalies": _ANOMALY,
    "live_anomalies": _ANOMALY,
    "forecasts": [_in_order("low", "high")],
}


def _lowered(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Ids as they are answered, so that two spellings of one are one."""
    ids = [name for name in contract.column_names if name.endswith("_id") and name not in NAMES_NOTHING]
    return frame.with_columns(pl.col(ids).str.to_lowercase())


def _repeated(contract: Contract) -> Check:
    key = pl.struct(contract.key)
    said = " and ".join(contract.key)
    reason = f"An earlier row has the same {said}; send one row for each."
    return Check(contract.key[-1], "repeated", reason, ~key.is_first_distinct())


def stored(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The table's columns but the set's id, of judged rows: what they are found by, and the whole of each as JSON text."""
    by = ORDER.get(contract.name, ("row_index",))
    frame = frame.sort(by, maintain_order=True, nulls_last=False).drop("row_index")
    none = pl.lit(None, pl.String)
    ended = pl.col("ended_at").is_not_null() if "ended_at" in frame.columns else pl.lit(value=False)
    return frame.select(
        position=pl.int_range(pl.len(), dtype=pl.Int64),
        tenant_id=_first(frame, none, "tenant_id"),
        plugin_id=_first(frame, none, "plugin_id"),
        other_plugin_id=_first(frame, none, "other_plugin_id", "because_plugin_id"),
        target_id=_first(frame, none, "target_id"),
        series=_first(frame, none, "series"),
        word=_first(frame, none, "band", "kind"),
        at=_first(frame, NO_TIME, "started_at", "day").cast(pl.Datetime("us", "UTC")),
        ended=ended,
        score=_first(frame, pl.lit(0.0), "score", "value").cast(pl.Float64),
        body=_as_json(frame),
    )


def _first(frame: pl.DataFrame, otherwise: pl.Expr, *names: str) -> pl.Expr:
    return next((pl.col(name) for name in names if name in frame.columns), otherwise)


def _as_json(frame: pl.DataFrame) -> pl.Expr:
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    shown = [
        pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ") if name in times else pl.col(name) for name in frame.columns
    ]
    return pl.struct(shown).struct.json_encode()
