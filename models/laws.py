"""Laws that every model keeps, whatever it predicts; a model's tests run `LAWS` over a `Case` of it.

A case says how to make an unfitted model from its config, fit it and ask it, on one data set. Answers are arrays.
"""

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray


class Configured(Protocol):
    """A model that was made from a config, a frozen dataclass, and keeps it."""

    @property
    def config(self) -> Any:
        """What the model was made from."""


M = TypeVar("M", bound=Configured)
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Case(Generic[M, D]):
    """One model on one data set. `strange` has users, items or features that `data` has not."""

    make: Callable[[Any], M]
    config: Any
    data: D
    strange: D
    fit: Callable[[M, D], M]
    ask: Callable[[M, D], NDArray[Any]]
    prints: Callable[[D], bytes] = pickle.dumps
    """The data's content as bytes, to see whether it was touched."""

    def fitted(self) -> M:
        """A fresh model, fitted."""
        return self.fit(self.make(self.config), self.data)

    def answers(self) -> NDArray[Any]:
        """What a fresh model says of the data it was fitted on."""
        return self.ask(self.fitted(), self.data)


def config_round_trip(case: Case[Any, Any]) -> None:
    """A config is plain values: through JSON and back it is equal, and its model gives the same answers."""
    assert case.make(case.config).config == case.config
    again = _from_document(type(case.config), json.loads(json.dumps(dataclasses.asdict(case.config))), case.config)
    assert again == case.config
    model = case.fit(case.make(again), case.data)
    np.testing.assert_array_equal(case.ask(model, case.data), case.answers())


def pickle_round_trip(case: Case[Any, Any]) -> None:
    """A fitted model comes out of a pickle with the same config and the same answers."""
    model = case.fitted()
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 our own bytes, made on this line
    assert again.config == model.config
    np.testing.assert_array_equal(case.ask(again, case.data), case.ask(model, case.data))


def refit_is_fresh(case: Case[Any, Any]) -> None:
    """Fitting twice is like fitting once: nothing of the first time is left over."""
    model = case.fit(case.fitted(), case.strange)
    np.testing.assert_array_equal(case.ask(case.fit(model, case.data), case.data), case.answers())


def input_is_untouched(case: Case[Any, Any]) -> None:
    """Neither fitting nor asking changes the data."""
    before = case.prints(case.data)
    case.answers()
    assert case.prints(case.data) == before


def seeded_twice_is_equal(case: Case[Any, Any]) -> None:
    """Two models of one config give the same answers to the last bit, and do not hang on global randomness."""
    before = np.random.get_state()
    np.random.seed(1)
    first = case.answers()
    np.random.seed(2)
    second = case.answers()
    np.random.set_state(before)
    np.testing.assert_array_equal(second, first)


def asking_changes_nothing(case: Case[Any, Any]) -> None:
    """The same question gets the same answer, also when another was asked between."""
    model = case.fitted()
    first = case.ask(model, case.data).copy()
    case.ask(model, case.strange)
    np.testing.assert_array_equal(case.ask(model, case.data), first)


def the_unseen_is_tolerated(case: Case[Any, Any]) -> None:
    """What was not there at fitting is answered with numbers, not with an error and not with NaN."""
    answers = case.ask(case.fitted(), case.strange)
    assert answers.size
    assert not np.isnan(answers).any()


def a_copy_is_independent(case: Case[Any, Any]) -> None:
    """A deep copy that is fitted on other data leaves the first as it was."""
    model = case.fitted()
    before = case.ask(model, case.data).copy()
    case.fit(copy.deepcopy(model), case.strange)
    np.testing.assert_array_equal(case.ask(model, case.data), before)


LAWS: tuple[Callable[[Case[Any, Any]], None], ...] = (
    config_round_trip,
    pickle_round_trip,
    refit_is_fresh,
    input_is_untouched,
    seeded_twice_is_equal,
    asking_changes_nothing,
    the_unseen_is_tolerated,
    a_copy_is_independent,
)


def _from_document(kind: type[Any], document: dict[str, Any], like: Any) -> Any:
    """A config from its document; a field that is itself a config is made as the class `like` has there."""
    fields = {
        name: _from_document(type(old), value, old) if dataclasses.is_dataclass(old := getattr(like, name)) else value
        for name, value in document.items()
    }
    return kind(**fields)
