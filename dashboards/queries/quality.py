"""Questions about the data's quality: what the intake refused and how the snapshot's checks went."""

from dashboards.queries.question import Question, days


def totals(stream: str, period: str) -> Question:
    """Rows accepted, doubled and refused in the period; one row, nulls when nothing came in."""
    return Question(
        "quality_totals",
        "Intake",
        "Rows received in the period, by what became of them.",
        """
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT CAST(sum(rows) AS BIGINT) AS received,
            CAST(sum(rows) FILTER (code = 'accepted') AS BIGINT) AS accepted,
            CAST(sum(rows) FILTER (code = 'duplicate') AS BIGINT) AS duplicates,
            CAST(sum(rows) FILTER (code NOT IN ('accepted', 'duplicate')) AS BIGINT) AS rejected,
            (SELECT count(*) FROM snapshot_checks) AS checks,
            (SELECT count(*) FROM snapshot_checks WHERE NOT passed) AS failed_checks
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
        """
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT day, CASE WHEN code IN ('accepted', 'duplicate') THEN code ELSE 'rejected' END AS outcome,
            CAST(sum(rows) AS BIGINT) AS rows
        FROM mart_data_quality, span
        WHERE ($stream = '' OR stream = $stream) AND day > last_day - CAST($days AS INTEGER)
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
        "Why rows were refused; the API's intake batches hold each row with its reason.",
        """
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT stream, code, CAST(sum(rows) AS BIGINT) AS rows, min(day) AS first_day, max(day) AS last_day_seen
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
        """
        WITH span AS (SELECT max(day) AS last_day FROM mart_data_quality)
        SELECT stream, CAST(sum(rows) FILTER (code = 'accepted') AS BIGINT) AS accepted,
            CAST(sum(rows) FILTER (code = 'duplicate') AS BIGINT) AS duplicates,
            CAST(sum(rows) FILTER (code NOT IN ('accepted', 'duplicate')) AS BIGINT) AS rejected,
            coalesce(sum(rows) FILTER (code NOT IN ('accepted', 'duplicate')), 0) / sum(rows) AS rejected_share
        FROM mart_data_quality, span
        WHERE day > last_day - CAST($days AS INTEGER)
        GROUP BY stream ORDER BY stream
        """,
        {"days": days(period)},
    )


def checks() -> Question:
    """Every check of the build behind this snapshot, failed ones first."""
    return Question(
        "checks",
        "Checks",
        "The checks that the build behind this snapshot went through; failed ones first.",
        """
        SELECT CASE WHEN passed THEN 'passed' ELSE 'failed' END AS status, check_name, table_name, severity,
            CAST(observed AS VARCHAR) AS observed, CAST(expected AS VARCHAR) AS expected, failed_rows, checked_at
        FROM snapshot_checks ORDER BY passed, table_name, check_name
        """,
    )


def streams() -> Question:
    """The streams that received anything."""
    return Question(
        "streams", "Streams", "Streams.", "SELECT stream FROM mart_data_quality GROUP BY stream ORDER BY stream"
    )
