"""Questions about adoption: levels, use, retention and moves between versions."""

from dashboards.queries.question import Question, days

RETAINED = {
    "person": "Of the people who first used a plugin in a month, the share that used it again so many months later.",
    "target": "Of the targets that first had a plugin in a month, the share that had it installed so many months later.",
}
PICKED = """
        WITH picked AS (SELECT plugin_id FROM dim_plugin WHERE ref = $plugin)"""
SEEN = """
        WITH seen AS (SELECT plugin_id FROM dim_plugin WHERE $plugin = '' OR ref = $plugin)"""


def installed(plugin: str, environment: str, period: str) -> Question:
    """Plugins in place per environment at the end of each day on which that environment changed.

    Each environment also has its level at the first and the last day of the period: one that stayed as it was has not gone.
    """
    return Question(
        "installed",
        "Installed over time",
        "Plugins in place, by environment of the target; the line steps when something is added, removed or first seen.",
        """
        , steps AS (
            SELECT target_id, CAST(from_at AS DATE) AS day, 1 AS step FROM fct_installation_interval
            WHERE plugin_id IN (FROM seen)
            UNION ALL
            SELECT target_id, CAST(to_at AS DATE), -1 FROM fct_installation_interval
            WHERE to_at IS NOT NULL AND plugin_id IN (FROM seen)
        ),
        daily AS (
            SELECT environment, day, sum(step) AS step FROM steps JOIN dim_target USING (target_id)
            WHERE $environment = '' OR environment = $environment GROUP BY environment, day
        ),
        levels AS (
            SELECT environment, day,
                CAST(sum(step) OVER (PARTITION BY environment ORDER BY day) AS BIGINT) AS installations
            FROM daily
        ),
        span AS (SELECT max(day) - CAST($days AS INTEGER) + 1 AS first_day, max(day) AS last_day FROM levels),
        held AS (
            SELECT environment, unnest([first_day, last_day]) AS held_day, day, installations
            FROM levels, span
        )
        SELECT environment, day, installations FROM levels, span WHERE day >= first_day
        UNION
        SELECT environment, held_day, max_by(installations, day) FROM held WHERE day <= held_day
        GROUP BY environment, held_day
        ORDER BY environment, day
        """,
        {"plugin": plugin, "environment": environment, "days": days(period)},
        shown=20_000,
        given=SEEN,
    )


def activity(plugin: str, period: str) -> Question:
    """Uses per day and the plugin-target pairs that were active; days without any are zeros, from the first recorded one on."""
    return Question(
        "activity",
        "Activity",
        "Uses per day, and on how many targets plugins were active, each plugin counted for itself.",
        """
        , span AS (SELECT max(day) AS last_day FROM mart_adoption WHERE uses > 0),
        active AS (
            SELECT day, sum(uses) AS uses, sum(active_targets) AS active_targets, sum(active_persons) AS active_persons
            FROM mart_adoption, span
            WHERE ($plugin = '' OR plugin_id IN (FROM picked)) AND uses > 0 AND day > last_day - CAST($days AS INTEGER)
            GROUP BY day
        ),
        calendar AS (
            SELECT CAST(unnest(generate_series(min(day), max(last_day), INTERVAL 1 DAY)) AS DATE) AS day FROM active, span
        )
        SELECT day, coalesce(uses, 0) AS uses, coalesce(active_targets, 0) AS active_targets,
            coalesce(active_persons, 0) AS active_persons
        FROM calendar LEFT JOIN active USING (day) ORDER BY day
        """,
        {"plugin": plugin, "days": days(period)},
        shown=20_000,
        given=PICKED,
    )


def retention(plugin: str, subject: str) -> Question:
    """Share of a month's new users that used it again, or of its new targets that have it, in later months."""
    return Question(
        "retention",
        "Retention",
        RETAINED[subject],
        """
        SELECT cohort_month, months_since, CAST(sum(cohort_size) AS BIGINT) AS cohort_size,
            CAST(sum(retained) AS BIGINT) AS retained, sum(retained) / nullif(sum(cohort_size), 0) AS share
        FROM mart_retention WHERE ($plugin = '' OR plugin_id IN (FROM picked)) AND subject_kind = $subject
        GROUP BY cohort_month, months_since ORDER BY cohort_month, months_since
        """,
        {"plugin": plugin, "subject": subject},
        shown=5_000,
        given=PICKED,
    )


def transitions(plugin: str, period: str) -> Question:
    """Targets per month and kind of change."""
    return Question(
        "transitions",
        "Installs, upgrades and removals",
        "What changed on targets each month; what was there when a target was first looked at is first seen, not installed.",
        """
        , span AS (SELECT max(month) AS last_month FROM mart_install_transitions)
        SELECT month, CASE transition WHEN 'seen' THEN 'first seen' ELSE transition END AS transition,
            CAST(sum(targets) AS BIGINT) AS targets
        FROM mart_install_transitions, span
        WHERE ($plugin = '' OR plugin_id IN (FROM picked)) AND month > last_month - CAST($days AS INTEGER)
        GROUP BY month, transition ORDER BY month, transition
        """,
        {"plugin": plugin, "days": days(period)},
        shown=5_000,
        given=PICKED,
    )


def by_plugin_and_day(plugin: str, period: str) -> Question:
    """The adoption mart itself with names, newest day first."""
    return Question(
        "by_plugin_and_day",
        "By plugin and day",
        "The figures behind the charts, newest day first.",
        """
        , span AS (SELECT max(day) AS last_day FROM mart_adoption)
        SELECT a.day, p.ref, n.slug AS organisation, a.installed_targets, a.active_targets, a.active_persons, a.uses,
            '/plugins/' || url_encode(p.namespace) || '/' || url_encode(p.name) AS href
        FROM mart_adoption AS a
        CROSS JOIN span JOIN dim_plugin AS p USING (plugin_id) JOIN dim_tenant AS n ON n.tenant_id = a.tenant_id
        WHERE ($plugin = '' OR a.plugin_id IN (FROM picked)) AND a.day > last_day - CAST($days AS INTEGER)
        ORDER BY a.day DESC, a.uses DESC NULLS LAST, p.ref
        """,
        {"plugin": plugin, "days": days(period)},
        given=PICKED,
    )
