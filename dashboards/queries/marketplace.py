"""Questions of the marketplace list.

Any tenant may post counts of a public plugin; only those of the plugin's own tenant are shown.
"""

from dashboards.queries.question import Question

PAGE_SIZE = 20
SORTS = (
    ("installed", "Adoption (most installed)"),
    ("risk", "Highest risk"),
    ("popular", "Most popular elsewhere"),
    ("newest", "Latest release"),
    ("warnings", "Most warnings"),
    ("name", "Name"),
)

FOUND = """
        WITH owned AS (
            SELECT m.* FROM mart_outside_popularity AS m JOIN dim_plugin AS p USING (plugin_id, tenant_id)
        ),
        latest AS (
            SELECT metric, source, max(month) AS month FROM owned
            GROUP BY metric, source ORDER BY count(*) DESC, metric, source LIMIT 1
        ),
        popular AS (
            SELECT plugin_id, count AS outside_count FROM owned JOIN latest USING (metric, source, month)
        )
        SELECT
            plugin_id, ref, namespace, name, title, summary, lifecycle, visibility, labels, licence, latest_version,
            latest_released_at, installed_targets, outside_count, dependant_count, advisory_count,
            unfixed_advisory_count, count(*) OVER () AS found
        FROM dim_plugin LEFT JOIN popular USING (plugin_id)
        WHERE ($q = '' OR contains(lower(concat_ws(' ', ref, title, summary, labels)), lower($q)))
            AND ($label = '' OR list_contains(string_split(labels, ','), $label))
            AND ($lifecycle = '' OR lifecycle = $lifecycle)
            AND ($warnings = '' OR (advisory_count > 0) = ($warnings = 'any') AND $warnings <> 'unfixed'
                OR ($warnings = 'unfixed' AND unfixed_advisory_count > 0))
        ORDER BY
            CASE WHEN $q <> '' AND lower(name) = lower($q) THEN 0 ELSE 1 END,
            CASE $sort
                WHEN 'installed' THEN installed_targets WHEN 'popular' THEN outside_count
                WHEN 'warnings' THEN advisory_count WHEN 'newest' THEN epoch(latest_released_at)
            END DESC NULLS LAST,
            CASE WHEN $sort = 'installed' THEN outside_count END DESC NULLS LAST,
            lower(title), ref
"""


def plugins_found(q: str, label: str, lifecycle: str, warnings: str, sort: str, shown: int = 1_000) -> Question:
    """Every plugin that meets the filters, in order; an exact name comes first. `found` repeats the full count.

    The snapshot knows no risk, so that order is the name's here.
    """
    return Question(
        "plugins_found",
        "Plugins",
        "Every plugin that meets the filters.",
        FOUND,
        {"q": q, "label": label, "lifecycle": lifecycle, "warnings": warnings, "sort": sort},
        shown=shown,
    )


def plugins_page(q: str, label: str, lifecycle: str, warnings: str, sort: str, page: int) -> Question:
    """One page of `plugins_found`."""
    whole = plugins_found(q, label, lifecycle, warnings, sort)
    params = {**whole.params, "size": PAGE_SIZE, "offset": (page - 1) * PAGE_SIZE}
    return Question("plugins_page", whole.title, whole.summary, "LIMIT $size OFFSET $offset", params, given=FOUND)


def labels() -> Question:
    """Labels by number of plugins, most common first."""
    return Question(
        "labels",
        "Labels",
        "Labels by number of plugins.",
        """
        SELECT label, count(*) AS plugins
        FROM (SELECT unnest(string_split(labels, ',')) AS label FROM dim_plugin WHERE labels <> '')
        GROUP BY label ORDER BY plugins DESC, label
        """,
        shown=2_000,
    )


def plugin_refs() -> Question:
    """Every plugin's reference and title, for pickers; installed or used ones first."""
    return Question(
        "plugin_refs",
        "Plugins",
        "Every plugin.",
        "SELECT ref, title FROM dim_plugin ORDER BY installed_targets DESC NULLS LAST, ref",
        shown=20_000,
    )


def environments() -> Question:
    """The environments that have targets."""
    return Question(
        "environments",
        "Environments",
        "Environments that have targets.",
        "SELECT environment FROM dim_target GROUP BY environment ORDER BY environment",
    )


def target_kinds() -> Question:
    """The kinds of targets there are."""
    return Question(
        "target_kinds", "Kinds", "Kinds of targets.", "SELECT kind FROM dim_target GROUP BY kind ORDER BY kind"
    )


def tenant_slugs() -> Question:
    """The tenants that own a target in this snapshot: the viewer's own, or all for the operator."""
    return Question(
        "tenant_slugs",
        "Organisations",
        "Organisations with targets.",
        "SELECT DISTINCT slug, t.name FROM dim_tenant AS t JOIN dim_target USING (tenant_id) ORDER BY slug",
    )
