"""Questions of the overview."""

from dashboards.queries.question import Question, days


def totals(period: str) -> Question:
    """One row of headline counts; a sum over nothing is null, not zero, and so is that of a period before that is not all recorded."""
    return Question(
        "totals",
        "At a glance",
        "Headline counts; uses are those of the chosen period.",
        """
        WITH span AS (SELECT min(day) AS first_day, max(day) AS last_day FROM fct_usage_daily),
        recent AS (
            SELECT sum(uses) AS uses FROM fct_usage_daily, span WHERE day > last_day - CAST($days AS INTEGER)
        ),
        earlier AS (
            SELECT sum(uses) AS uses FROM fct_usage_daily, span
            WHERE day <= last_day - CAST($days AS INTEGER) AND day > last_day - 2 * CAST($days AS INTEGER)
                AND first_day <= last_day - 2 * CAST($days AS INTEGER) + 1
        ),
        placed AS (
            SELECT plugin_id FROM fct_installation_interval SEMI JOIN dim_plugin USING (plugin_id) WHERE to_at IS NULL
        ),
        busiest AS (
            SELECT sum(active_persons) AS persons, title, day
            FROM mart_adoption JOIN dim_plugin USING (plugin_id), span
            WHERE day > last_day - CAST($days AS INTEGER)
            GROUP BY plugin_id, title, day HAVING sum(active_persons) > 0 ORDER BY persons DESC, day DESC, title LIMIT 1
        )
        SELECT
            (SELECT count(*) FROM dim_plugin) AS plugins,
            (SELECT count(*) FROM dim_plugin WHERE lifecycle <> 'active') AS retired_plugins,
            (SELECT count(*) FROM dim_release) AS releases,
            (SELECT count(*) FROM dim_target) AS targets,
            (SELECT count(*) FROM placed) AS installations,
            (SELECT count(DISTINCT plugin_id) FROM placed) AS installed_plugins,
            (SELECT uses FROM recent) AS uses,
            (SELECT uses FROM earlier) AS uses_before,
            busiest.persons, busiest.title AS persons_plugin, busiest.day AS persons_day,
            (SELECT count(*) FROM dim_advisory) AS advisories,
            (SELECT count(*) FROM dim_advisory WHERE unfixed) AS unfixed
        FROM (SELECT 1) LEFT JOIN busiest ON true
        """,
        {"days": days(period)},
    )


def uses_per_day(period: str) -> Question:
    """Uses and errors per UTC day, over all plugins the viewer can see; a day between two recorded ones without any is zero."""
    return Question(
        "uses_per_day",
        "Uses per day",
        "How often plugins were used, and how often a use ended in an error.",
        """
        WITH span AS (SELECT max(day) AS last_day FROM fct_usage_daily),
        used AS (
            SELECT day, sum(uses) AS uses, sum(errors) AS errors
            FROM fct_usage_daily, span WHERE day > last_day - CAST($days AS INTEGER) GROUP BY day
        ),
        calendar AS (SELECT CAST(unnest(generate_series(min(day), max(day), INTERVAL 1 DAY)) AS DATE) AS day FROM used)
        SELECT day, coalesce(uses, 0) AS uses, coalesce(errors, 0) AS errors
        FROM calendar LEFT JOIN used USING (day) ORDER BY day
        """,
        {"days": days(period)},
        shown=20_000,
    )


def installations_over_time(period: str) -> Question:
    """The number of plugins in place over all targets at the end of each day on which it changed."""
    return Question(
        "installations_over_time",
        "Observed installations",
        "Plugins in place over all targets; the line steps on days when something was added, removed or first seen.",
        """
        WITH steps AS (
            SELECT CAST(from_at AS DATE) AS day, 1 AS step FROM fct_installation_interval SEMI JOIN dim_plugin USING (plugin_id)
            UNION ALL
            SELECT CAST(to_at AS DATE), -1 FROM fct_installation_interval SEMI JOIN dim_plugin USING (plugin_id)
            WHERE to_at IS NOT NULL
        ),
        daily AS (SELECT day, sum(step) AS step FROM steps GROUP BY day),
        levels AS (SELECT day, sum(step) OVER (ORDER BY day) AS installations FROM daily)
        SELECT day, CAST(installations AS BIGINT) AS installations FROM levels
        WHERE day > (SELECT max(day) FROM levels) - CAST($days AS INTEGER)
        ORDER BY day
        """,
        {"days": days(period)},
        shown=10_000,
    )


