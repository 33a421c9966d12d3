"""Pairs of user and item: read once, in order, with nothing lost and nothing from the future."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from models.recommend.interactions import Interactions, positions

DAY = datetime(2026, 1, 1, tzinfo=UTC)
FRAME = pl.DataFrame(
    {
        "user": ["b", "a", "a", "b", "a"],
        "item": ["x", "y", "x", "x", "y"],
        "at": [DAY + timedelta(days=days) for days in (3, 2, 1, 0, 5)],
    }
)


def pairs(interactions: Interactions) -> list[tuple[str, str]]:
    """The pairs by name, in their order."""
    users, items = interactions.users[interactions.rows], interactions.items[interactions.columns]
    return list(zip(users.tolist(), items.tolist(), strict=True))


def test_a_repeated_pair_counts_once_at_its_first_moment() -> None:
    found = Interactions.from_frame(FRAME)
    assert pairs(found) == [("a", "x"), ("a", "y"), ("b", "x")]
    assert found.at.tolist() == [(DAY + timedelta(days=days)).replace(tzinfo=None) for days in (1, 2, 0)]
    assert found.matrix().toarray().tolist() == [[1, 1], [1, 0]]


def test_further_users_and_items_are_there_without_pairs() -> None:
    found = Interactions.from_frame(FRAME, users=["c", "a"], items=["z"])
    assert found.users.tolist() == ["a", "b", "c"]
    assert found.items.tolist() == ["x", "y", "z"]
    assert found.history.tolist() == [2, 1, 0]
    assert found.taken.tolist() == [2, 1, 0]


def test_a_moment_is_compared_in_utc_whatever_its_zone() -> None:
    elsewhere = FRAME.with_columns(pl.col("at").dt.convert_time_zone("Asia/Tokyo"))
    cut = (DAY + timedelta(days=1)).astimezone(timezone(timedelta(hours=-9)))
    for frame in (FRAME, elsewhere):
        found = Interactions.from_frame(frame)
        assert pairs(found.between(None, cut)) == [("b", "x")]
        assert pairs(found.between(cut, None)) == [("a", "x"), ("a", "y")]


def test_between_keeps_the_first_bound_and_leaves_out_the_last() -> None:
    found = Interactions.from_frame(FRAME)
    assert pairs(found.between(DAY, DAY + timedelta(days=1))) == [("b", "x")]
    assert found.between(DAY, DAY).pairs == 0


def test_narrowed_names_only_who_has_a_pair_and_the_items_asked_for() -> None:
    found = Interactions.from_frame(FRAME, users=["c"], items=["w", "z"]).between(None, DAY + timedelta(days=1))
    narrow = found.narrowed(["z", "nowhere"])
    assert narrow.users.tolist() == ["b"]
    assert narrow.items.tolist() == ["x", "z"]
    assert pairs(narrow) == pairs(found)


def test_the_two_sides_of_a_cut_join_to_the_whole() -> None:
    found = Interactions.from_frame(FRAME)
    cut = DAY + timedelta(days=1)
    again = found.between(None, cut).joined(found.between(cut, None))
    assert pairs(again) == pairs(found)
    np.testing.assert_array_equal(again.at, found.at)


@pytest.mark.parametrize("column", ["user", "item", "at"])
def test_a_null_is_refused(column: str) -> None:
    frame = FRAME.with_columns(pl.when(pl.int_range(pl.len()) > 0).then(pl.col(column)).alias(column))
    with pytest.raises(ValueError, match="needs user, item and at"):
        Interactions.from_frame(frame)


def test_no_pairs_at_all_are_an_empty_matrix() -> None:
    found = Interactions.from_frame(FRAME.clear(), users=["a"], items=["x", "y"])
    assert found.matrix().shape == (1, 2)
    assert found.pairs == 0


def test_positions_mark_what_is_not_known() -> None:
    known = np.array(["b", "d"])
    assert positions(np.array(["d", "a", "b", "e"]), known).tolist() == [1, -1, 0, -1]
    assert positions(np.array(["a"]), known[:0]).tolist() == [-1]
