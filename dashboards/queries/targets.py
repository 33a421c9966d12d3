"""Questions about targets: the list, and what one of them has. Names are unique per tenant."""

from dashboards.queries.question import Question

THIS = """
        WITH this AS (
            SELECT t.*, n.slug AS organisation, n.name AS organisation_name
            FROM dim_target AS t JOIN dim_tenant AS n USING (tenant_id)
            WHERE t.name = $name AND ($tenant = '' OR n.slug = $tenant)
            ORDER BY t.tenant_id = $own DESC, n.slug LIMIT 1
        )"""


def targets(q: str, environment: str, kind: str, plugin: str) -> Question:
    """Targets that meet the filters, with what they have; `plugin` keeps those that have it now."""
    return Question(
        "targets",
        "Targets",
        "Places that plugins are installed on.",
        """
        WITH placed AS (
            SELECT target_id, count(*) AS plugins, max(from_at) AS last_change,
                count(*) FILTER (unfixed_advisory_count > 0) AS with_unfixed,
                bool_or(ref = $plugin) AS has_it
            FROM fct_installation_interval JOIN dim_plugin USING (plugin_id) WHERE to_at IS NULL GROUP BY target_id
        )
        SELECT t.name, t.title, n.slug AS organisation, t.environment, t.kind, t.lifecycle, placed.plugins,
            placed.with_unfixed, CAST(placed.last_change AS DATE) AS last_change,
            '/targets/' || url_encode(t.name) || '?tenant=' || url_encode(n.slug) AS href
        FROM dim_target AS t JOIN dim_tenant AS n USING (tenant_id) LEFT JOIN placed USING (target_id)
        WHERE ($q = '' OR contains(lower(concat_ws(' ', t.name, t.title, n.slug)), lower($q)))
            AND ($environment = '' OR t.environment = $environment) AND ($kind = '' OR t.kind = $kind)
            AND ($plugin = '' OR placed.has_it)
        ORDER BY lower(t.name), n.slug
        """,
        {"q": q, "environment": environment, "kind": kind, "plugin": plugin},
        shown=2_000,
    )


def header(name: str, tenant: str, own: str) -> Question:
    """The target with its counts; none when the viewer's snapshot has no such target."""
    return Question(
        "target_header",
        "Target",
        "What is known of the target.",
        """
        SELECT this.*,
            (SELECT count(*) FROM fct_installation_interval AS i SEMI JOIN dim_plugin USING (plugin_id)
                WHERE i.target_id = this.target_id AND to_at IS NULL) AS plugins,
            (SELECT max(greatest(from_at, coalesce(to_at, from_at))) FROM fct_installation_interval AS i
                SEMI JOIN dim_plugin USING (plugin_id) WHERE i.target_id = this.target_id) AS last_change,
            (SELECT count(*) FROM fct_installation_interval AS i JOIN dim_plugin AS p USING (plugin_id)
                WHERE i.target_id = this.target_id AND to_at IS NULL AND p.advisory_count > 0) AS with_warnings
        FROM this
        """,
        {"name": name, "tenant": tenant, "own": own},
        given=THIS,
    )


def plugins(name: str, tenant: str, own: str) -> Question:
    """The plugins in place on a target now."""
    return Question(
        "target_plugins",
        "Plugins on this target",
        "What is in place now, in which version where it was reported, and since when it was seen there.",
        """
        SELECT p.ref AS plugin, p.title, i.version, p.latest_version, CAST(i.from_at AS DATE) AS since, i.origin, i.source,
            p.lifecycle, p.advisory_count AS warnings, p.unfixed_advisory_count AS unfixed,
            '/plugins/' || url_encode(p.namespace) || '/' || url_encode(p.name) AS href
        FROM fct_installation_interval AS i JOIN dim_plugin AS p USING (plugin_id)
        WHERE i.to_at IS NULL AND i.target_id = (SELECT target_id FROM this)
        ORDER BY i.origin DESC NULLS LAST, p.ref
        """,
        {"name": name, "tenant": tenant, "own": own},
        given=THIS,
    )


def history(name: str, tenant: str, own: str) -> Question:
    """What was added, changed and removed on a target, newest first."""
    return Question(
        "target_history",
        "Changes",
        "Plugins added, changed and removed, newest first.",
        """
        , changes AS (
            SELECT from_at AS changed_at, CASE opening WHEN 'changed' THEN 'updated' WHEN 'seen' THEN 'first seen' ELSE opening END AS change,
                plugin_id, version
            FROM fct_installation_interval WHERE target_id = (SELECT target_id FROM this)
            UNION ALL
            SELECT to_at, closing, plugin_id, version FROM fct_installation_interval
            WHERE closing = 'removed' AND target_id = (SELECT target_id FROM this)
        )
        SELECT changed_at, change, p.ref AS plugin, version, '/plugins/' || url_encode(p.namespace) || '/' || url_encode(p.name) AS href
        FROM changes JOIN dim_plugin AS p USING (plugin_id)
        ORDER BY changed_at DESC, change, plugin
        """,
        {"name": name, "tenant": tenant, "own": own},
        shown=2_000,
        given=THIS,
    )


def level(name: str, tenant: str, own: str) -> Question:
    """The number of plugins on a target at the end of each day on which it changed."""
    return Question(
        "target_level",
        "Plugins over time",
        "How many plugins were in place; the line steps on days with changes.",
        """
        , steps AS (
            SELECT CAST(from_at AS DATE) AS day, 1 AS step FROM fct_installation_interval
            SEMI JOIN dim_plugin USING (plugin_id) WHERE target_id = (SELECT target_id FROM this)
            UNION ALL
            SELECT CAST(to_at AS DATE), -1 FROM fct_installation_interval
            SEMI JOIN dim_plugin USING (plugin_id) WHERE to_at IS NOT NULL AND target_id = (SELECT target_id FROM this)
        )
        SELECT day, CAST(sum(sum(step)) OVER (ORDER BY day) AS BIGINT) AS plugins FROM steps GROUP BY day ORDER BY day
        """,
        {"name": name, "tenant": tenant, "own": own},
        shown=10_000,
        given=THIS,
    )
