"""Plugins that are shared by grant: in whose snapshots they are, from when and until when."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from tests.warehouse.sample import ACME, GLOBEX, OPERATOR, plugin_id
from warehouse import publish
from warehouse.publish import PUBLISHED
from warehouse.read import SnapshotReader
from warehouse.session import WarehouseSession, open_session

THIRD = "third"
SOON, OVER = utcnow() + timedelta(hours=1), utcnow() - timedelta(hours=1)
SHARED = ("given", "lent", "over", "resting", "hidden", "ungiven")
PARTS = ("dim_plugin", "dim_release", "fct_dependency", "dim_advisory")
LIKE = {
    "dim_plugin": "WHERE name = 'docker'",
    "dim_release": "WHERE is_latest LIMIT 1",
    "fct_dependency": "LIMIT 1",
    "dim_advisory": "WHERE plugin_id IS NOT NULL LIMIT 1",
    "mart_outside_popularity": "LIMIT 1",
    "fct_installation_interval": "WHERE to_at IS NULL LIMIT 1",
}
"""A row of each table that a plugin's is made like."""


def add(session: WarehouseSession, table: str, plugin: str, tenant: str) -> None:
    """A row of a plugin of its own."""
    chosen = f"(FROM {table} {LIKE[table]})"
    sql = f"INSERT INTO {table} SELECT * REPLACE (? AS tenant_id, ? AS plugin_id) FROM {chosen}"
    session.engine.connection.execute(sql, [tenant, plugin])


def share(session: WarehouseSession, plugin: str, *, live: bool = True, until: object = None) -> None:
    """A grant of acme's to globex."""
    session.engine.connection.execute(
        "INSERT INTO stg_registry__plugin_grants BY NAME SELECT 'g-' || $plugin AS plugin_grant_id, $acme AS tenant_id, "
        "$plugin AS plugin_id, $globex AS grantee_id, 'read' AS scope, $until::TIMESTAMPTZ AS expires_at, $live AS live, "
        "now() AS recorded_at",
        {"plugin": plugin, "acme": ACME, "globex": GLOBEX, "until": until, "live": live},
    )


@pytest.fixture
def session(home: Path) -> Iterator[WarehouseSession]:
    """The small world with a third customer and six plugins of acme's; each is on a target of everybody's."""
    with open_session(Settings(home=home)) as opened:
        connection = opened.engine.connection
        connection.execute("INSERT INTO dim_tenant VALUES (?, 'third', 'Third', 'customer', 'active')", [THIRD])
        for plugin in SHARED:
            for table in (*PARTS, "mart_outside_popularity"):
                add(opened, table, plugin, ACME)
            for tenant in (ACME, GLOBEX, THIRD):
                add(opened, "fct_installation_interval", plugin, tenant)
        visible = "UPDATE dim_plugin SET visibility = if(plugin_id = 'hidden', 'private', 'shared') WHERE list_contains(?, plugin_id)"
        connection.execute(visible, [SHARED])
        share(opened, "given")
        share(opened, "lent", until=SOON)
        share(opened, "over", until=OVER)
        share(opened, "resting", live=False)
        share(opened, "hidden")
        yield opened


def shown(home: Path, tenant: str, table: str = "dim_plugin") -> list[str]:
    """Which of acme's six plugins a snapshot's table names."""
    found = SnapshotReader(Settings(home=home)).open(tenant).query(f"SELECT DISTINCT plugin_id FROM {table}")
    return sorted(set(found["plugin_id"]) & set(SHARED))


def test_a_snapshot_holds_what_a_grant_in_force_shows_and_a_third_tenants_nothing(
    session: WarehouseSession, home: Path
) -> None:
    session.publish("run")
    for table in PARTS:
        assert shown(home, GLOBEX, table) == ["given", "lent"], table
        assert shown(home, THIRD, table) == [], table
        assert shown(home, ACME, table) == shown(home, OPERATOR, table) == sorted(SHARED), table


def test_of_an_owners_nothing_else_is_shown_and_what_the_grantee_did_stays_its_own(
    session: WarehouseSession, home: Path
) -> None:
    session.publish("run")
    snapshot = SnapshotReader(Settings(home=home)).open(GLOBEX)
    for contract in PUBLISHED:
        others = snapshot.query(f"SELECT 1 FROM {contract.name} WHERE tenant_id NOT IN ('{GLOBEX}', '{OPERATOR}')")
        assert (others.height > 0) == (contract.name in PARTS), contract.name
    assert shown(home, GLOBEX, "mart_outside_popularity") == []
    assert shown(home, GLOBEX, "fct_installation_interval") == sorted(SHARED)


def test_counts_on_a_shared_plugin_are_those_of_what_the_grantee_sees(session: WarehouseSession, home: Path) -> None:
    session.engine.connection.execute("UPDATE fct_dependency SET dependency_plugin_id = 'given', of_latest = true")
    session.engine.connection.execute("UPDATE dim_plugin SET installed_targets = 99, dependant_count = 99")
    session.publish("run")
    counts = "SELECT installed_targets, dependant_count, advisory_count FROM dim_plugin WHERE plugin_id = 'given'"
    needing = len({plugin_id(name) for name in ("docker", "junit", "matrix-auth")})
    found = {
        tenant: SnapshotReader(Settings(home=home)).open(tenant).query(counts).row(0) for tenant in (GLOBEX, OPERATOR)
    }
    assert found == {GLOBEX: (1, needing + 1, 1), OPERATOR: (1, needing + 5, 1)}


def test_only_the_grantees_snapshot_is_written_when_a_grant_begins_and_ends_also_by_the_clock_alone(
    session: WarehouseSession, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.publish("run")
    assert session.publish("same").written == ()
    share(session, "ungiven")
    assert session.publish("begun").written == (GLOBEX,)
    assert shown(home, GLOBEX) == ["given", "lent", "ungiven"]
    session.engine.connection.execute("DELETE FROM stg_registry__plugin_grants WHERE plugin_id = 'given'")
    assert session.publish("revoked").written == (GLOBEX,)
    assert shown(home, GLOBEX) == ["lent", "ungiven"]
    monkeypatch.setattr(publish, "utcnow", lambda: SOON)
    assert session.publish("expired").written == (GLOBEX,)
    assert shown(home, GLOBEX) == ["ungiven"]


def test_a_change_of_a_shared_plugin_reaches_its_owner_and_its_grantee(session: WarehouseSession, home: Path) -> None:
    session.publish("run")
    session.engine.connection.execute("UPDATE dim_release SET yanked = true WHERE plugin_id = 'given'")
    assert session.publish("yanked").written == tuple(sorted((OPERATOR, ACME, GLOBEX)))
