"""What every recommender is: a config and, once fitted, named arrays; from them it scores all items for any users."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.recommend.interactions import Codes, Interactions, Names, positions
from models.recommend.metadata import Metadata

Floats32 = NDArray[np.float32]
State = Mapping[str, NDArray[Any]]
LOWEST = np.float32(np.finfo(np.float32).min)
"""The score of an item that the model does not know: below all others, and still a number."""


class NotFitted(Exception):
    """The model was asked before it was fitted."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a model is made from: plain values, and the configs of its parts."""


class Recommender(ABC):
    """A model that ranks items for users. Two models are the same when their `config` and `state` are.

    `state` holds arrays only, so that a model is stored without code.
    """

    kind: ClassVar[str]
    config: Any

    def __init__(self, config: Any, state: State | None = None) -> None:
        """An unfitted model, or a fitted one from the arrays of another's `state`."""
        self.config = config
        self._state = state

    @property
    def state(self) -> State:
        """The fitted arrays by name; raises `NotFitted` before fitting."""
        if self._state is None:
            raise NotFitted(f"fit the {self.kind} model first")
        return self._state

    @property
    def items(self) -> Names:
        """The items known since fitting."""
        return self.state["items"]

    def fit(self, interactions: Interactions, metadata: Metadata | None = None) -> Self:
        """Learn from all pairs, forgetting what was learned before; gives the model itself."""
        self._state = {"items": interactions.items, **self._learn(interactions, metadata)}
        return self

    def scores(self, interactions: Interactions, rows: Codes) -> Floats32:
        """Scores (rows × items of `interactions`) for the users at `rows`, from their history there; higher is better.

        Users and items need not be those of fitting. Items that were not there then score `LOWEST`. Raises `NotFitted`.
        """
        found = positions(interactions.items, self.items)
        scores = self._scores(interactions, rows, found)
        scores[:, found < 0] = LOWEST
        return scores

    def likeness(self) -> Floats32 | None:
        """How much having one item (row) speaks for another (column), over the items of fitting; None when it does not."""
        return None

    def is_personal(self, interactions: Interactions, rows: Codes) -> NDArray[np.bool_]:
        """For which of the users at `rows` the likeness of items is behind their scores."""
        return np.ones(len(rows), bool)

    @abstractmethod
    def _learn(self, interactions: Interactions, metadata: Metadata | None) -> dict[str, NDArray[Any]]:
        """The state without `items`."""

    @abstractmethod
    def _scores(self, interactions: Interactions, rows: Codes, found: Codes) -> Floats32:
        """The scores; `found` is where each asked item stands in `items`, -1 for an unknown one, which may get anything."""


_KINDS: dict[type[Config], type[Recommender]] = {}


def registered(config: type[Config]) -> Any:
    """Marks the model class that a config makes."""

    def mark(model: type[Recommender]) -> type[Recommender]:
        _KINDS[config] = model
        return model

    return mark


def build(config: Config, state: State | None = None) -> Recommender:
    """The model of a config: unfitted, or fitted from a state."""
    return _KINDS[type(config)](config, state)


class Composite(Recommender):
    """A model of parts, which are the fields of its config that are configs themselves.

    Its state holds the parts' arrays under `<field>.<name>`.
    """

    def __init__(self, config: Any, state: State | None = None) -> None:
        """The parts are made with it."""
        super().__init__(config, state)
        self._parts = {
            name: build(part, None if state is None else _below(f"{name}.", state))
            for name, part in parts_of(config).items()
        }

    def _learn(self, interactions: Interactions, metadata: Metadata | None) -> dict[str, NDArray[Any]]:
        fitted = {name: part.fit(interactions, metadata).state for name, part in self._parts.items()}
        return {f"{name}.{key}": value for name, state in fitted.items() for key, value in state.items()}


def parts_of(config: Config) -> dict[str, Config]:
    """The fields of a config that are configs."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return {name: value for name, value in values.items() if isinstance(value, Config)}


def kinds() -> dict[str, type[Config]]:
    """The config class of each kind of model."""
    return {model.kind: config for config, model in _KINDS.items()}


def kind_of(config: Config) -> str:
    """The name of the kind of model a config makes."""
    return _KINDS[type(config)].kind


def spread(values: Floats32, found: Codes) -> Floats32:
    """Columns of fitted items put where the asked items are; `found` is -1, hence 0, for an unknown one."""
    padded = np.concatenate([values, np.zeros((*values.shape[:-1], 1), np.float32)], axis=-1)
    picked: Floats32 = padded[..., found]
    return picked


def _below(prefix: str, state: State) -> State:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