def most_used(period: str) -> Question:
    """The ten plugins with most uses in the period, with their share of all uses."""
    return Question(
        "most_used",
        "Most used",
        "The ten plugins with most uses in the period.",
        """
        WITH span AS (SELECT max(day) AS last_day FROM fct_usage_daily),
        used AS (
            SELECT plugin_id, sum(uses) AS uses FROM fct_usage_daily, span
            WHERE day > last_day - CAST($days AS INTEGER) GROUP BY plugin_id
        )
        SELECT ref, namespace, name, title, uses, uses / sum(uses) OVER () AS share
        FROM used JOIN dim_plugin USING (plugin_id)
        WHERE uses > 0 ORDER BY uses DESC, ref LIMIT 10
        """,
        {"days": days(period)},
    )


def most_installed() -> Question:
    """The ten plugins in place on most active targets now, with their share of those."""
    return Question(
        "most_installed",
        "Most installed",
        "The ten plugins in place on most active targets, and their share of those.",
        """
        WITH active AS (SELECT target_id FROM dim_target WHERE lifecycle = 'active'),
        placed AS (
            SELECT plugin_id, count(DISTINCT target_id) AS targets
            FROM fct_installation_interval SEMI JOIN active USING (target_id) WHERE to_at IS NULL GROUP BY plugin_id
        )
        SELECT ref, namespace, name, title, targets, targets / (SELECT count(*) FROM active) AS share
        FROM placed JOIN dim_plugin USING (plugin_id)
        ORDER BY targets DESC, ref LIMIT 10
        """,
    )


def most_popular_outside() -> Question:
    """The ten plugins with the highest count in the latest month of the outside source that reports most.

    Any tenant may post counts of a public plugin; only those of the plugin's own tenant are shown.
    """
    return Question(
        "most_popular_outside",
        "Most popular elsewhere",
        "The ten plugins with the highest counts in the latest month that a public registry reports.",
        """
        WITH owned AS (
            SELECT m.* FROM mart_outside_popularity AS m JOIN dim_plugin AS p USING (plugin_id, tenant_id)
        ),
        latest AS (
            SELECT metric, source, max(month) AS month FROM owned
            GROUP BY metric, source ORDER BY count(*) DESC, metric, source LIMIT 1
        )
        SELECT ref, namespace, name, title, count, share, month, metric, source
        FROM owned JOIN latest USING (metric, source, month) JOIN dim_plugin USING (plugin_id)
        ORDER BY count DESC, ref LIMIT 10
        """,
    )


def latest_releases() -> Question:
    """The ten releases with the latest dates; releases without a date are left out."""
    return Question(
        "latest_releases",
        "Latest releases",
        "The most recent dated releases in the catalogue.",
        """
        SELECT p.ref, p.namespace, p.name, p.title, r.version, r.released_at, r.prerelease, r.yanked
        FROM dim_release AS r JOIN dim_plugin AS p USING (plugin_id)
        WHERE r.released_at IS NOT NULL
        ORDER BY r.released_at DESC, p.ref, r.position DESC LIMIT 10
        """,
    )


def reach() -> Question:
    """How far each kind of data reaches; one row, null where there is none."""
    return Question(
        "reach",
        "How far the data reaches",
        "The last day of each kind of data in this snapshot.",
        """
        SELECT
            (SELECT max(day) FROM fct_usage_daily) AS last_usage_day,
            (SELECT max(coalesce(to_at, from_at)) FROM fct_installation_interval) AS last_observation,
            (SELECT max(month) FROM mart_outside_popularity JOIN dim_plugin USING (plugin_id, tenant_id))
                AS last_outside_month
        """,
    )
