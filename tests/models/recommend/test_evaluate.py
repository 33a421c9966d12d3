"""The measure itself: against the slow and obvious way of computing it, and against being fooled."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.recommend import evaluate as module
from models.recommend.evaluate import Evaluation, Split, evaluate, pooled, segments, temporal_split
from models.recommend.interactions import Codes, Interactions
from models.recommend.intervals import interval, paired
from models.recommend.metadata import Metadata
from models.recommend.popularity import PopularityConfig
from models.recommend.recommender import Config, Floats32, Recommender, build
from tests.models.recommend.conftest import CUT, START, World


class Fixed(Recommender):
    """Scores that are given, one row per user of the interactions; what it knows of them is nothing."""

    kind = "fixed"

    def __init__(self, table: NDArray[Any]) -> None:
        super().__init__(Config())
        self.table = table

    def _learn(self, interactions: Interactions, metadata: Metadata | None) -> dict[str, NDArray[Any]]:
        return {}

    def _scores(self, interactions: Interactions, rows: Codes, found: Codes) -> Floats32:
        return self.table[rows].astype(np.float32)


def measured(table: NDArray[Any], split: Split, k: int = 3) -> Evaluation:
    """The metrics of given scores."""
    return evaluate(Fixed(table).fit(split.history), split, k)


def slowly(table: NDArray[Any], split: Split, row: int, k: int) -> dict[str, float]:
    """One user's metrics, pair by pair, for scores without ties."""
    had = set(split.history.columns[split.history.rows == row])
    wanted = set(split.test.columns[split.test.rows == row])
    ranking = [item for item in np.argsort(-table[row]) if item not in had]
    hits = [place for place, item in enumerate(ranking[:k], 1) if item in wanted]
    ideal = sum(1 / np.log2(place + 1) for place in range(1, min(k, len(wanted)) + 1))
    others = [item for item in ranking if item not in wanted]
    right = [table[row, a] > table[row, b] for a in wanted for b in others]
    return {
        "recall": len(hits) / len(wanted),
        "ndcg": sum(1 / np.log2(place + 1) for place in hits) / ideal,
        "hit": float(bool(hits)),
        "auc": float(np.mean(right)),
    }


@pytest.fixture
def table(world: World) -> NDArray[Any]:
    """Random scores without ties."""
    return np.random.default_rng(1).normal(size=(len(world.split.history.users), len(world.split.history.items)))


def test_metrics_equal_those_counted_pair_by_pair(world: World, table: NDArray[Any]) -> None:
    found = measured(table, world.split)
    assert len(found.users) > 50
    for position, row in enumerate(world.split.users):
        for name, value in slowly(table, world.split, row, 3).items():
            assert found.values[name][position] == pytest.approx(value, abs=1e-6), name


def test_metrics_do_not_depend_on_how_many_users_are_scored_at_a_time(
    world: World, table: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measured(table, world.split).to_frame()
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 500)
    assert measured(table, world.split).to_frame().equals(whole)


def test_equal_scores_are_worth_what_a_random_order_is(world: World, table: NDArray[Any]) -> None:
    tied = np.round(table)
    rng = np.random.default_rng(2)
    shuffled = [measured(tied + rng.uniform(0, 0.4, tied.shape), world.split) for _ in range(300)]
    found = measured(tied, world.split)
    for metric in ("recall", "ndcg", "auc"):
        assert found.means[metric] == pytest.approx(np.mean([one.means[metric] for one in shuffled]), abs=0.01)


def test_a_model_that_says_nothing_has_half_of_all_pairs_right(world: World, table: NDArray[Any]) -> None:
    found = measured(np.zeros_like(table), world.split)
    np.testing.assert_allclose(found.values["auc"], 0.5)
    assert found.means["hit"] < 0.3


def test_the_best_possible_ranking_scores_one(world: World) -> None:
    found = measured(world.split.test.matrix().toarray(), world.split, k=10)
    for metric in ("recall", "ndcg", "hit", "auc"):
        np.testing.assert_allclose(found.values[metric], 1.0, atol=1e-6)


