"""On the real Jenkins registry: who is at the top and why, no look ahead, and a hazard that holds in later years."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.risk import LATE, POLICY, current, jenkins
from models.risk import Sources, features_at, panel, score
from models.risk.validate import evaluate
from patchbay.importers.jenkins.update_center import Catalogue

pytestmark = pytest.mark.shared

MENDED_SINCE = {"nomad", "snsnotify", "swarm", "vsphere-cloud", "zephyr-enterprise-test-management"}
"""Their warnings name no last version, but the patterns end before releases that came later."""


@pytest.fixture(scope="module")
def registry(shared_data: Path) -> tuple[Sources, Catalogue]:
    return jenkins(shared_data / "jenkins")


@pytest.fixture(scope="module")
def ranked(registry: tuple[Sources, Catalogue]) -> pl.DataFrame:
    """Every plugin's score, the highest first."""
    return score(current(*registry), POLICY).sort("score", "plugin", descending=[True, False])


def test_the_top_is_every_plugin_with_an_unfixed_warning_and_says_which(ranked: pl.DataFrame) -> None:
    unfixed = ranked["floors"].list.contains("unfixed advisory")
    assert 200 < unfixed.sum() < 400
    assert unfixed.head(unfixed.sum()).all()
    for row in ranked.head(unfixed.sum()).rows(named=True):
        first = row["factors"][0]
        assert (first["name"], row["band"]) == ("open_advisories", "critical")
        assert "not fixed in the latest release: SECURITY-" in first["reason"]
        assert first["relief"] > 0


def test_warnings_without_a_last_version_are_unfixed_unless_a_release_is_past_their_pattern(
    registry: tuple[Sources, Catalogue], ranked: pl.DataFrame
) -> None:
    endless = pl.element().struct.field("last_version").is_null()
    named = registry[0].advisories.filter(pl.col("ranges").list.eval(endless).list.any())
    top = ranked.filter(pl.col("floors").list.contains("unfixed advisory"))
    assert named.height == 69
    assert set(named["plugin"]) - set(top["plugin"]) == MENDED_SINCE


@pytest.mark.parametrize("origin", [date(2019, 4, 1), date(2020, 11, 15), date(2022, 6, 30)])
def test_features_of_a_date_need_nothing_that_came_later(registry: tuple[Sources, Catalogue], origin: date) -> None:
    everything, cut = registry[0], registry[0].before(origin)
    assert cut.advisories["published"].max() <= origin
    assert cut.releases["released"].max() <= origin
    assert cut.installs["month"].max() < origin.replace(day=1)
    assert_frame_equal(features_at(everything, origin), features_at(cut, origin))


def test_no_feature_of_the_panel_is_constant_in_any_window(registry: tuple[Sources, Catalogue]) -> None:
    varied = (
        panel(registry[0], LATE)
        .group_by("as_of")
        .agg(pl.col("installs", "advisories", "years", "days_since_release").n_unique())
    )
    assert varied.drop("as_of").min_horizontal().min() > 5


def test_the_published_hazard_is_calibrated_and_skilled_in_later_years(registry: tuple[Sources, Catalogue]) -> None:
    late = panel(registry[0], LATE)
    predicted = score(late, POLICY)["advisory_probability"].to_numpy()
    clusters = late["plugin"].to_numpy().astype(str)
    found = evaluate(late["advised"].cast(pl.Float64).to_numpy(), predicted, clusters, resamples=200)
    assert found.auc.low > 0.58
    assert found.skill.low > 0
    assert found.ece < 0.02
    assert found.deciles[-1].predicted == pytest.approx(found.deciles[-1].observed, abs=0.03)
