"""Every recommender keeps the laws of models, and is the same after being stored."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models import laws
from models.laws import LAWS, Case
from models.recommend.blend import BlendConfig
from models.recommend.ease import EaseConfig
from models.recommend.interactions import Interactions
from models.recommend.metadata import Metadata
from models.recommend.popularity import PopularityConfig
from models.recommend.recommender import Config, NotFitted, Recommender, build
from models.recommend.segmented import SegmentedConfig
from models.recommend.storing import UnknownModel, dump, from_document, restore, to_document
from models.recommend.warp import WarpConfig
from tests.models.recommend.conftest import World

FAST = WarpConfig(factors=4, epochs=2)
CONFIGS: dict[str, Config] = {
    "popularity": PopularityConfig(half_life_days=30.0),
    "ease": EaseConfig(l2=5.0),
    "ease as published": EaseConfig(intercept=False),
    "warp": FAST,
    "warp of metadata": WarpConfig(factors=4, epochs=2, identity=False),
    "blend": BlendConfig(EaseConfig(l2=5.0), FAST, 0.7),
    "segmented": SegmentedConfig(BlendConfig(second=FAST), PopularityConfig(), 3),
}
Data = tuple[Interactions, Metadata]


def case_of(config: Config, world: World) -> Case[Recommender, Data]:
    """The config on the world; the strange data has other users and, besides, items and features nobody knew."""
    renamed = world.frame.filter(pl.col("user") < "u050").with_columns(
        user=pl.col("user").str.replace("u0", "new"), item=pl.col("item").str.replace("t0-", "unheard-")
    )
    items = renamed["item"].unique()
    strange = Metadata.from_frame(pl.DataFrame({"item": items, "feature": items.str.slice(0, 3)}))
    return Case(
        make=build,
        config=config,
        data=(world.interactions, world.metadata),
        strange=(Interactions.from_frame(renamed), strange),
        fit=lambda model, data: model.fit(*data),
        ask=_ask,
    )


def _ask(model: Recommender, data: Data) -> NDArray[Any]:
    return model.scores(data[0], np.arange(len(data[0].users)))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("law", LAWS)
def test_a_recommender_keeps_the_law(law: Callable[[Case[Any, Any]], None], config: Config, world: World) -> None:
    law(case_of(config, world))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_stored_model_gives_the_same_scores_and_the_same_bytes(config: Config, world: World) -> None:
    case = case_of(config, world)
    model = case.fitted()
    again = restore(dump(model))
    np.testing.assert_array_equal(_ask(again, case.data), _ask(model, case.data))
    assert again.config == config
    assert dump(again) == dump(model) == dump(case.fitted())


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_an_item_unknown_at_fitting_comes_last(config: Config, world: World) -> None:
    case = case_of(config, world)
    strange = case.strange[0]
    unheard = np.char.startswith(strange.items, "unheard-")
    scores = _ask(case.fitted(), case.strange)
    assert scores[:, unheard].max() < scores[:, ~unheard].min()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_model_that_was_not_fitted_says_so(config: Config, world: World) -> None:
    with pytest.raises(NotFitted, match="first"):
        build(config).scores(world.interactions, np.arange(2))
    with pytest.raises(NotFitted, match="first"):
        dump(build(config))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_fitting_without_a_single_pair_is_possible(config: Config, world: World) -> None:
    nothing = Interactions.from_frame(world.frame.clear(), users=["a"], items=["x", "y"])
    assert np.isfinite(build(config).fit(nothing).scores(nothing, np.arange(1))).all()


def test_a_document_of_an_unknown_kind_or_field_is_refused() -> None:
    with pytest.raises(UnknownModel, match="one of blend, ease, popularity, segmented, warp, not 'neural'"):
        from_document({"kind": "neural"})
    with pytest.raises(TypeError, match="lambda"):
        from_document(to_document(EaseConfig()) | {"lambda": 1.0})


@dataclass(frozen=True)
class _Setting:
    size: int = 3


class _Sound:
    """A model that keeps every law: it knows names and numbers them."""

    def __init__(self, config: _Setting) -> None:
        self.config = config
        self.known: dict[str, float] = {}

    def fit(self, data: list[str]) -> "_Sound":
        self.known = {name: place / self.config.size for place, name in enumerate(sorted(data))}
        return self

    def ask(self, data: list[str]) -> NDArray[Any]:
        return np.array([self.known.get(name, -1.0) for name in data])


class _ForgetsConfig(_Sound):
    def __init__(self, config: _Setting) -> None:
        super().__init__(_Setting(7))


class _LosesStateInPickle(_Sound):
    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config, "known": {}}


class _Accumulates(_Sound):
    def fit(self, data: list[str]) -> _Sound:
        return super().fit([*self.known, *data])


class _SortsItsInput(_Sound):
    def fit(self, data: list[str]) -> _Sound:
        data.sort()
        return super().fit(data)


class _RollsDice(_Sound):
    def ask(self, data: list[str]) -> NDArray[Any]:
        return super().ask(data) + np.random.random()


class _LearnsWhenAsked(_Sound):
    def ask(self, data: list[str]) -> NDArray[Any]:
        answers = super().ask(data)
        self.known = {name: value + 1 for name, value in self.known.items()}
        return answers


class _SaysNaN(_Sound):
    def ask(self, data: list[str]) -> NDArray[Any]:
        return np.array([self.known.get(name, np.nan) for name in data])


class _SharesState(_Sound):
    def __deepcopy__(self, memo: object) -> "_SharesState":
        return self


BROKEN = {
    laws.config_round_trip: _ForgetsConfig,
    laws.pickle_round_trip: _LosesStateInPickle,
    laws.refit_is_fresh: _Accumulates,
    laws.input_is_untouched: _SortsItsInput,
    laws.seeded_twice_is_equal: _RollsDice,
    laws.asking_changes_nothing: _LearnsWhenAsked,
    laws.the_unseen_is_tolerated: _SaysNaN,
    laws.a_copy_is_independent: _SharesState,
}


def _case(model: type[_Sound]) -> Case[Any, Any]:
    return Case(model, _Setting(), ["b", "a", "c"], ["z", "b"], lambda made, data: made.fit(data), _Sound.ask)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_passes_a_sound_model_and_catches_the_model_that_breaks_it(law: Callable[[Case[Any, Any]], None]) -> None:
    law(_case(_Sound))
    with pytest.raises(AssertionError):
        law(replace(_case(BROKEN[law]), ask=lambda model, data: model.ask(data)))
