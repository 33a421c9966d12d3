"""Features of items: rare ones say nothing, unknown items have none."""

import numpy as np
import polars as pl

from models.recommend.metadata import Metadata

FRAME = pl.DataFrame({"item": ["b", "a", "a", "b", "a"], "feature": ["git", "git", "own", "git", None]})


def test_a_feature_of_one_item_is_left_out_and_a_repeated_row_counts_once() -> None:
    found = Metadata.from_frame(FRAME)
    assert found.features.tolist() == ["git"]
    assert found.matrix.toarray().tolist() == [[1], [1]]
    assert Metadata.from_frame(FRAME, at_least=1).features.tolist() == ["git", "own"]


def test_features_are_given_in_the_order_asked_for_and_none_for_an_unknown_item() -> None:
    found = Metadata.from_frame(FRAME, at_least=1)
    assert found.of(np.array(["z", "b", "a"])).toarray().tolist() == [[0, 0], [1, 0], [1, 1]]


def test_no_rows_are_no_features() -> None:
    assert Metadata.from_frame(FRAME.clear()).of(np.array(["a"])).shape == (1, 0)
