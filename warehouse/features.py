"""What models learn from, read from built tables as frames: set work in SQL, no row of it touched in Python.

The caller makes sure that the tables are there; `TABLES` names them.
"""

from datetime import date, datetime

import polars as pl

from warehouse.engines.duckdb import DuckDBEngine

TABLES = (
    "dim_tenant",
    "dim_target",
    "dim_plugin",
    "dim_release",
    "dim_advisory",
    "fct_dependency",
    "fct_installation_interval",
    "fct_statistic_monthly",
    "fct_usage_daily",
    "stg_registry__plugin_grants",
    "stg_registry__usage_events",
)


def adoptions(engine: DuckDBEngine) -> pl.DataFrame:
    """Who took up what, and when first: user (target), item (plugin), at. What was there when first looked at has no date."""
    return _read(
        engine,
        """SELECT target_id AS "user", plugin_id AS item, from_at AS at FROM fct_installation_interval
        WHERE interval_number = 1 AND opening = 'installed' ORDER BY ALL""",
    )


def holdings(engine: DuckDBEngine) -> pl.DataFrame:
    """What a target has or ever had, dated or not: user, item, at."""
    return _read(
        engine,
        """SELECT target_id AS "user", plugin_id AS item, min(from_at) AS at FROM fct_installation_interval
        GROUP BY ALL ORDER BY ALL""",
    )


def targets(engine: DuckDBEngine) -> pl.DataFrame:
    """Targets in use: target_id and tenant_id."""
    return _read(engine, "SELECT target_id, tenant_id FROM dim_target WHERE lifecycle = 'active' ORDER BY ALL")


def plugins(engine: DuckDBEngine) -> pl.DataFrame:
    """Every plugin with what models and reasons need of it."""
    return _read(
        engine,
        """SELECT plugin_id, tenant_id, title, lifecycle, visibility, dependant_count, installed_targets
        FROM dim_plugin ORDER BY plugin_id""",
    )


def item_features(engine: DuckDBEngine) -> pl.DataFrame:
    """What is known of plugins besides who took them: item, feature; one row each."""
    return _read(
        engine,
        """SELECT plugin_id AS item, 'plugin' AS feature FROM dim_plugin
        UNION SELECT plugin_id, 'label:' || unnest(string_split(labels, ',')) FROM dim_plugin WHERE labels <> ''
        UNION SELECT plugin_id, 'maintainer:' || unnest(string_split(maintainers, ',')) FROM dim_plugin
            WHERE maintainers <> ''
        UNION SELECT plugin_id, 'needs:' || dependency_ref FROM fct_dependency WHERE of_latest
        ORDER BY ALL""",
    )


def advisories(engine: DuckDBEngine) -> pl.DataFrame:
    """Dated advisories of known plugins: plugin, published, id, severity, ranges."""
    return _read(
        engine,
        """SELECT plugin_id AS plugin, published_at::DATE AS published, external_id AS id, severity,
            from_json(ranges, '[{"first_version":"VARCHAR","last_version":"VARCHAR","pattern":"VARCHAR"}]') AS ranges
        FROM dim_advisory WHERE plugin_id IS NOT NULL AND subject_kind = 'plugin' AND published_at IS NOT NULL
        ORDER BY ALL""",
    )


def installs_by_month(engine: DuckDBEngine) -> pl.DataFrame:
    """Outside popularity: plugin, month, installs; of several metrics and sources the largest count."""
    return _read(
        engine,
        """SELECT plugin_id AS plugin, month, max(count) AS installs FROM fct_statistic_monthly
        GROUP BY ALL ORDER BY ALL""",
    )


def releases(engine: DuckDBEngine) -> pl.DataFrame:
    """Dated releases: plugin, version, version_scheme, released."""
    return _read(
        engine,
        """SELECT plugin_id AS plugin, version, version_scheme, released_at::DATE AS released FROM dim_release
        WHERE released_at IS NOT NULL ORDER BY ALL""",
    )


def installed(engine: DuckDBEngine) -> pl.DataFrame:
    """How many targets of each tenant have a plugin now: tenant_id, plugin, targets."""
    return _read(
        engine,
        """SELECT tenant_id, plugin_id AS plugin, count(DISTINCT target_id) AS targets
        FROM fct_installation_interval WHERE to_at IS NULL GROUP BY ALL ORDER BY ALL""",
    )


