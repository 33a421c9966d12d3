"""The point-in-time panel: what was known at a date, what came after, and no look ahead."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.risk import RiskModel, Sources, features_at, panel, refit, score
from models.risk.advisories import AFFECTED

ORIGIN = date(2021, 6, 15)


def sources(
    advisories: list[tuple[str, date, str]] | None = None,
    installs: list[tuple[str, date, int]] | None = None,
    releases: list[tuple[str, str, date]] | None = None,
) -> Sources:
    """Of (plugin, published, last version), (plugin, month, count) and (plugin, version, released)."""
    named = [
        {"plugin": plugin, "published": day, "id": f"SEC-{number}", "ranges": [{"last_version": last}]}
        for number, (plugin, day, last) in enumerate(advisories or [])
    ]
    schema = {"plugin": pl.String, "published": pl.Date, "id": pl.String, "ranges": AFFECTED}
    unknown = {"severity": pl.String, "exploited": pl.Boolean, "likelihood": pl.Float64, "reach": pl.Float64}
    count = {"plugin": pl.String, "month": pl.Date, "installs": pl.Int64}
    release = {"plugin": pl.String, "version": pl.String, "released": pl.Date}
    return Sources(
        advisories=pl.DataFrame(named, schema=schema).with_columns(
            pl.lit(None, dtype).alias(name) for name, dtype in unknown.items()
        ),
        installs=pl.DataFrame(installs or [], schema=count, orient="row"),
        releases=pl.DataFrame(releases or [], schema=release, orient="row").with_columns(
            version_scheme=pl.lit("semver")
        ),
        advised_since=date(2017, 1, 1),
        released_since=date(2020, 1, 1),
        until=date(2023, 6, 30),
    )


REGISTRY = sources(
    advisories=[("a", date(2020, 3, 1), "1.0.0"), ("a", date(2021, 6, 15), "1.1.0"), ("a", date(2021, 9, 1), "1.1.0")],
    installs=[
        ("a", date(2019, 6, 1), 10),
        ("a", date(2021, 5, 1), 70),
        ("a", date(2021, 6, 1), 900),
        ("b", date(2016, 1, 1), 5),
        ("b", date(2021, 5, 1), 6),
        ("c", date(2021, 4, 1), 1),
    ],
    releases=[("a", "1.0.0", date(2020, 1, 5)), ("a", "1.1.0", date(2021, 6, 5)), ("b", "1.0.0", date(2020, 6, 15))],
)


def at(origin: date, plugin: str, given: Sources = REGISTRY) -> dict[str, object]:
    return features_at(given, origin).filter(pl.col("plugin") == plugin).row(0, named=True)


def test_features_are_what_was_known_at_the_end_of_the_day() -> None:
    row = at(ORIGIN, "a")
    assert (row["installs"], row["advisories"], row["days_since_release"]) == (70, 2, 10)
    assert row["years"] == pytest.approx(2.04, abs=0.01)
    assert [advisory["id"] for advisory in row["open_advisories"]] == ["SEC-1"]


def test_a_plugin_older_than_the_first_advisories_is_watched_since_these() -> None:
    assert at(ORIGIN, "b")["years"] == pytest.approx(4.45, abs=0.01)


def test_a_month_counts_once_it_is_over() -> None:
    assert [at(day, "a")["installs"] for day in (date(2021, 6, 30), date(2021, 7, 1))] == [70, 900]


def test_a_plugin_without_a_count_in_the_last_month_has_unknown_installs() -> None:
    assert at(ORIGIN, "c")["installs"] is None


def test_releases_are_unknown_before_they_were_all_observed() -> None:
    row = at(date(2019, 12, 1), "a")
    assert (row["days_since_release"], row["open_advisories"]) == (None, None)


def test_the_latest_release_is_the_highest_version_not_the_newest_backport() -> None:
    given = sources(
        advisories=[("a", date(2021, 1, 1), "1.9.9")],
        releases=[("a", "2.0.0", date(2020, 5, 1)), ("a", "1.9.9", date(2021, 2, 1))],
    )
    assert at(ORIGIN, "a", given)["open_advisories"] == []


@pytest.mark.parametrize("origin", [date(2019, 12, 1), date(2020, 8, 31), ORIGIN, date(2021, 7, 1)])
def test_nothing_that_came_later_changes_a_feature(origin: date) -> None:
    later = origin + timedelta(days=1)
    more = sources(
        advisories=[("a", later, "9.0.0"), ("new", later, "9.0.0")],
        installs=[("a", origin.replace(day=1), 10**6), ("new", later.replace(day=1), 7)],
        releases=[("a", "9.0.0", later), ("new", "1.0.0", later)],
    )
    planted = replace(
        REGISTRY,
        advisories=pl.concat([REGISTRY.advisories, more.advisories]),
        installs=pl.concat([REGISTRY.installs, more.installs]),
        releases=pl.concat([REGISTRY.releases, more.releases]),
    )
    assert_frame_equal(features_at(planted, origin), features_at(REGISTRY.before(origin), origin))


def test_labels_are_of_the_year_after_the_origin() -> None:
    rows = panel(REGISTRY, [date(2020, 3, 1), date(2020, 6, 14), ORIGIN, date(2021, 9, 1)])
    of_a = rows.filter(pl.col("plugin") == "a").select("as_of", "advised", "silent").rows()
    assert of_a[-2:] == [(ORIGIN, True, True), (date(2021, 9, 1), False, True)]
    assert rows.filter(pl.col("installs").is_null()).is_empty()


def test_a_year_that_is_not_over_has_no_labels() -> None:
    with pytest.raises(ValueError, match="2022-07-01 is not over: the data ends 2023-06-30"):
        panel(REGISTRY, [ORIGIN, date(2022, 7, 1)])


def test_a_panel_refits_hazards_and_population_and_leaves_policy_alone() -> None:
    rng, rows = np.random.default_rng(1), 4000
    days = np.exp(rng.uniform(0, 8, rows)).astype(int)
    made = pl.DataFrame(
        {
            "plugin": [f"p{row}" for row in range(rows)],
            "as_of": [ORIGIN] * rows,
            "installs": np.exp(rng.uniform(0, 10, rows)),
            "advisories": rng.poisson(0.3, rows),
            "years": np.full(rows, 4.0),
            "days_since_release": days,
            "advised": rng.random(rows) < 0.2,
            "silent": rng.random(rows) < days / days.max(),
        }
    )
    policy = RiskModel()
    fitted = refit(policy, made)
    assert fitted.population.advisory == pytest.approx(0.2, abs=0.02)
    assert fitted.hazard != policy.hazard
    assert (fitted.weights, fitted.floors, fitted.bands) == (policy.weights, policy.floors, policy.bands)
    assert score(made, fitted)["advisory_probability"].mean() == pytest.approx(0.2, abs=0.02)
