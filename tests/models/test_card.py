"""A model's papers: nothing is lost on the way to JSON, and a hash tells one data set from another."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from models.card import ModelCard, TrainedOn, config_hash, data_hash

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CARD = ModelCard(
    name="recommend",
    version="20260102T030405Z-1a2b3c4d",
    config={"kind": "ease", "l2": 100.0},
    data_hash="00ff",
    trained_on=TrainedOn(1234, MOMENT - timedelta(days=30), MOMENT),
    metrics={"ndcg@10": 0.1525, "auc": 0.717},
    protocol="Temporal split, full ranking.",
    limits="Knows nothing of users | without history.",
)
FRAME = pl.DataFrame({"user": ["a", "b"], "at": [MOMENT, MOMENT + timedelta(microseconds=1)], "n": [0.1, None]})


def test_a_card_survives_json() -> None:
    assert ModelCard.from_json(CARD.to_json()) == CARD


def test_a_card_of_a_model_that_saw_nothing_survives_json() -> None:
    card = replace(CARD, trained_on=TrainedOn(0, None, None))
    assert ModelCard.from_json(card.to_json()) == card


def test_a_metric_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        replace(CARD, metrics={"auc": float("nan")}).to_json()


def test_a_card_reads_as_markdown_with_its_metrics_protocol_and_limits() -> None:
    text = CARD.to_markdown()
    assert "| trained on | 1,234 rows, 2025-12-03 to 2026-01-02 |" in text
    assert "| ndcg@10 | 0.1525 |" in text
    assert "Temporal split, full ranking." in text
    assert text.endswith("Knows nothing of users | without history.\n")


def test_a_bar_in_a_value_does_not_end_the_cell() -> None:
    assert "a\\|b" in replace(CARD, config={"names": "a|b"}).to_markdown()


def test_a_data_hash_does_not_depend_on_the_order_of_rows() -> None:
    assert data_hash(FRAME) == data_hash(FRAME.reverse())


@pytest.mark.parametrize(
    "other",
    [
        FRAME.head(1),
        pl.concat([FRAME, FRAME]),
        FRAME.rename({"user": "item"}),
        FRAME.with_columns(pl.col("at") + timedelta(microseconds=1)),
        FRAME.with_columns(pl.col("n").fill_null(0.0)),
        FRAME.with_columns(pl.col("n").cast(pl.Float32)),
    ],
)
def test_a_data_hash_changes_with_rows_names_values_nulls_and_types(other: pl.DataFrame) -> None:
    assert data_hash(FRAME) != data_hash(other)


def test_a_null_and_an_empty_text_are_different_data() -> None:
    assert data_hash(pl.DataFrame({"a": [""]})) != data_hash(pl.DataFrame({"a": [None]}, schema={"a": pl.String}))


def test_a_data_hash_of_nothing_is_a_hash() -> None:
    assert data_hash(FRAME.clear()) != data_hash(pl.DataFrame())


def test_a_config_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1}) != config_hash({"a": 2, "b": 1})