def operator(engine: DuckDBEngine) -> str | None:
    """The tenant that runs the registry; None in a warehouse without tenants."""
    row = engine.connection.execute("SELECT tenant_id FROM dim_tenant WHERE kind = 'operator'").fetchone()
    return str(row[0]) if row else None


def newest_day(engine: DuckDBEngine) -> date | None:
    """The day of the newest fact about plugins themselves: their data's own today. None when there is none."""
    row = engine.connection.execute(
        """SELECT greatest((SELECT max(released_at)::DATE FROM dim_release),
            (SELECT max(published_at)::DATE FROM dim_advisory),
            (SELECT last_day(max(month)) FROM fct_statistic_monthly))"""
    ).fetchone()
    return row[0] if row else None


def usage_span(engine: DuckDBEngine) -> tuple[int, int] | None:
    """First and last minute (since the epoch) in which anything was used; None without usage."""
    row = engine.connection.execute(
        """SELECT epoch_us(min("at")) // 60000000, epoch_us(max("at")) // 60000000
        FROM stg_registry__usage_events WHERE type IN ('use', 'error') AND plugin_id IS NOT NULL"""
    ).fetchone()
    return (int(row[0]), int(row[1])) if row and row[0] is not None else None


def usage_totals(engine: DuckDBEngine, start: int) -> pl.DataFrame:
    """Uses since the minute `start`: tenant, plugin, uses. A row is a use, whatever quantity it stands for."""
    return _read(
        engine,
        """SELECT tenant_id AS tenant, plugin_id AS plugin, count(*) AS uses FROM stg_registry__usage_events
        WHERE type IN ('use', 'error') AND plugin_id IS NOT NULL AND "at" >= to_timestamp(?) GROUP BY ALL ORDER BY ALL""",
        start * 60,
    )


def usage_by_minute(engine: DuckDBEngine, start: int, minutes: int) -> pl.DataFrame:
    """Uses from the minute `start` on: tenant, plugin, minute, uses."""
    return _read(
        engine,
        """SELECT tenant_id AS tenant, plugin_id AS plugin, epoch_us("at") // 60000000 AS minute, count(*) AS uses
        FROM stg_registry__usage_events WHERE type IN ('use', 'error') AND plugin_id IS NOT NULL
            AND "at" >= to_timestamp(?) AND "at" < to_timestamp(?)
            AND day BETWEEN to_timestamp(?)::DATE AND to_timestamp(?)::DATE
        GROUP BY ALL ORDER BY ALL""",
        start * 60,
        (start + minutes) * 60,
        start * 60,
        (start + minutes) * 60,
    )


def release_totals(engine: DuckDBEngine, start: int, end: int) -> pl.DataFrame:
    """Uses and failed uses of releases from a minute on until before another: release, plugin, uses, errors, first and last use."""
    return _read(
        engine,
        """SELECT release_id AS release, plugin_id AS plugin, count(*) AS uses,
            count(*) FILTER (type = 'error' OR outcome = 'error') AS errors, min("at") AS first, max("at") AS last
        FROM stg_registry__usage_events WHERE type IN ('use', 'error') AND plugin_id IS NOT NULL
            AND release_id IS NOT NULL AND "at" >= to_timestamp(?) AND "at" < to_timestamp(?)
        GROUP BY ALL ORDER BY ALL""",
        start * 60,
        end * 60,
    )


def usage_by_day(engine: DuckDBEngine, before: date) -> pl.DataFrame:
    """Uses of each tenant's plugins on days that are over: tenant_id, plugin_id, day, uses."""
    return _read(
        engine,
        """SELECT tenant_id, plugin_id, day, sum(uses)::BIGINT AS uses FROM fct_usage_daily
        WHERE day < ? GROUP BY ALL ORDER BY ALL""",
        before,
    )


def _read(engine: DuckDBEngine, sql: str, *parameters: int | date | datetime) -> pl.DataFrame:
    return engine.connection.execute(sql, list(parameters)).pl()
