"""What each model can do that the others cannot, on a world where the right answer is planted."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from models.recommend.blend import BlendConfig
from models.recommend.ease import Ease, EaseConfig, TooManyItems
from models.recommend.evaluate import Evaluation, evaluate
from models.recommend.interactions import Interactions
from models.recommend.popularity import Popularity, PopularityConfig
from models.recommend.recommender import Config, build
from models.recommend.segmented import SegmentedConfig
from models.recommend.warp import WarpConfig
from tests.models.recommend.conftest import START, UNTAKEN, World


def measured(config: Config, world: World) -> Evaluation:
    """The config's metrics on the world's split."""
    return evaluate(build(config).fit(world.split.train, world.metadata), world.split)


def at(items: list[str], interactions: Interactions) -> list[int]:
    """Columns of items."""
    return [interactions.items.tolist().index(item) for item in items]


@pytest.mark.parametrize("config", [EaseConfig(l2=5.0), WarpConfig(epochs=10), BlendConfig(EaseConfig(l2=5.0))])
def test_a_personal_model_finds_the_planted_taste_that_popularity_cannot(config: Config, world: World) -> None:
    found, floor = measured(config, world).means, measured(PopularityConfig(), world).means
    assert found["ndcg"] > 1.3 * floor["ndcg"]
    assert found["auc"] > 0.85 > floor["auc"]


def test_popularity_counts_adopters_and_forgets_old_ones_with_a_half_life() -> None:
    frame = pl.DataFrame(
        {
            "user": ["a", "b", "c"],
            "item": ["old", "old", "new"],
            "at": [START, START, START + timedelta(days=60)],
        }
    )
    pairs = Interactions.from_frame(frame)
    users = np.arange(1)
    assert Popularity(PopularityConfig()).fit(pairs).scores(pairs, users).tolist() == [[1, 2]]
    assert Popularity(PopularityConfig(half_life_days=30)).fit(pairs).scores(pairs, users).tolist() == [[1, 0.5]]


def test_ease_without_intercept_is_the_published_closed_form(world: World) -> None:
    pairs = world.split.train
    dense = pairs.matrix().toarray().astype(float)[:, pairs.taken > 0]
    inverse = np.linalg.inv(dense.T @ dense + 5.0 * np.eye(dense.shape[1]))
    weights = np.eye(len(inverse)) - inverse / np.diag(inverse)
    found = Ease(EaseConfig(l2=5.0, intercept=False)).fit(pairs).scores(pairs, np.arange(len(pairs.users)))
    np.testing.assert_allclose(found[:, pairs.taken > 0], dense @ weights, atol=1e-5)


def test_ease_learns_from_what_was_added_since_without_another_fit(world: World) -> None:
    model = build(EaseConfig(l2=5.0)).fit(world.interactions)
    newcomer = pl.DataFrame({"user": ["new"] * 2, "item": ["t2-0", "t2-1"], "at": [START] * 2})
    asked = Interactions.from_frame(newcomer, items=world.interactions.items.tolist())
    scores = model.scores(asked, np.arange(1))[0]
    theirs = at([f"t2-{number}" for number in range(2, 8)], asked)
    others = at([f"t{team}-{number}" for team in (0, 1, 3) for number in range(8)], asked)
    assert scores[theirs].min() > scores[others].max()


def test_ease_refuses_more_items_than_fit_into_memory(world: World) -> None:
    with pytest.raises(TooManyItems, match="most_items = 3"):
        build(EaseConfig(most_items=3)).fit(world.interactions)


def test_warp_ranks_a_plugin_nobody_has_by_its_metadata(world: World) -> None:
    model = build(WarpConfig(epochs=15, identity=False)).fit(world.interactions, world.metadata)
    scores = model.scores(world.interactions, np.arange(len(world.interactions.users)))
    teams = np.array([int(name[1:]) % 4 for name in world.interactions.users])
    unreleased = scores[:, at(UNTAKEN, world.interactions)]
    assert (unreleased.argmax(axis=1) == teams).mean() > 0.95


def test_warp_without_metadata_is_possible(world: World) -> None:
    model = build(WarpConfig(epochs=10)).fit(world.split.train)
    assert evaluate(model, world.split).means["auc"] > 0.85


def test_warp_gives_all_without_history_the_same_scores(world: World) -> None:
    users = [*world.interactions.users.tolist(), "idle"]
    pairs = Interactions.from_frame(world.frame, users=users)
    asked = Interactions.from_frame(world.frame, users=[*users, "stranger"])
    model = build(WarpConfig(epochs=2)).fit(pairs)
    found = model.scores(asked, np.array([asked.users.tolist().index(name) for name in ("idle", "stranger")]))
    np.testing.assert_array_equal(found[0], found[1])


def test_little_history_is_answered_by_popularity_and_more_by_the_warm_model(world: World) -> None:
    warm, thin = EaseConfig(l2=5.0), PopularityConfig()
    pairs = world.split.train
    rows = np.arange(len(pairs.users))
    both, ease, popular = (
        build(config).fit(pairs).scores(pairs, rows) for config in (SegmentedConfig(warm, thin, 6), warm, thin)
    )
    is_warm = pairs.history >= 6
    assert 0 < is_warm.sum() < len(rows)
    np.testing.assert_array_equal(both[is_warm], ease[is_warm])
    np.testing.assert_array_equal(both[~is_warm], popular[~is_warm])


def test_a_user_moves_to_the_warm_model_as_soon_as_their_history_is_long_enough(world: World) -> None:
    model = build(SegmentedConfig(EaseConfig(l2=5.0), at_least=3)).fit(world.interactions)
    items = ["t1-0", "t1-1", "t1-2"]
    catalogue = world.interactions.items.tolist()

    def scores(own: list[str]) -> np.ndarray:
        frame = pl.DataFrame({"user": ["new"] * len(own), "item": own, "at": [START] * len(own)})
        return model.scores(Interactions.from_frame(frame, items=catalogue), np.arange(1))[0]

    theirs, others = at(["t1-5"], world.interactions), at(["t3-5"], world.interactions)
    popular = world.interactions.taken
    assert (scores(items[:2])[theirs] > scores(items[:2])[others]) == (popular[theirs] > popular[others])
    assert scores(items)[theirs] > scores(items)[others]
