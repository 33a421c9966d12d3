"""What lands before any transform: every feed row as it came, and the rows of the files those feeds name."""

from dataclasses import dataclass

from patchbay.core.contracts import FEEDS, Column, Contract
from patchbay.core.contracts.intake import REJECTS, STATISTIC_SEGMENT, USAGE_SEGMENT


@dataclass(frozen=True, slots=True)
class RawTable:
    """One raw table: its columns, and where its rows come from in words."""

    name: str
    description: str
    columns: tuple[Column, ...]


SEGMENT_ORIGIN = (
    Column("segment_id", "string", description="The segment the row was read from."),
    Column(
        "segment_seq",
        "int64",
        description="Feed position of the oldest segment this one descends from; survives compaction.",
    ),
)


def _feed(contract: Contract) -> RawTable:
    return RawTable(
        f"raw_{contract.name}", f"Every row of the feed `{contract.name}`: {contract.grain}.", contract.columns
    )


USAGE = RawTable(
    "raw_usage_events",
    "Rows of the usage segments that count now; a replaced or erased segment's rows are gone.",
    (*USAGE_SEGMENT.columns, Column("day", "date", description="UTC day of `at`."), *SEGMENT_ORIGIN),
)
STATISTICS = RawTable(
    "raw_statistics",
    "Rows of the statistics segments that count now.",
    (*STATISTIC_SEGMENT.columns, *SEGMENT_ORIGIN),
)
REJECTED = RawTable(
    "raw_rejects",
    "Refused rows of acknowledged batches, from the reject files the batches name.",
    (Column("tenant_id", "string"), Column("intake_batch_id", "string"), Column("stream", "string"), *REJECTS.columns),
)
LIVE_SEGMENTS = RawTable(
    "raw_live_segments",
    "Which segments count now, after replacements and erasures.",
    (*SEGMENT_ORIGIN, Column("stream", "string")),
)

RAW_TABLES: dict[str, RawTable] = {
    table.name: table
    for table in (*(_feed(contract) for contract in FEEDS.values()), LIVE_SEGMENTS, USAGE, STATISTICS, REJECTED)
}
"""Every raw table by name."""

BUILD_DAYS = RawTable("build_days", "The UTC days a partitioned table is being built for.", (Column("day", "date"),))
