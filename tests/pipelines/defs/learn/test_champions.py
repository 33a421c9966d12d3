"""Champion and challenger: a change is an improvement beyond chance, and what is served is whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.card import ModelCard
from models.recommend.interactions import Interactions
from models.recommend.metadata import Metadata
from patchbay.core.storage import LocalStorage
from pipelines.defs.learn import keeping, recommending
from pipelines.defs.learn.recommending import FLOOR, Lessons

START = datetime(2026, 1, 1, tzinfo=UTC)
TASTES, TARGETS, OWN = 6, 20, 8


def taken(*, with_taste: bool) -> pl.DataFrame:
    """Every target takes up eight of its taste's twelve plugins, one a day, or of all, without any taste."""
    draw, everything = np.random.default_rng(5), np.arange(TASTES * 12)
    rows = []
    for target in range(TASTES * TARGETS):
        likes = everything[target % TASTES :: TASTES] if with_taste else everything
        for day, item in enumerate(draw.choice(likes, OWN, replace=False)):
            rows.append((f"t{target:03}", f"p{item:02}", START + timedelta(days=day, minutes=target)))
    return pl.DataFrame(rows, schema=["user", "item", "at"], orient="row").unique(["user", "item"], maintain_order=True)


def lessons(frame: pl.DataFrame) -> Lessons:
    names = sorted(set(frame["item"]))
    plugins = pl.DataFrame({"plugin_id": names, "title": names}).with_columns(
        tenant_id=pl.lit("o"), lifecycle=pl.lit("active"), visibility=pl.lit("public")
    )
    learnt = Interactions.from_frame(frame, items=names)
    features = pl.DataFrame({"item": names, "feature": ["plugin"] * len(names)})
    targets = pl.DataFrame({"target_id": sorted(set(frame["user"]))}).with_columns(tenant_id=pl.lit("a"))
    grants = pl.DataFrame(schema=dict.fromkeys(("tenant_id", "plugin_id", "scope"), pl.String))
    return Lessons(learnt, learnt, Metadata.from_frame(features), frame, targets, plugins, grants)


@pytest.fixture(scope="module")
def popularity() -> ModelCard:
    """The card of a champion that only counts: what a registry without any taste ends with."""
    made = recommending.train(lessons(taken(with_taste=False)), None)
    assert made.name == FLOOR
    return made.card


def test_a_challenger_that_surely_beats_the_champion_is_served(popularity: ModelCard) -> None:
    made = recommending.train(lessons(taken(with_taste=True)), popularity)
    assert made.name in ("ease", "warp", "blend")
    assert made.card.metrics["lead over popularity low"] > 0


def test_a_challenger_that_does_not_leaves_the_champion_in_place(popularity: ModelCard) -> None:
    known = lessons(taken(with_taste=False))
    again = recommending.train(known, popularity)
    assert (again.name, again.card.version) == (FLOOR, popularity.version)
    better = recommending.train(lessons(taken(with_taste=True)), None)
    kept = recommending.train(known, better.card)
    assert kept.name == better.name, "nobody surely beats it on data that says nothing"


def test_with_nothing_to_predict_everybody_is_told_what_is_popular() -> None:
    made = recommending.train(lessons(taken(with_taste=True).head(1)), None)
    assert (made.name, made.figures) == (FLOOR, ())


def test_a_version_that_is_served_is_whole_and_is_written_once(tmp_path: Path, popularity: ModelCard) -> None:
    storage = LocalStorage(tmp_path)
    with pytest.raises(LookupError, match="learn_models"):
        keeping.served(storage, "recommender")
    assert keeping.champion(storage, "recommender") is None
    keeping.keep(storage, "recommender", popularity, b"model", FLOOR)
    keeping.keep(storage, "recommender", popularity, b"model", FLOOR)
    assert keeping.served(storage, "recommender").model == b"model"
    assert keeping.champion(storage, "recommender") == keeping.Champion(popularity.version, FLOOR)
