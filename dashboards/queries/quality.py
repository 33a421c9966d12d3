"""Questions about the data's quality: what the intake refused and how the snapshot's checks went."""

from dashboards.queries.question import Question, days

LATER = "('repeated_event', 'removed_without_add')"
"""Codes that the warehouse adds by day of the event; the rows behind them were accepted at the door before."""
KEPT = "('accepted', 'duplicate', 'repeated_event', 'removed_without_add')"


def totals(stream: str, period: str) -> Question:
    """Rows accepted, doubled and refused in the period; one row, nulls when nothing came in."""
    return Question(
        "quality_totals",
        "Intake",
        "Rows received in the period, by what became of them.",
        f"""
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT CAST(sum(rows) FILTER (code NOT IN {LATER}) AS BIGINT) AS received,
            CAST(sum(rows) FILTER (code = 'accepted') AS BIGINT) AS accepted,
            CAST(sum(rows) FILTER (code = 'duplicate') AS BIGINT) AS duplicates,
            CAST(sum(rows) FILTER (code NOT IN {KEPT}) AS BIGINT) AS rejected,
            CAST(sum(rows) FILTER (code IN {LATER}) AS BIGINT) AS set_aside
        FROM mart_data_quality, span
        WHERE ($stream = '' OR stream = $stream) AND day > last_day - CAST($days AS INTEGER)
        """,
        {"stream": stream, "days": days(period)},
    )


def intake_per_day(stream: str, period: str) -> Question:
    """Rows per day and outcome."""
    return Question(
        "intake_per_day",
        "Intake per day",
        "Rows received per day: accepted, already known, or refused.",
        f"""
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT day, CASE WHEN code IN ('accepted', 'duplicate') THEN code ELSE 'rejected' END AS outcome,
            CAST(sum(rows) AS BIGINT) AS rows
        FROM mart_data_quality, span
        WHERE code NOT IN {LATER} AND ($stream = '' OR stream = $stream)
            AND day > last_day - CAST($days AS INTEGER)
        GROUP BY ALL ORDER BY day, outcome
        """,
        {"stream": stream, "days": days(period)},
        shown=10_000,
    )


def rejects_by_reason(stream: str, period: str) -> Question:
    """Refused rows by stream and reason code, most first."""
    return Question(
        "rejects_by_reason",
        "Refused rows by reason",
        "Why rows were refused at the door, or set aside later; the API's intake batches hold each with its reason.",
        f"""
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT stream, code, CASE WHEN code IN {LATER} THEN 'set aside later' ELSE 'refused' END AS fate,
            CAST(sum(rows) AS BIGINT) AS rows, min(day) AS first_day, max(day) AS last_day_seen
        FROM mart_data_quality, span
        WHERE code NOT IN ('accepted', 'duplicate') AND ($stream = '' OR stream = $stream)
            AND day > last_day - CAST($days AS INTEGER)
        GROUP BY stream, code ORDER BY rows DESC, stream, code
        """,
        {"stream": stream, "days": days(period)},
    )


def by_stream(period: str) -> Question:
    """Rows by stream and outcome, with the share refused."""
    return Question(
        "by_stream",
        "By stream",
        "What came in through each door, and the share that was refused.",
        f"""
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT stream, coalesce(CAST(sum(rows) FILTER (code = 'accepted') AS BIGINT), 0) AS accepted,
            coalesce(CAST(sum(rows) FILTER (code = 'duplicate') AS BIGINT), 0) AS duplicates,
            coalesce(CAST(sum(rows) FILTER (code NOT IN {KEPT}) AS BIGINT), 0) AS rejected,
            coalesce(sum(rows) FILTER (code NOT IN {KEPT}), 0)
                / nullif(sum(rows) FILTER (code NOT IN {LATER}), 0) AS rejected_share
        FROM mart_data_quality, span
        WHERE day > last_day - CAST($days AS INTEGER)
        GROUP BY stream ORDER BY stream
        """,
        {"days": days(period)},
    )


def streams() -> Question:
    """The streams that received anything."""
    return Question(
        "streams", "Streams", "Streams.", "SELECT stream FROM mart_data_quality GROUP BY stream ORDER BY stream"
    )
