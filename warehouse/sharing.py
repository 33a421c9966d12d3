"""Which tenants see which plugins by grant, at a moment. No transform knows the time, so whoever shows rows asks here."""

from datetime import datetime

import polars as pl

from warehouse.engines.duckdb import DuckDBEngine

IN_FORCE = """
    SELECT g.grantee_id, p.tenant_id AS owner_id, p.plugin_id, g.scope
    FROM stg_registry__plugin_grants g JOIN dim_plugin p ON p.plugin_id = g.plugin_id AND p.tenant_id = g.tenant_id
    WHERE g.live AND p.visibility = 'shared' AND (g.expires_at IS NULL OR g.expires_at > ?)
"""
"""Grants that count at the moment of its parameter: given by the plugin's owner, while it is shared, and not expired."""


def granted(engine: DuckDBEngine, at: datetime) -> pl.DataFrame:
    """What each tenant sees by grant at a moment: tenant_id (the grantee), plugin_id, scope (read or install)."""
    query = f"SELECT grantee_id AS tenant_id, plugin_id, scope FROM ({IN_FORCE}) ORDER BY ALL"  # noqa: S608
    return engine.connection.execute(query, [at]).pl()
