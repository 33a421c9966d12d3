"""Which advisories are open: the pattern decides, then the bounds, and the unknown stays unknown."""

from typing import Any

import polars as pl
import pytest

from models.risk import open_advisories
from models.risk.advisories import AFFECTED

Range = dict[str, str]


def advisories(*given: tuple[str, str, list[Range]]) -> pl.DataFrame:
    """Of (plugin, id, ranges)."""
    schema = {"plugin": pl.String, "id": pl.String, "ranges": AFFECTED}
    frame = pl.DataFrame(given, schema=schema, orient="row")
    unknown = {"severity": pl.String, "exploited": pl.Boolean, "likelihood": pl.Float64, "reach": pl.Float64}
    return frame.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in unknown.items())


def found(given: pl.DataFrame, version: str | None, scheme: str = "jenkins") -> list[str] | None:
    """Ids of plugin p's open advisories when its latest release is the version."""
    rows: list[dict[str, Any]] = [{"plugin": "p", "version": version, "version_scheme": scheme}] if version else []
    latest = pl.DataFrame(rows, schema={"plugin": pl.String, "version": pl.String, "version_scheme": pl.String})
    listed = open_advisories(given, latest).filter(pl.col("plugin") == "p")["open_advisories"].to_list()[0]
    return None if listed is None else [advisory["id"] for advisory in listed]


@pytest.mark.parametrize(
    ("affected", "version", "is_open"),
    [
        ({"last_version": "1.9"}, "1.9", True),
        ({"last_version": "1.9"}, "1.10", False),
        ({"last_version": "1.10"}, "1.9", True),
        ({"first_version": "2.0", "last_version": "2.5"}, "1.0", False),
        ({}, "7", True),
        ({"pattern": ".*"}, "7", True),
        ({"pattern": "1[.]2"}, "1.25", False),
        ({"pattern": "([12][.].+|3[.][34])(|[.-].*)"}, "3.40", False),
        ({"pattern": "1[.].*", "last_version": "1.2"}, "1.7", True),
        ({"pattern": "(?=1).*", "last_version": "1.2"}, "1.1", True),
        ({"pattern": "(?=1).*", "last_version": "1.2"}, "1.7", False),
        ({"pattern": "a)|(b", "last_version": "1.2"}, "1.7", False),
        ({"last_version": "no version/"}, "1.7", False),
    ],
)
def test_the_pattern_decides_where_there_is_a_usable_one_and_else_the_bounds(
    affected: Range, version: str, is_open: bool
) -> None:
    assert found(advisories(("p", "SEC-1", [affected])), version) == (["SEC-1"] if is_open else [])


def test_an_advisory_is_open_if_any_of_its_ranges_holds_the_latest_release() -> None:
    given = advisories(("p", "SEC-1", [{"last_version": "1.2"}, {"first_version": "2.0", "last_version": "2.2"}]))
    assert [found(given, version) for version in ("1.1", "1.3", "2.1", "2.3")] == [["SEC-1"], [], ["SEC-1"], []]


def test_open_advisories_are_listed_once_each_by_id() -> None:
    given = advisories(("p", "SEC-2", [{}]), ("p", "SEC-1", [{}]), ("p", "SEC-3", [{"last_version": "1"}]))
    assert found(given, "2.0") == ["SEC-1", "SEC-2"]


def test_without_a_known_release_only_a_range_without_an_end_is_open() -> None:
    assert found(advisories(("p", "SEC-1", [{}]), ("p", "SEC-2", [{"last_version": "1"}])), None) == ["SEC-1"]
    assert found(advisories(("p", "SEC-2", [{"last_version": "1"}])), None) is None


def test_a_plugin_without_advisories_has_an_empty_list() -> None:
    assert found(advisories(("another", "SEC-1", [{}])), "1.0") == []


def test_each_scheme_compares_in_its_own_order() -> None:
    given = advisories(("p", "SEC-1", [{"last_version": "1.0.0-rc.1"}]))
    assert found(given, "1.0.0", "semver") == []
    assert found(given, "1.0.0-beta", "semver") == ["SEC-1"]
