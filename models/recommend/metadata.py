"""What is known of items besides who took them: labels, maintainers, dependencies, as a sparse matrix of features."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from scipy import sparse

from models.recommend.interactions import Matrix, Names, positions


@dataclass(frozen=True, eq=False, slots=True)
class Metadata:
    """Features of items: `items` (k,) and `features` (f,) are sorted names, `matrix` (k × f) holds ones."""

    items: Names
    features: Names
    matrix: Matrix

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, at_least: int = 2) -> Self:
        """From text columns item and feature, one row for each feature of an item; repeated rows count once.

        A feature of fewer than `at_least` items says no more than the item's own name and is left out.
        """
        pairs = frame.select(pl.col("item", "feature").cast(pl.String)).drop_nulls().unique()
        items = np.unique(pairs["item"].to_numpy().astype(np.str_))
        pairs = pairs.filter(pl.len().over("feature") >= at_least)
        features = np.unique(pairs["feature"].to_numpy().astype(np.str_))
        rows = np.searchsorted(items, pairs["item"].to_numpy().astype(np.str_))
        columns = np.searchsorted(features, pairs["feature"].to_numpy().astype(np.str_))
        ones = np.ones(len(rows), np.float32)
        return cls(items, features, sparse.csr_matrix((ones, (rows, columns)), shape=(len(items), len(features))))

    def of(self, items: Names) -> Matrix:
        """The features of these items (m × f), in their order; an unknown item has none."""
        found = positions(items, self.items)
        known = np.flatnonzero(found >= 0)
        shape = len(items), len(self.items)
        pick = sparse.csr_matrix((np.ones(len(known), np.float32), (known, found[known])), shape=shape)
        return (pick @ self.matrix).tocsr()
