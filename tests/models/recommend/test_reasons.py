"""Recommendations with reasons: only what one does not have, and only reasons that are true."""

import numpy as np
import polars as pl
import pytest

from models.recommend.ease import Ease, EaseConfig
from models.recommend.interactions import Interactions
from models.recommend.popularity import PopularityConfig
from models.recommend.reasons import recommendations
from models.recommend.recommender import Config, build
from models.recommend.segmented import SegmentedConfig
from models.recommend.warp import WarpConfig
from tests.models.recommend.conftest import START, World


def made(config: Config, world: World, k: int = 3) -> pl.DataFrame:
    """The recommendations of a config for everyone."""
    model = build(config).fit(world.interactions, world.metadata)
    return recommendations(model, world.interactions, np.arange(len(world.interactions.users)), k)


@pytest.mark.parametrize("config", [EaseConfig(l2=5.0), WarpConfig(epochs=10)])
def test_reasons_are_the_users_own_items_of_the_same_taste(config: Config, world: World) -> None:
    own = world.frame.group_by("user").agg(owned=pl.col("item"))
    reasons = made(config, world).filter(pl.col("item").str.starts_with("t")).explode("because").drop_nulls("because")
    assert reasons.height > 100
    assert reasons.join(own, on="user").filter(~pl.col("because").is_in("owned")).is_empty()
    first = reasons.group_by("user", "item").agg(pl.col("because").first())
    alike = first["because"].str.slice(0, 2) == first["item"].str.slice(0, 2)
    assert alike.mean() > 0.9


def test_ranks_start_at_one_scores_fall_and_nothing_owned_is_listed(world: World) -> None:
    frame = made(EaseConfig(l2=5.0), world)
    assert frame["rank"].to_list() == [1, 2, 3] * len(world.interactions.users)
    assert frame.filter(pl.col("score").diff().over("user") > 0).is_empty()
    assert frame.join(world.frame, on=["user", "item"]).is_empty()


def test_a_reason_of_ease_is_the_largest_part_of_its_score(world: World) -> None:
    model = Ease(EaseConfig(l2=5.0)).fit(world.interactions)
    row = np.array([17])
    best = recommendations(model, world.interactions, row, 1).row(0, named=True)
    column = world.interactions.items.tolist().index(best["item"])
    owned = world.interactions.matrix()[17].toarray()[0] > 0
    parts = model.likeness()[:, column] * owned
    strongest = np.argsort(-parts)[:2]
    assert best["because"] == world.interactions.items[strongest].tolist()
    intercept = model.state["intercepts"][model.state["active"].tolist().index(column)]
    assert best["score"] == pytest.approx(parts.sum() + intercept, abs=1e-5)


def test_popularity_has_no_reasons_but_says_how_many_have_it(world: World) -> None:
    frame = made(PopularityConfig(), world, k=1)
    assert frame["because"].list.len().to_list() == [0] * frame.height
    taken = dict(world.frame.group_by("item").agg(pl.col("user").n_unique()).iter_rows())
    assert frame["taken_by"].to_list() == [taken[item] for item in frame["item"]]


def test_who_has_little_history_is_given_no_reason_that_popularity_did_not_have(world: World) -> None:
    frame = made(SegmentedConfig(EaseConfig(l2=5.0), at_least=8), world)
    short = world.frame.filter(pl.col("user") != "u000")
    model = build(SegmentedConfig(EaseConfig(l2=5.0), at_least=8)).fit(world.interactions)
    thin = pl.concat([short, world.frame.filter(user="u000").head(7)])
    asked = Interactions.from_frame(thin, items=world.interactions.items.tolist())
    assert frame.filter(pl.col("user") == "u000")["because"].list.len().max() > 0
    assert recommendations(model, asked, np.array([0]))["because"].list.len().max() == 0


def test_an_item_the_model_does_not_know_is_not_recommended(world: World) -> None:
    model = build(PopularityConfig()).fit(world.interactions)
    frame = pl.DataFrame({"user": ["new"], "item": ["t0-0"], "at": [START]})
    asked = Interactions.from_frame(frame, items=["t0-1", "unheard"])
    assert recommendations(model, asked, np.arange(1))["item"].to_list() == ["t0-1"]


def test_nobody_asked_is_an_empty_frame_with_the_same_columns(world: World) -> None:
    model = build(SegmentedConfig(EaseConfig())).fit(world.interactions)
    nobody = recommendations(model, world.interactions, np.arange(0))
    assert nobody.is_empty()
    assert nobody.schema == made(EaseConfig(), world).schema
