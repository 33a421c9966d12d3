"""Questions about the data's quality: what the intake took and refused."""

from dashboards.queries.question import Question, days

FATES = """
        WITH fates AS (
            SELECT *, CASE
                WHEN code IN ('accepted', 'duplicate') THEN code
                WHEN code IN ('repeated_event', 'removed_without_add') THEN 'set aside'
                ELSE 'rejected' END AS fate
            FROM mart_data_quality
            WHERE ($stream = '' OR stream = $stream)
                AND day > (SELECT max(day) FROM mart_data_quality) - CAST($days AS INTEGER)
        )"""
"""What became of rows. `set aside` comes on top of what was received: the door had accepted those rows before."""


def totals(stream: str, period: str) -> Question:
    """Rows accepted, doubled and refused in the period; one row, nulls when nothing came in."""
    return Question(
        "quality_totals",
        "Intake",
        "Rows received in the period, by what became of them.",
        """
        SELECT CAST(sum(rows) FILTER (fate <> 'set aside') AS BIGINT) AS received,
            CAST(sum(rows) FILTER (fate = 'accepted') AS BIGINT) AS accepted,
            CAST(sum(rows) FILTER (fate = 'duplicate') AS BIGINT) AS duplicates,
            CAST(sum(rows) FILTER (fate = 'rejected') AS BIGINT) AS rejected,
            CAST(sum(rows) FILTER (fate = 'set aside') AS BIGINT) AS set_aside
        FROM fates
        """,
        {"stream": stream, "days": days(period)},
        given=FATES,
    )


def intake_per_day(stream: str, period: str) -> Question:
    """Rows per day of acknowledgement and outcome."""
    return Question(
        "intake_per_day",
        "Intake per day",
        "Rows received per day: accepted, already known, or refused.",
        """
        SELECT day, fate AS outcome, CAST(sum(rows) AS BIGINT) AS rows
        FROM fates WHERE fate <> 'set aside' GROUP BY day, fate ORDER BY day, fate
        """,
        {"stream": stream, "days": days(period)},
        shown=10_000,
        given=FATES,
    )


def rejects_by_reason(stream: str, period: str) -> Question:
    """Refused rows by stream and reason code, most first."""
    return Question(
        "rejects_by_reason",
        "Refused rows by reason",
        "Why rows were refused at the door, or set aside later; the API's intake batches hold each with its reason.",
        """
        SELECT stream, code, fate, CAST(sum(rows) AS BIGINT) AS rows, min(day) AS first_day, max(day) AS last_day
        FROM fates WHERE fate IN ('rejected', 'set aside')
        GROUP BY stream, code, fate ORDER BY rows DESC, stream, code
        """,
        {"stream": stream, "days": days(period)},
        given=FATES,
    )


def by_stream(period: str) -> Question:
    """Rows by stream and outcome, with the share refused."""
    return Question(
        "by_stream",
        "By stream",
        "What came in through each door, and the share that was refused.",
        """
        , streams AS (
            SELECT stream, coalesce(sum(rows) FILTER (fate = 'accepted'), 0) AS accepted,
                coalesce(sum(rows) FILTER (fate = 'duplicate'), 0) AS duplicates,
                coalesce(sum(rows) FILTER (fate = 'rejected'), 0) AS rejected
            FROM fates GROUP BY stream
        )
        SELECT *, rejected / nullif(accepted + duplicates + rejected, 0) AS rejected_share FROM streams ORDER BY stream
        """,
        {"stream": "", "days": days(period)},
        given=FATES,
    )


def streams() -> Question:
    """The streams that received anything."""
    return Question(
        "streams", "Streams", "Streams.", "SELECT stream FROM mart_data_quality GROUP BY stream ORDER BY stream"
    )
