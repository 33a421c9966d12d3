"""Who took up what, and when first: the only thing every recommender learns from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from patchbay.core.clock import as_utc

Names = NDArray[np.str_]
Codes = NDArray[np.int64]
Matrix = Any
"""A `scipy.sparse.csr_matrix` of float32; SciPy publishes no types."""

_PAIR = ("rows", "columns", "at")


@dataclass(frozen=True, eq=False, slots=True)
class Interactions:
    """Pairs of user and item, each once, with the moment it was first seen; sorted by user, moment and item.

    `users` (n,) and `items` (m,) are sorted names; `rows`, `columns` and `at` (pairs,) hold their positions and the
    moments (UTC). Users and items without a pair are allowed: they can be asked for and ranked all the same.
    """

    users: Names
    items: Names
    rows: Codes
    columns: Codes
    at: NDArray[np.datetime64]

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, users: Iterable[str] = (), items: Iterable[str] = ()) -> Self:
        """From columns user, item and at (datetime); a repeated pair counts once, at its first moment.

        `users` and `items` name further ones that have no pair, such as the rest of a catalogue. Raises `ValueError`
        for a null, and polars' error for a missing column.
        """
        frame = frame.select(pl.col("user", "item").cast(pl.String), pl.col("at").cast(pl.Datetime("us")))
        if sum(frame.null_count().row(0)):
            raise ValueError("an interaction needs user, item and at")
        first = frame.group_by("user", "item").agg(pl.col("at").min()).sort("user", "at", "item")
        names = _names(first["user"], users), _names(first["item"], items)
        rows, columns = (
            np.searchsorted(known, _text(first[name])) for known, name in zip(names, ("user", "item"), strict=True)
        )
        return cls(*names, rows, columns, first["at"].to_numpy())

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.rows)

    @property
    def taken(self) -> NDArray[np.float64]:
        """How many users took up each item (m,)."""
        return np.bincount(self.columns, minlength=len(self.items)).astype(float)

    @property
    def history(self) -> Codes:
        """How many items each user took up (n,)."""
        return np.bincount(self.rows, minlength=len(self.users))

    def matrix(self) -> Matrix:
        """The pairs as a sparse matrix (n × m) of ones."""
        shape = len(self.users), len(self.items)
        return sparse.csr_matrix((np.ones(self.pairs, np.float32), (self.rows, self.columns)), shape=shape)

    def between(self, since: datetime | None, until: datetime | None) -> Self:
        """Pairs first seen from `since` on and before `until`, with all users and items; None is no bound."""
        kept = np.ones(self.pairs, bool)
        if since is not None:
            kept &= self.at >= _moment(since)
        if until is not None:
            kept &= self.at < _moment(until)
        return replace(self, rows=self.rows[kept], columns=self.columns[kept], at=self.at[kept])

    def narrowed(self, items: Iterable[str] = ()) -> Self:
        """The same pairs with those users and items only that have one, and the further `items` that are known here."""
        users = np.unique(self.rows)
        more = positions(np.array(list(items), np.str_), self.items)
        columns = np.union1d(np.unique(self.columns), more[more >= 0])
        places = np.searchsorted(users, self.rows), np.searchsorted(columns, self.columns)
        return replace(self, users=self.users[users], items=self.items[columns], rows=places[0], columns=places[1])

    def joined(self, other: Self) -> Self:
        """The pairs of both, which name the same users and items and share no pair, as the two sides of a split."""
        rows, columns, at = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in _PAIR)
        order = np.lexsort((columns, at, rows))
        return replace(self, rows=rows[order], columns=columns[order], at=at[order])


def positions(wanted: Names, known: Names) -> Codes:
    """Where each wanted name stands among the sorted known ones; -1 for a name that is not there."""
    if not len(known):
        return np.full(len(wanted), -1)
    found = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[found] == wanted, found, -1)


def _moment(moment: datetime) -> np.datetime64:
    """An instant as NumPy spells it, which is UTC without a zone."""
    return np.datetime64(as_utc(moment).replace(tzinfo=None), "us")


def _text(series: pl.Series) -> Names:
    return series.to_numpy().astype(np.str_)


def _names(series: pl.Series, more: Iterable[str]) -> Names:
    return np.unique(np.concatenate([_text(series.unique()), np.array(list(more), dtype=np.str_)]))
