"""What is served is what won: a change only for a sure improvement, and then exactly the config that was measured."""

from dataclasses import replace

import numpy as np
import pytest

from models.recommend.ease import EaseConfig
from models.recommend.evaluate import Evaluation, evaluate
from models.recommend.popularity import PopularityConfig
from models.recommend.recommender import build
from models.recommend.segmented import SegmentedConfig
from models.recommend.select import choose, select
from models.recommend.storing import dump
from tests.models.recommend.conftest import World

CONFIGS = {
    "popularity": PopularityConfig(),
    "ease": SegmentedConfig(EaseConfig(l2=5.0), at_least=2),
    "ease, stiff": SegmentedConfig(EaseConfig(l2=1e6), at_least=2),
}


@pytest.fixture(scope="module")
def floor(world: World) -> Evaluation:
    """Popularity on the world's split."""
    return evaluate(build(PopularityConfig()).fit(world.split.train), world.split)


def shifted(floor: Evaluation, by: float, noise: float = 0.01) -> Evaluation:
    """The floor with an NDCG that much higher, give or take."""
    off = np.random.default_rng(7).normal(by, noise, len(floor.users))
    return replace(floor, values={**floor.values, "ndcg": floor.values["ndcg"] + off})


def test_the_best_of_those_surely_above_the_floor_wins(floor: Evaluation) -> None:
    evaluations = {"popularity": floor, "good": shifted(floor, 0.05), "better": shifted(floor, 0.08)}
    choice = choose(evaluations, "popularity")
    assert choice.name == "better"
    assert "popularity by 0.0" in choice.why


def test_without_a_sure_winner_the_floor_is_served(floor: Evaluation) -> None:
    evaluations = {"popularity": floor, "lucky": shifted(floor, 0.01, noise=0.3), "worse": shifted(floor, -0.05)}
    choice = choose(evaluations, "popularity")
    assert choice.name == "popularity"
    assert choice.why == "no candidate is surely better than popularity"


def test_the_champion_stays_unless_a_candidate_is_surely_better_than_it(floor: Evaluation) -> None:
    evaluations = {"popularity": floor, "champion": shifted(floor, 0.05), "lucky": shifted(floor, 0.06, noise=0.3)}
    assert choose(evaluations, "popularity", champion="champion").name == "champion"
    evaluations["challenger"] = shifted(floor, 0.09)
    assert choose(evaluations, "popularity", champion="champion").name == "challenger"


def test_a_champion_that_fell_surely_below_the_floor_gives_way_to_it(floor: Evaluation) -> None:
    evaluations = {"popularity": floor, "champion": shifted(floor, -0.05)}
    assert choose(evaluations, "popularity", champion="champion").name == "popularity"


def test_a_candidate_better_than_the_champion_but_not_than_the_floor_is_not_served(floor: Evaluation) -> None:
    evaluations = {"popularity": floor, "champion": shifted(floor, -0.05), "candidate": shifted(floor, -0.03)}
    assert choose(evaluations, "popularity", champion="champion").name == "popularity"


def test_the_leads_are_kept_for_the_card(floor: Evaluation) -> None:
    choice = choose({"popularity": floor, "good": shifted(floor, 0.05)}, "popularity")
    assert choice.leads["good"]["popularity"].low > 0


def test_a_name_that_was_not_evaluated_is_an_error(floor: Evaluation) -> None:
    with pytest.raises(KeyError, match="gone"):
        choose({"popularity": floor}, "popularity", champion="gone")


def test_the_winner_is_served_with_its_config_and_all_the_data(world: World) -> None:
    chosen = select(CONFIGS, world.split, world.metadata)
    assert chosen.choice.name == "ease"
    assert chosen.model.config == CONFIGS["ease"]
    assert dump(chosen.model) == dump(build(CONFIGS["ease"]).fit(world.interactions, world.metadata))
    assert set(chosen.evaluations) == set(CONFIGS)
