"""Questions of one plugin's page. A reference is unique per tenant; the viewer's own plugin wins over a public one."""

from dashboards.queries.question import Question, days

THIS = """
        WITH this AS (
            SELECT * FROM dim_plugin WHERE ref = $ref
            ORDER BY tenant_id = $own DESC, visibility = 'public' DESC, plugin_id LIMIT 1
        )"""


def header(ref: str, own: str) -> Question:
    """The plugin's own row; none when the viewer's snapshot has no such plugin."""
    return Question(
        "plugin_header",
        "Plugin",
        "What the catalogue says.",
        "SELECT * FROM this",
        {"ref": ref, "own": own},
        given=THIS,
    )


def versions(ref: str, own: str) -> Question:
    """Its releases, newest first, with how many targets have each."""
    return Question(
        "plugin_versions",
        "Versions",
        "Every release, newest first, and the number of targets that have it.",
        """
        , placed AS (
            SELECT version, count(DISTINCT target_id) AS targets FROM fct_installation_interval
            WHERE to_at IS NULL AND plugin_id = (SELECT plugin_id FROM this) GROUP BY version
        )
        SELECT version, released_at, requires_host, placed.targets, size_bytes,
            CASE WHEN yanked THEN 'yanked' WHEN is_latest THEN 'latest' WHEN prerelease THEN 'pre-release' END AS status
        FROM dim_release LEFT JOIN placed USING (version)
        WHERE plugin_id = (SELECT plugin_id FROM this) ORDER BY position DESC
        """,
        {"ref": ref, "own": own},
        given=THIS,
    )


def dependencies(ref: str, own: str) -> Question:
    """What its latest release needs; a name that the catalogue does not know has no title."""
    return Question(
        "plugin_dependencies",
        "Dependencies",
        "What the latest release needs.",
        """
        SELECT d.dependency_ref AS ref, p.title, d.requirement, p.latest_version,
            CASE WHEN d.optional THEN 'optional' ELSE 'required' END AS need,
            CASE WHEN p.plugin_id IS NOT NULL THEN '/plugins/' || url_encode(p.namespace) || '/' || url_encode(p.name) END AS href
        FROM fct_dependency AS d LEFT JOIN dim_plugin AS p ON p.plugin_id = d.dependency_plugin_id
        WHERE d.of_latest AND d.plugin_id = (SELECT plugin_id FROM this)
        ORDER BY d.optional, ref
        """,
        {"ref": ref, "own": own},
        given=THIS,
    )


def dependants(ref: str, own: str) -> Question:
    """Which plugins' latest releases need it."""
    return Question(
        "plugin_dependants",
        "Dependants",
        "Plugins whose latest release needs this one.",
        """
        SELECT p.ref, p.title, d.requirement, CASE WHEN d.optional THEN 'optional' ELSE 'required' END AS need,
            p.installed_targets, '/plugins/' || url_encode(p.namespace) || '/' || url_encode(p.name) AS href
        FROM fct_dependency AS d JOIN dim_plugin AS p USING (plugin_id)
        WHERE d.of_latest AND d.dependency_plugin_id = (SELECT plugin_id FROM this)
        ORDER BY p.installed_targets DESC NULLS LAST, p.ref
        """,
        {"ref": ref, "own": own},
        given=THIS,
    )


def warnings(ref: str, own: str) -> Question:
    """Its security warnings, unfixed and newest first."""
    return Question(
        "plugin_warnings",
        "Security warnings",
        "Published warnings and the versions each affects.",
        """
        SELECT external_id, summary, severity, ranges, unfixed, published_at, url
        FROM dim_advisory WHERE plugin_id = (SELECT plugin_id FROM this)
        ORDER BY unfixed DESC, published_at DESC NULLS LAST, external_id
        """,
        {"ref": ref, "own": own},
        given=THIS,
    )


def adoption(ref: str, own: str, period: str) -> Question:
    """Targets that have it and that used it, per day on which something happened."""
    return Question(
        "plugin_adoption",
        "Adoption over time",
        "Targets that have the plugin and targets that used it, on days when something happened.",
        """
        , steps AS (
            SELECT day, active_targets, active_persons, uses, installed_targets
                - coalesce(lag(installed_targets) OVER (PARTITION BY tenant_id ORDER BY day), 0) AS step
            FROM mart_adoption WHERE plugin_id = (SELECT plugin_id FROM this)
        ),
        daily AS (
            SELECT day, sum(step) AS step, sum(active_targets) AS active_targets,
                sum(active_persons) AS active_persons, sum(uses) AS uses
            FROM steps GROUP BY day
        ),
        levels AS (
            SELECT day, CAST(sum(step) OVER (ORDER BY day) AS BIGINT) AS installed_targets, active_targets,
                active_persons, uses
            FROM daily
        )
        SELECT * FROM levels WHERE day > (SELECT max(day) FROM levels) - CAST($days AS INTEGER) ORDER BY day
        """,
        {"ref": ref, "own": own, "days": days(period)},
        shown=10_000,
        given=THIS,
    )


def popularity(ref: str, own: str) -> Question:
    """Its monthly counts in the public registry, all sources, as the plugin's own tenant posted them."""
    return Question(
        "plugin_popularity",
        "Popularity elsewhere",
        "Counts per month that public registries report.",
        """
        SELECT month, metric, source, count, rank, share, change_ratio
        FROM mart_outside_popularity SEMI JOIN this USING (plugin_id, tenant_id)
        ORDER BY metric, source, month
        """,
        {"ref": ref, "own": own},
        shown=10_000,
        given=THIS,
    )


def performance(ref: str, own: str) -> Question:
    """Errors and durations per release, over all weeks, newest release first."""
    return Question(
        "plugin_performance",
        "Performance by release",
        "How often uses of each release failed and how long they took, weeks weighted by their uses.",
        """
        SELECT m.version, min(week) AS first_week, max(week) AS last_week, sum(m.uses) AS uses,
            sum(m.errors) / nullif(sum(CASE WHEN m.error_rate > 0 THEN m.errors / m.error_rate ELSE m.uses END), 0)
                AS error_rate,
            sum(m.duration_ms_p50 * m.uses) / nullif(sum(m.uses) FILTER (m.duration_ms_p50 IS NOT NULL), 0)
                AS typical_ms,
            max(m.duration_ms_p95) AS worst_p95_ms,
            avg(m.cpu_percent_mean) AS cpu_percent, avg(m.memory_bytes_mean) / 1e6 AS memory_mb
        FROM mart_plugin_performance AS m LEFT JOIN dim_release AS r USING (release_id)
        WHERE m.plugin_id = (SELECT plugin_id FROM this)
        GROUP BY m.version ORDER BY max(r.position) DESC NULLS LAST
        """,
        {"ref": ref, "own": own},
        given=THIS,
    )


def instances(ref: str, own: str) -> Question:
    """The targets that have it now, with the version and since when."""
    return Question(
        "plugin_instances",
        "Instances that have it",
        "Targets on which the plugin is in place now.",
        """
        SELECT t.name AS target, t.title, n.slug AS organisation, t.environment, i.version,
            CAST(i.from_at AS DATE) AS since, i.origin,
                '/targets/' || url_encode(t.name) || '?tenant=' || url_encode(n.slug) AS href
        FROM fct_installation_interval AS i
        JOIN dim_target AS t USING (target_id) JOIN dim_tenant AS n ON n.tenant_id = t.tenant_id
        WHERE i.to_at IS NULL AND i.plugin_id = (SELECT plugin_id FROM this)
        ORDER BY t.name, n.slug
        """,
        {"ref": ref, "own": own},
        given=THIS,
    )
