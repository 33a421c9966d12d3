"""Questions about adoption: levels, use, retention and moves between versions."""

from dashboards.queries.question import Question, days

RETAINED = {
    "person": "Of the people who first used a plugin in a month, the share that used it again so many months later.",
    "target": "Of the targets that first had a plugin in a month, the share that had it installed so many months later.",
}
PICKED = """
        WITH picked AS (SELECT plugin_id FROM dim_plugin WHERE ref = $plugin)"""


def installed(plugin: str, environment: str, period: str) -> Question:
    """Plugins in place per environment at the end of each day on which that environment changed."""
    return Question(
        "installed",
        "Installed over time",
        "Plugins in place, by environment of the target; the line steps when something is added or removed.",
        """
        , steps AS (
            SELECT target_id, CAST(from_at AS DATE) AS day, 1 AS step FROM fct_installation_interval
            WHERE ($plugin = '' OR plugin_id IN (FROM picked))
            UNION ALL
            SELECT target_id, CAST(to_at AS DATE), -1 FROM fct_installation_interval
            WHERE to_at IS NOT NULL AND ($plugin = '' OR plugin_id IN (FROM picked))
        ),
        daily AS (
            SELECT environment, day, sum(step) AS step FROM steps JOIN dim_target USING (target_id)
            WHERE $environment = '' OR environment = $environment GROUP BY environment, day
        ),
        levels AS (
            SELECT environment, day,
                CAST(sum(step) OVER (PARTITION BY environment ORDER BY day) AS BIGINT) AS installations
            FROM daily
        )
        SELECT * FROM levels WHERE day > (SELECT max(day) FROM levels) - CAST($days AS INTEGER)
        ORDER BY environment, day
        """,
        {"plugin": plugin, "environment": environment, "days": days(period)},
        shown=20_000,
        given=PICKED,
    )


def activity(plugin: str, period: str) -> Question:
    """Uses per day and the plugin-target pairs that were active."""
    return Question(
        "activity",
        "Activity",
        "Uses per day, and on how many targets plugins were active, each plugin counted for itself.",
        """
        , span AS (SELECT max(day) AS last_day FROM mart_adoption WHERE uses > 0)
        SELECT day, sum(uses) AS uses, sum(active_targets) AS active_targets, sum(active_persons) AS active_persons
        FROM mart_adoption, span
        WHERE ($plugin = '' OR plugin_id IN (FROM picked)) AND uses > 0 AND day > last_day - CAST($days AS INTEGER)
        GROUP BY day ORDER BY day
        """,
        {"plugin": plugin, "days": days(period)},
        shown=10_000,
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
        "What changed on targets each month.",
        """
        , span AS (SELECT max(month) AS last_month FROM mart_install_transitions)
        SELECT month, transition, CAST(sum(targets) AS BIGINT) AS targets
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
