"""Why an item is recommended: which of the items one has speak for it most."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from polars.datatypes import DataType, DataTypeClass

from models.recommend.evaluate import CELLS_AT_ONCE, listed, unseen_scores
from models.recommend.interactions import Codes, Interactions, positions
from models.recommend.recommender import LOWEST, Floats32, Recommender

SCHEMA: dict[str, DataTypeClass | DataType] = {
    "user": pl.String,
    "item": pl.String,
    "rank": pl.Int64,
    "score": pl.Float32,
    "because": pl.List(pl.String),
    "taken_by": pl.Int64,
}

_NONE = pl.DataFrame(schema={"entry": pl.Int64, "because": pl.List(pl.String)})


@dataclass(frozen=True, slots=True)
class _Listing:
    """Recommendations, one per entry: the user's row, the item's column, its place from 1 and its score."""

    rows: Codes
    columns: Codes
    ranks: Codes
    scores: Floats32


def recommendations(
    model: Recommender, interactions: Interactions, rows: Codes, k: int = 10, because: int = 2
) -> pl.DataFrame:
    """The k best items for the users at `rows` that they do not have, each with its reasons.

    Columns user, item, rank (from 1), score, because (up to so many items of the user's own, the strongest first; empty
    when none speaks for it, as in the thin segment) and taken_by (how many users have it). An item that the model does
    not know is never recommended, so a user may get fewer. For EASE the reasons are the largest parts of the very sum
    that is the score; for factor models they are the nearest items by cosine.
    """
    likeness = model.likeness()
    size = max(1, CELLS_AT_ONCE // len(interactions.items))
    blocks = []
    for start in range(0, max(len(rows), 1), size):
        block = rows[start : start + size]
        listing = _listing(unseen_scores(model, interactions, block), block, k)
        reasons = _NONE if likeness is None else _reasons(listing, model, likeness, interactions, because)
        blocks.append(_frame(listing, interactions, reasons))
    return pl.concat(blocks)


def _frame(listing: _Listing, interactions: Interactions, reasons: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "entry": np.arange(len(listing.rows)),
            "user": interactions.users[listing.rows],
            "item": interactions.items[listing.columns],
            "rank": listing.ranks,
            "score": listing.scores,
            "taken_by": interactions.taken[listing.columns].astype(np.int64),
        }
    )
    named = frame.join(reasons, on="entry", how="left").with_columns(pl.col("because").fill_null([])).sort("entry")
    return named.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _listing(scores: Floats32, rows: Codes, k: int) -> _Listing:
    top = listed(scores, k)
    best = np.take_along_axis(scores, top, axis=1)
    kept = best > LOWEST
    ranks = np.tile(np.arange(1, top.shape[1] + 1), (len(rows), 1))
    return _Listing(np.repeat(rows, kept.sum(axis=1)), top[kept], ranks[kept], best[kept])


def _reasons(
    listing: _Listing, model: Recommender, likeness: Floats32, interactions: Interactions, most: int
) -> pl.DataFrame:
    """For each entry the user's own items that speak for it (entry, because), entries without any left out."""
    entries, owned = _own_items(interactions, listing.rows)
    place = positions(interactions.items, model.items)
    mine, theirs = place[owned], place[listing.columns[entries]]
    speaks = (mine >= 0) & (theirs >= 0) & model.is_personal(interactions, listing.rows)[entries]
    strength = np.where(speaks, likeness[mine, theirs], 0.0)
    names = interactions.items[owned]
    found = pl.DataFrame({"entry": entries, "item": names, "strength": strength}).filter(pl.col("strength") > 0)
    found = found.sort("entry", "strength", "item", descending=[False, True, False])
    return found.group_by("entry", maintain_order=True).agg(pl.col("item").head(most).alias("because"))


def _own_items(interactions: Interactions, rows: Codes) -> tuple[Codes, Codes]:
    """For each entry, one line per item its user has: the entry's number and the item's column."""
    matrix = interactions.matrix()[rows]
    entries: Codes = np.repeat(np.arange(len(rows)), np.diff(matrix.indptr))
    return entries, matrix.indices
