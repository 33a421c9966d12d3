"""How well a model ranks: a split in time, every item a user does not have ranked, nothing sampled.

Sampled negatives order models wrongly (Rendle and Krichene, KDD 2020), and a random split lets a model see the future.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.recommend.interactions import Codes, Interactions, Names
from models.recommend.recommender import Floats32, Recommender

Floats = NDArray[np.float64]
METRICS = ("recall", "ndcg", "hit", "auc", "novelty")
CELLS_AT_ONCE = 1 << 22
"""Comparisons made at a time, each of a predicted item with every item."""


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """What is known at a moment, and pairs first seen from then on.

    `train` names only users and items known before that moment: it is what models learn from. `history` holds the same
    pairs with the users and items of `test`, of which some may be new.
    """

    train: Interactions
    history: Interactions
    test: Interactions

    @property
    def users(self) -> Codes:
        """Users who took up something in the test's time; the others have nothing to be ranked for."""
        return np.flatnonzero(self.test.history)


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """A model's metrics per user of a test, and the items it listed.

    `users` (r,) are names, which may repeat over several splits; each metric of `values` is (r,), without NaN.
    `lists` (r × k) are the names listed first, `candidates` how many items could have been.
    """

    users: Names
    history: Codes
    values: dict[str, Floats]
    lists: Names
    candidates: int

    @property
    def means(self) -> dict[str, float]:
        """Mean of each metric over users, and `coverage`, the share of items that is in anybody's list."""
        coverage = len(np.unique(self.lists)) / self.candidates
        return {name: float(values.mean()) for name, values in self.values.items()} | {"coverage": coverage}

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """The same for some of the users."""
        values = {name: column[chosen] for name, column in self.values.items()}
        return replace(
            self, users=self.users[chosen], history=self.history[chosen], values=values, lists=self.lists[chosen]
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per user and split: user, history and the metrics."""
        return pl.DataFrame({"user": self.users, "history": self.history, **self.values})


def temporal_split(
    interactions: Interactions, cut: datetime, until: datetime | None = None, catalogue: Iterable[str] = ()
) -> Split:
    """Everything before `cut` to learn from, everything from `cut` on and before `until` to predict.

    `catalogue` names items known at the cut that nobody need have had, so that models may learn of them. All items of
    `interactions` are ranked.
    """
    history = interactions.between(None, cut)
    return Split(history.narrowed(catalogue), history, interactions.between(cut, until))


def evaluate(model: Recommender, split: Split, k: int = 10) -> Evaluation:
    """Metrics of a fitted model at each user of the split who has something to predict.

    Every item the user did not have before the cut is ranked. Items of equal score count as in a random order: a metric
    is its expectation over the orders, so a model cannot win by the order of names. `recall` is over all the user took
    up, `hit` whether any is listed (ties as if independent), `auc` the share of pairs (taken, not taken) in the right
    order, `novelty` the mean surprise of the list in bits. Raises `ValueError` when nobody is to be predicted.
    """
    users = split.users
    if not len(users):
        raise ValueError("nothing was first seen in the time of the test")
    size = max(1, CELLS_AT_ONCE * len(users) // (split.test.pairs * len(split.test.items)))
    parts = [_part(model, split, users[start : start + size], k) for start in range(0, len(users), size)]
    return pooled(parts)


def pooled(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Several evaluations of one kind of model as one, such as those of successive splits.

    Their coverage is the share of the largest one's candidates.
    """
    values = {name: np.concatenate([one.values[name] for one in evaluations]) for name in METRICS}
    columns = [np.concatenate(column) for column in zip(*((e.users, e.history) for e in evaluations), strict=True)]
    lists = np.concatenate([one.lists for one in evaluations])
    return Evaluation(columns[0], columns[1], values, lists, max(one.candidates for one in evaluations))


def listed(scores: Floats32, k: int) -> Codes:
    """Columns of the k highest scores of each row, best first; of equal ones the first column."""
    k = min(k, scores.shape[1])
    order: Codes = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order


def unseen_scores(model: Recommender, history: Interactions, rows: Codes) -> Floats32:
    """The model's scores with -∞ for what a user has already."""
    scores = model.scores(history, rows)
    had = history.matrix()[rows].tocoo()
    scores[had.row, had.col] = -np.inf
    return scores


def _part(model: Recommender, split: Split, rows: Codes, k: int) -> Evaluation:
    history = split.history
    scores = unseen_scores(model, history, rows)
    targets = split.test.matrix()[rows].tocoo()
    top = listed(scores, k)
    values = _ranked(scores, targets.row, targets.col, len(history.items) - history.history[rows], k)
    values["novelty"] = _surprise(history)[top].mean(axis=1)
    return Evaluation(history.users[rows], history.history[rows], values, history.items[top], len(history.items))


def _ranked(scores: Floats32, rows: Codes, columns: Codes, unseen: Codes, k: int) -> dict[str, Floats]:
    """The metrics of accuracy; target number t is the item `columns[t]` of the user at row `rows[t]`."""
    own = scores[rows, columns][:, None]
    above = (scores[rows] > own).sum(axis=1)
    ties = (scores[rows] == own).sum(axis=1)
    first, last = above.clip(max=k), (above + ties).clip(max=k)
    count = np.bincount(rows, minlength=len(unseen))
    gains = _gains(k)

    def total(values: Floats) -> Floats:
        return np.bincount(rows, values, minlength=len(unseen)).astype(np.float64)

    with np.errstate(divide="ignore"):
        missed = np.exp(total(np.log1p(-(last - first) / ties)))
    below = total(unseen[rows] - above - (ties + 1) / 2) - count * (count - 1) / 2
    return {
        "recall": total((last - first) / ties) / count,
        "ndcg": total((gains[last] - gains[first]) / ties) / gains[count.clip(max=k)],
        "hit": 1 - missed,
        "auc": below / (count * (unseen - count)).clip(min=1),
    }


def _gains(k: int) -> Floats:
    """Cumulative gain of the first 0, 1, … k places (Järvelin and Kekäläinen 2002)."""
    return np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])


def _surprise(history: Interactions) -> Floats:
    """Bits of each item, -log2 of the share of users who have it, counting one more so that it is finite."""
    return -np.log2((history.taken + 1) / (len(history.users) + 1))


def segments(evaluation: Evaluation, bounds: Iterable[int]) -> dict[str, Evaluation]:
    """The evaluation by length of history before the cut: from each bound up to the next; empty ones are left out."""
    edges = [*bounds, np.iinfo(np.int64).max]
    parts = {}
    for low, high in pairwise(edges):
        chosen = (evaluation.history >= low) & (evaluation.history < high)
        if chosen.any():
            label = f"{low}+" if high == edges[-1] else str(low) if high == low + 1 else f"{low}-{high - 1}"
            parts[label] = evaluation.where(chosen)
    return parts
