"""Which series there are and what they count."""

import numpy as np
import polars as pl

from models.anomalies.series import SeriesKey, counts_per_minute, series_of

USES = pl.DataFrame(
    [("a", "x", 100, 3), ("a", "y", 100, 1), ("b", "x", 102, 5), ("b", "x", 109, 2)],
    schema=["tenant", "plugin", "minute", "uses"],
    orient="row",
)


def test_series_run_from_the_whole_to_the_pairs_and_small_ones_are_left_to_their_parents():
    keys = series_of(USES, least=4)
    assert keys == [
        SeriesKey(),
        SeriesKey("a"),
        SeriesKey("b"),
        SeriesKey(None, "x"),
        SeriesKey("b", "x"),
    ]


def test_counts_add_up_from_pairs_to_the_whole():
    keys = series_of(USES)
    counts = counts_per_minute(USES, keys, 100, 5, begun=True)
    place = {key: number for number, key in enumerate(keys)}
    assert counts[:, place[SeriesKey()]].tolist() == [4, 0, 5, 0, 0]
    assert counts[:, place[SeriesKey("a")]].tolist() == [4, 0, 0, 0, 0]
    pairs = [number for key, number in place.items() if key.tenant and key.plugin]
    np.testing.assert_array_equal(counts[:, pairs].sum(axis=1), counts[:, place[SeriesKey()]])


def test_a_series_is_not_observed_before_its_first_use_unless_it_had_begun():
    counts = counts_per_minute(USES, [SeriesKey("b"), SeriesKey("c")], 100, 4)
    assert counts.T.tolist() == [[-1, -1, 5, 0], [-1, -1, -1, -1]]
    assert counts_per_minute(USES, [SeriesKey("c")], 100, 4, begun=True).sum() == 0


def test_keys_know_what_they_cover_and_what_they_share():
    tenant, plugin, pair = SeriesKey("a"), SeriesKey(None, "x"), SeriesKey("a", "x")
    assert tenant.covers(pair)
    assert not pair.covers(tenant)
    assert not tenant.covers(plugin)
    assert tenant.touches(plugin)
    assert not tenant.touches(SeriesKey("b", "x"))


def test_no_uses_give_no_series_and_no_counts():
    empty = USES.clear()
    assert series_of(empty) == []
    assert counts_per_minute(empty, [], 0, 3).shape == (3, 0)
