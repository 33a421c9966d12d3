"""Dimensions of the catalogue."""

from datetime import UTC, datetime

from tests.warehouse.tables import built, put
from warehouse.engines.duckdb import DuckDBEngine

RELEASES = [
    {
        "release_id": "r1",
        "plugin_id": "p",
        "version": "1.0",
        "sort_key": "1",
        "released_at": datetime(2026, 1, 1, tzinfo=UTC),
    },
    {"release_id": "r2", "plugin_id": "p", "version": "2.0", "sort_key": "2"},
    {"release_id": "r3", "plugin_id": "p", "version": "3.0", "sort_key": "3", "yanked": True},
    {"release_id": "r4", "plugin_id": "p", "version": "4.0-rc", "sort_key": "4", "prerelease": True},
]


def catalogue(engine: DuckDBEngine, releases: list[dict[str, object]]) -> None:
    put(engine, "stg_registry__plugins", [{"plugin_id": name, "namespace": "n", "name": name} for name in ("p", "q")])
    put(engine, "stg_registry__releases", releases)


def test_the_latest_release_is_the_newest_that_is_stable_and_not_yanked(engine: DuckDBEngine) -> None:
    catalogue(engine, RELEASES)
    found = built(engine, "dim_release", "version", "position", "is_latest")
    assert found == [("1.0", 1, False), ("2.0", 2, True), ("3.0", 3, False), ("4.0-rc", 4, False)]


def test_a_plugin_with_only_prereleases_has_the_newest_of_them_as_latest(engine: DuckDBEngine) -> None:
    catalogue(engine, [{**row, "prerelease": True} for row in RELEASES])
    assert [row for row in built(engine, "dim_release", "version", "is_latest") if row[1]] == [("4.0-rc", True)]


def test_releases_of_a_deleted_plugin_are_not_in_the_dimension(engine: DuckDBEngine) -> None:
    catalogue(engine, [*RELEASES, {"release_id": "r9", "plugin_id": "deleted", "version": "1"}])
    assert "r9" not in [row[0] for row in built(engine, "dim_release", "release_id")]


def test_a_plugin_shows_its_latest_release_and_its_counts(engine: DuckDBEngine) -> None:
    catalogue(engine, RELEASES)
    put(
        engine,
        "stg_registry__dependencies",
        [
            {"dependency_id": "d1", "release_id": "r2", "plugin_id": "p", "dependency_plugin_id": "q"},
            {"dependency_id": "d2", "release_id": "r2", "plugin_id": "p", "dependency_ref": "n:unknown"},
            {"dependency_id": "d3", "release_id": "r1", "plugin_id": "p", "dependency_plugin_id": "q"},
            {"dependency_id": "d4", "release_id": "gone", "plugin_id": "p"},
        ],
    )
    put(engine, "dim_advisory", [{"advisory_id": str(n), "plugin_id": "p", "unfixed": n == 0} for n in range(3)])
    interval = {"tenant_id": "t", "plugin_id": "p", "from_at": datetime(2026, 1, 1, tzinfo=UTC)}
    ended = {**interval, "to_at": datetime(2026, 2, 1, tzinfo=UTC)}
    put(engine, "fct_installation_interval", [{**interval, "target_id": "a"}, {**ended, "target_id": "b"}])
    built(engine, "dim_release")
    assert built(engine, "fct_dependency", "dependency_id", "of_latest") == [("d1", True), ("d2", True), ("d3", False)]
    columns = ("ref", "latest_version", "release_count", "dependency_count", "dependant_count", "advisory_count")
    columns += ("unfixed_advisory_count", "installed_targets", "first_released_at")
    assert built(engine, "dim_plugin", *columns) == [
        ("n:p", "2.0", 4, 2, 0, 3, 1, 1, datetime(2026, 1, 1, tzinfo=UTC)),
        ("n:q", None, 0, 0, 1, 0, 0, 0, None),
    ]
