"""The protocol of the benchmark on real controllers: a model that predicts a year has seen nothing of it."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.recommend import FLOOR, MODELS, YEARS, Catalogues, Window, adoptions, catalogues, measure, windows
from models.recommend.recommender import build
from models.recommend.storing import dump

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def events(shared_data: Path) -> pl.DataFrame:
    """The real adoptions."""
    return adoptions(shared_data)


@pytest.fixture(scope="module")
def dated(shared_data: Path) -> Catalogues:
    """The real catalogues by date."""
    return catalogues(shared_data)


@pytest.fixture(scope="module")
def years(events: pl.DataFrame, dated: Catalogues) -> list[Window]:
    """Every window of the benchmark."""
    return list(windows(events, dated, YEARS))


def test_training_is_all_adoptions_before_the_cut_and_the_test_those_of_the_year(
    years: list[Window], shared_data: Path
) -> None:
    first: dict[tuple[str, str], datetime] = {}
    with (shared_data / "jiro" / "derived" / "plugin-events.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["event"] == "add":
                pair, at = (row["instance"], row["plugin"]), datetime.fromisoformat(row["commit_time"])
                first[pair] = min(first.get(pair, at), at)
    for window in years:
        train, test = window.split.train, window.split.test
        before = {pair for pair, at in first.items() if at < window.cut}
        within = {pair for pair, at in first.items() if window.cut <= at < window.until}
        assert set(zip(train.users[train.rows], train.items[train.columns], strict=True)) == before
        assert set(zip(test.users[test.rows], test.items[test.columns], strict=True)) == within
        assert within


def test_the_catalogue_is_one_that_was_published_before_the_cut(years: list[Window]) -> None:
    assert all(window.catalogue_of <= window.cut for window in years)
    assert {window.catalogue_of for window in years} >= {datetime(2022, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_same_to_the_last_bit_when_the_future_is_not_there(
    name: str, years: list[Window], events: pl.DataFrame, dated: Catalogues
) -> None:
    window = years[1]
    past = events.filter(pl.col("at") < window.cut)
    published = {day: plugins for day, plugins in dated.items() if day <= window.cut}
    blind = next(windows(past, published, [window.cut.year]))
    fitted, without = (build(MODELS[name]).fit(one.split.train, one.metadata) for one in (window, blind))
    assert dump(fitted) == dump(without)


def test_every_plugin_of_the_catalogue_is_ranked(years: list[Window]) -> None:
    for window in years:
        assert len(window.split.test.items) >= len(window.metadata.items) > 1800
        assert np.isin(window.metadata.items, window.split.test.items).all()


def test_figures_are_measured_beside_popularity_with_intervals(shared_data: Path) -> None:
    result = measure(shared_data, YEARS[-2:])
    models = result["models"]
    assert isinstance(models, dict)
    assert set(models) == {*MODELS, "served"}
    assert models[FLOOR]["lead_over_popularity"]["ndcg"] == [0.0, 0.0, 0.0]
    for figures in models.values():
        mean, low, high = figures["auc"]
        assert 0 <= low <= mean <= high <= 1
