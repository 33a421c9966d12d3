"""Names for ids that the API answers with."""

from collections.abc import Iterable

from dashboards.queries.question import Question

MOST = 200_000


def plugins() -> Question:
    """Every plugin by id, with its name and page."""
    return Question(
        "plugin_names",
        "Plugins",
        "Names of plugins by id.",
        """
        SELECT plugin_id, ref, coalesce(title, name) AS title,
            '/plugins/' || url_encode(namespace) || '/' || url_encode(name) AS href
        FROM dim_plugin ORDER BY plugin_id
        """,
        shown=MOST,
    )


def releases(ids: Iterable[str]) -> Question:
    """These releases by id, with their versions."""
    return Question(
        "release_versions",
        "Releases",
        "Versions of releases by id.",
        """
        SELECT release_id, version FROM dim_release
        WHERE list_contains(string_split($ids, ','), release_id) ORDER BY release_id
        """,
        {"ids": ",".join(sorted(set(ids)))},
        shown=MOST,
    )


def tenants() -> Question:
    """The tenants of this snapshot by id, with their names."""
    return Question(
        "tenant_names",
        "Organisations",
        "Names of organisations by id.",
        "SELECT tenant_id, name AS organisation FROM dim_tenant ORDER BY tenant_id",
        shown=MOST,
    )


def targets() -> Question:
    """Targets in use as `organisation/name`, for pickers."""
    return Question(
        "target_names",
        "Targets",
        "Targets in use.",
        """
        SELECT n.slug || '/' || t.name AS target
        FROM dim_target AS t JOIN dim_tenant AS n USING (tenant_id) WHERE t.lifecycle = 'active' ORDER BY target
        """,
        shown=MOST,
    )
