"""Dimensions of the catalogue: tenants, targets, plugins, releases, advisories, dependencies."""

import ibis
from ibis.expr.types import Table


def dim_tenant(stg_registry__tenants: Table) -> Table:
    """One row per tenant."""
    return stg_registry__tenants


def dim_target(stg_registry__targets: Table) -> Table:
    """One row per target."""
    return stg_registry__targets


def dim_release(stg_registry__releases: Table, stg_registry__plugins: Table) -> Table:
    """One row per release of a known plugin, in the order of versions; the latest is not yanked and stable where it can be."""
    releases = stg_registry__releases.semi_join(stg_registry__plugins, "plugin_id")
    oldest_first = ibis.window(group_by="plugin_id", order_by=["sort_key", "release_id"])
    best_first = ibis.window(
        group_by="plugin_id", order_by=["yanked", "prerelease", ibis.desc("sort_key"), ibis.desc("release_id")]
    )
    return releases.mutate(
        position=ibis.row_number().over(oldest_first) + 1, is_latest=ibis.row_number().over(best_first) == 0
    )


def dim_advisory(stg_registry__advisories: Table) -> Table:
    """One row per security advisory."""
    return stg_registry__advisories


def fct_dependency(stg_registry__dependencies: Table, dim_release: Table) -> Table:
    """One row per dependency of a known release."""
    latest = dim_release.select("release_id", of_latest=dim_release.is_latest)
    return stg_registry__dependencies.inner_join(latest, "release_id")


def dim_plugin(
    stg_registry__plugins: Table,
    dim_release: Table,
    fct_dependency: Table,
    dim_advisory: Table,
    fct_installation_interval: Table,
) -> Table:
    """One row per plugin with its latest release and its counts; plugins without any have zeros."""
    counts = (
        _release_counts(dim_release),
        _dependency_counts(fct_dependency),
        _dependant_counts(fct_dependency),
        _advisory_counts(dim_advisory),
        _installed_counts(fct_installation_interval),
    )
    plugins = stg_registry__plugins.mutate(
        ref=stg_registry__plugins.namespace + ":" + stg_registry__plugins.name,
        labels=ibis.coalesce(stg_registry__plugins.labels, ""),
        maintainers=ibis.coalesce(stg_registry__plugins.maintainers, ""),
    )
    plugins = _beside(plugins, _latest(dim_release))
    for count in counts:
        plugins = _beside(plugins, count)
    missing = {
        name: ibis.coalesce(plugins[name], 0) for name in plugins.columns if name.endswith(("_count", "_targets"))
    }
    return plugins.mutate(**missing)


def _beside(plugins: Table, more: Table) -> Table:
    return plugins.left_join(more, "plugin_id").drop("plugin_id_right")


def _latest(releases: Table) -> Table:
    return releases.filter(releases.is_latest).select(
        "plugin_id",
        latest_release_id="release_id",
        latest_version="version",
        latest_released_at="released_at",
        requires_host="requires_host",
    )


def _release_counts(releases: Table) -> Table:
    return releases.group_by("plugin_id").agg(
        release_count=releases.count(), first_released_at=releases.released_at.min()
    )


def _dependency_counts(dependencies: Table) -> Table:
    return dependencies.filter(dependencies.of_latest).group_by("plugin_id").agg(dependency_count=lambda t: t.count())


def _dependant_counts(dependencies: Table) -> Table:
    needed = dependencies.filter(
        dependencies.of_latest
        & dependencies.dependency_plugin_id.notnull()
        & (dependencies.dependency_plugin_id != dependencies.plugin_id)
    )
    return needed.group_by(plugin_id=needed.dependency_plugin_id).agg(dependant_count=needed.plugin_id.nunique())


def _advisory_counts(advisories: Table) -> Table:
    known = advisories.filter(advisories.plugin_id.notnull())
    return known.group_by("plugin_id").agg(
        advisory_count=known.count(), unfixed_advisory_count=known.count(where=known.unfixed)
    )


def _installed_counts(intervals: Table) -> Table:
    return (
        intervals.filter(intervals.to_at.isnull())
        .group_by("plugin_id")
        .agg(installed_targets=lambda t: t.target_id.nunique())
    )
