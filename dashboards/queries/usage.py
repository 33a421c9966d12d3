"""Questions of usage by day."""

from datetime import date

from dashboards.queries.question import Question


def around(plugin_id: str, release_id: str, tenant_id: str, first: date, last: date) -> Question:
    """Days four weeks before and after a time, with the range of the same weekday in the four weeks before each.

    An empty id stands for all.
    """
    return Question(
        "usage_around",
        "Uses by day",
        "Uses of each day beside the least and most of the same weekday in the four weeks before it.",
        """
        WITH wanted AS (
            SELECT day, sum(uses) AS uses, sum(errors) AS errors FROM fct_usage_daily
            WHERE ($plugin = '' OR plugin_id = $plugin) AND ($release = '' OR release_id = $release)
                AND ($tenant = '' OR tenant_id = $tenant)
            GROUP BY day
        ),
        span AS (SELECT min(day) AS began, max(day) AS ended FROM wanted),
        days AS (
            SELECT CAST(unnest(generate_series(CAST(began AS TIMESTAMP), CAST(ended AS TIMESTAMP), INTERVAL 1 DAY)) AS DATE)
                AS day FROM span
        ),
        filled AS (
            SELECT day, coalesce(uses, 0) AS uses, errors / nullif(uses, 0) AS failed FROM days LEFT JOIN wanted USING (day)
        ),
        ranged AS (
            SELECT *, min(uses) OVER weeks AS low, max(uses) OVER weeks AS high FROM filled
            WINDOW weeks AS (PARTITION BY dayofweek(day) ORDER BY day ROWS BETWEEN 4 PRECEDING AND 1 PRECEDING)
        )
        SELECT day, uses, failed, low, high, day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE) AS inside
        FROM ranged WHERE day BETWEEN CAST($first AS DATE) - 28 AND CAST($last AS DATE) + 28
        ORDER BY day
        """,
        {
            "plugin": plugin_id,
            "release": release_id,
            "tenant": tenant_id,
            "first": first.isoformat(),
            "last": last.isoformat(),
        },
    )