def test_what_a_user_had_before_is_never_listed(world: World, table: NDArray[Any]) -> None:
    found = measured(table + 100 * world.split.history.matrix().toarray(), world.split)
    for user, names in zip(found.users, found.lists, strict=True):
        row = world.split.history.users.tolist().index(user)
        had = world.split.history.items[world.split.history.columns[world.split.history.rows == row]]
        assert not set(names) & set(had)


def test_coverage_and_novelty_tell_a_model_that_shows_everyone_the_same(world: World, table: NDArray[Any]) -> None:
    varied = measured(table, world.split).means
    same = evaluate(build(PopularityConfig()).fit(world.split.train), world.split, 3).means
    assert same["coverage"] < varied["coverage"]
    assert same["novelty"] < varied["novelty"]


def test_a_split_learns_only_from_before_the_cut(world: World) -> None:
    cut = np.datetime64(CUT.replace(tzinfo=None))
    assert world.split.train.at.max() < cut <= world.split.test.at.min()
    assert world.split.train.pairs + world.split.test.pairs == world.interactions.pairs


def test_users_and_items_of_the_future_are_not_named_in_training(world: World) -> None:
    late = pl.DataFrame({"user": ["late"], "item": ["later"], "at": [CUT + timedelta(days=1)]})
    pairs = Interactions.from_frame(pl.concat([world.frame, late]), items=["cold"])
    split = temporal_split(pairs, CUT, catalogue=["cold"])
    assert "late" not in split.train.users
    assert "later" not in split.train.items
    assert "cold" in split.train.items
    found = evaluate(build(PopularityConfig()).fit(split.train), split).to_frame()
    assert found.filter(user="late")["recall"].to_list() == [0.0]


def test_a_test_that_ends_leaves_out_what_came_after(world: World) -> None:
    until = CUT + timedelta(days=5)
    split = temporal_split(world.interactions, CUT, until)
    assert 0 < split.test.pairs < world.split.test.pairs
    assert split.test.at.max() < np.datetime64(until.replace(tzinfo=None))


def test_a_time_in_which_nothing_happened_is_refused(world: World) -> None:
    split = temporal_split(world.interactions, START + timedelta(days=999))
    with pytest.raises(ValueError, match="nothing was first seen"):
        evaluate(build(PopularityConfig()).fit(split.train), split)


def test_segments_part_the_users_by_their_history(world: World, table: NDArray[Any]) -> None:
    found = measured(table, world.split)
    parts = segments(found, (0, 5, 6))
    assert list(parts) == ["0-4", "5", "6+"]
    assert sum(len(part.users) for part in parts.values()) == len(found.users)
    assert (parts["5"].history == 5).all()


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(100):
        found = interval(_evaluation(rng.normal(0.3, 1.0, 80)), "ndcg")
        inside += found.low <= 0.3 <= found.high
    assert 0.90 <= inside / 100 <= 0.99


def test_a_user_in_several_splits_is_drawn_whole() -> None:
    once = _evaluation(np.random.default_rng(4).normal(size=50))
    thrice = pooled([once] * 3)
    alone, together = interval(once, "ndcg"), interval(thrice, "ndcg")
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))


def test_a_paired_interval_sees_a_small_lead_that_two_intervals_hide() -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(size=100)
    one, other = _evaluation(base + 0.1 + rng.normal(0, 0.1, 100)), _evaluation(base)
    assert interval(one, "ndcg").low < interval(other, "ndcg").high
    assert paired(one, other, "ndcg").low > 0
    assert paired(other, one, "ndcg").high < 0


def test_only_the_same_users_can_be_paired() -> None:
    one = _evaluation(np.zeros(5))
    with pytest.raises(ValueError, match="same users"):
        paired(one, one.where(np.arange(5) < 4), "ndcg")


def _evaluation(values: NDArray[Any]) -> Evaluation:
    users = np.array([f"u{number:03}" for number in range(len(values))])
    columns = dict.fromkeys(module.METRICS, values)
    return Evaluation(users, np.ones(len(values), int), columns, users[:, None], len(values))
