"""Scores: what is kept apart, what moves them, floors, bands, confidence, reasons and replay."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.risk import RiskModel, from_records, replay, score, to_records
from models.risk.model import Floors, ImpactScale, Weights
from models.risk.score import INSUFFICIENT

Record = dict[str, Any]
QUIET: Record = {
    "plugin": "quiet",
    "as_of": "2023-07-01",
    "installs": 500,
    "advisories": 0,
    "years": 5.0,
    "open_advisories": [],
    "days_since_release": 20,
    "lifecycle": "active",
    "targets": 10,
    "dependents": 1,
    "privilege": 0.5,
    "licence": "compatible",
}
OPEN = {"id": "SEC-1", "severity": "high", "exploited": False, "likelihood": None, "reach": 1.0}


def scored(*changes: Record, model: RiskModel | None = None) -> list[Record]:
    """The quiet plugin with each of the changes, scored."""
    frame = from_records([{**QUIET, **change} for change in changes])
    return score(frame, model or RiskModel()).to_dicts()


def factor(row: Record, name: str) -> Record:
    return next(found for found in row["factors"] if found["name"] == name)


def records() -> st.SearchStrategy[Record]:
    counts = st.none() | st.integers(0, 10**6)
    advisory = st.fixed_dictionaries(
        {
            "id": st.sampled_from(["SEC-1", "SEC-2"]),
            "severity": st.sampled_from([None, "low", "critical", "made up"]),
            "exploited": st.none() | st.booleans(),
            "likelihood": st.none() | st.floats(0, 1),
            "reach": st.none() | st.floats(0, 1),
        }
    )
    return st.fixed_dictionaries(
        {
            "plugin": st.text(max_size=5),
            "as_of": st.just("2023-07-01"),
            "installs": counts,
            "advisories": st.none() | st.integers(0, 40),
            "years": st.none() | st.floats(0, 20),
            "open_advisories": st.none() | st.lists(advisory, max_size=3),
            "days_since_release": st.none() | st.integers(0, 9000),
            "lifecycle": st.sampled_from([None, "active", "deprecated", "archived", "withdrawn", "quarantined"]),
            "targets": counts,
            "dependents": counts,
            "privilege": st.none() | st.floats(0, 1),
            "licence": st.sampled_from([None, "compatible", "incompatible"]),
        }
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(records(), max_size=6))
def test_any_record_gets_bounded_numbers_and_the_same_score_alone_from_json(rows: list[Record]) -> None:
    model = RiskModel()
    made = score(from_records(rows), model)
    for name in ("probability", "impact", "confidence", "advisory_low", "advisory_probability", "advisory_high"):
        assert made[name].is_between(0, 1).all()
    assert made["score"].is_between(0, 100).all()
    stored, config = json.loads(json.dumps(to_records(from_records(rows)))), json.loads(json.dumps(model.config()))
    assert [replay(record, config) for record in stored] == made.to_dicts()


def test_a_score_is_the_noisy_or_times_impact() -> None:
    model = RiskModel(impact=ImpactScale(targets=100, dependents=100, least=0.4))
    full, none = {"targets": 100, "dependents": 100, "privilege": 1}, {"targets": 0, "dependents": 0, "privilege": 0}
    high, low = scored(full, none, model=model)
    losses = [found["weight"] * found["level"] for found in high["factors"]]
    assert high["probability"] == pytest.approx(1 - np.prod([1 - loss for loss in losses]))
    assert (high["impact"], low["impact"]) == (1.0, 0.0)
    assert high["score"] == pytest.approx(100 * high["probability"])
    assert low["score"] == pytest.approx(40 * high["probability"])


def test_impact_and_compliance_move_no_probability() -> None:
    rows = scored({}, {"targets": 10**6}, {"licence": "incompatible"}, {"licence": None})
    assert len({row["probability"] for row in rows}) == 1
    assert [row["compliance"] for row in rows] == ["pass", "pass", "block", "unknown"]
    assert rows[1]["score"] > rows[0]["score"] == rows[2]["score"] == rows[3]["score"]


@pytest.mark.parametrize(
    ("change", "name", "least"),
    [
        ({"open_advisories": [OPEN]}, "unfixed advisory", 70),
        ({"open_advisories": [{**OPEN, "exploited": True}]}, "exploited advisory", 90),
        ({"lifecycle": "withdrawn"}, "withdrawn", 60),
        ({"lifecycle": "archived"}, "withdrawn", 60),
        ({"lifecycle": "quarantined"}, "quarantined", 100),
    ],
)
def test_a_floor_is_named_lifts_the_score_and_makes_it_critical(change: Record, name: str, least: float) -> None:
    before, row = scored({}, change)
    assert before["floors"] == []
    assert name in row["floors"]
    assert least <= row["score"] <= 100
    assert row["band"] == "critical"
    assert row["factors"][0]["floor"] == least, "what lifts the score comes first"


def test_within_a_floor_the_worse_stands_higher_and_never_above_the_next_floor() -> None:
    eventful = {"advisories": 12, "installs": 10**6, "targets": 10**6, "dependents": 10**6, "privilege": 1}
    mild, severe, withdrawn = scored(
        {"open_advisories": [OPEN]},
        {"open_advisories": [OPEN], **eventful},
        {"lifecycle": "withdrawn", **eventful},
    )
    assert 60 <= withdrawn["score"] < 70 <= mild["score"] < severe["score"] < 90


def test_more_of_anything_bad_never_lowers_the_score() -> None:
    worse = [
        {"advisories": 3},
        {"installs": 10**6},
        {"open_advisories": [OPEN]},
        {"open_advisories": [OPEN, {**OPEN, "id": "SEC-2"}]},
        {"days_since_release": 3000},
        {"lifecycle": "deprecated"},
        {"targets": 5000},
        {"dependents": 50},
        {"privilege": 0.9},
    ]
    quiet, *rows = scored({}, *worse)
    assert all(row["score"] > quiet["score"] for row in rows)
    assert rows[3]["score"] > rows[2]["score"]


def test_every_factor_has_a_reason_a_fix_and_the_points_the_fix_takes_off() -> None:
    advisories = [OPEN, {**OPEN, "id": "SEC-2"}]
    row, mended = scored({"open_advisories": advisories, "days_since_release": 900, "advisories": 2}, {"advisories": 2})
    found = factor(row, "open_advisories")
    assert found["reason"] == "2 advisories are not fixed in the latest release: SEC-1, SEC-2"
    assert found["fix"] == "Remove or disable it until a release mends them."
    assert factor(row, "staleness")["reason"] == "Last release 900 days ago"
    assert factor(row, "advisory_history")["reason"].startswith(
        "2 advisories in 5.0 years at 500 installs: 13.6 % chance"
    )
    assert all(found["reason"] and found["fix"] for found in row["factors"])
    without = scored({"days_since_release": 900, "advisories": 2})[0]
    assert row["score"] - found["relief"] == pytest.approx(without["score"])
    assert all(f["relief"] == 0 for f in mended["factors"])


def test_the_fix_of_staleness_counts_a_release_within_ninety_days() -> None:
    stale, fresh = scored({"days_since_release": 2000}, {"days_since_release": 90})
    assert stale["score"] - factor(stale, "staleness")["relief"] == pytest.approx(fresh["score"])


def test_only_the_advisory_hazard_claims_to_be_calibrated() -> None:
    assert [found["name"] for found in scored({})[0]["factors"] if found["calibrated"]] == ["advisory_history"]


def test_severity_stands_in_for_a_missing_likelihood_and_never_means_none() -> None:
    named = [{**OPEN, "severity": severity} for severity in ("critical", "high", "medium", "low", None)]
    rows = scored(*({"open_advisories": [one]} for one in named))
    levels = [factor(row, "open_advisories")["level"] for row in rows]
    assert levels == pytest.approx([0.10, 0.05, 0.02, 0.01, 0.03])
    told, unreached = scored(
        {"open_advisories": [{**OPEN, "likelihood": 0.7}]}, {"open_advisories": [{**OPEN, "reach": 0.0}]}
    )
    assert factor(told, "open_advisories")["level"] == pytest.approx(0.7)
    assert factor(unreached, "open_advisories")["level"] == 0
    assert unreached["floors"] == ["unfixed advisory"]


def test_bands_are_relative_to_the_population() -> None:
    changes = [{"advisories": count, "installs": 50_000, "days_since_release": 0} for count in (0, 1, 5, 40)]
    assert [row["band"] for row in scored(*changes)] == ["low", "moderate", "high", "critical"]
    eventful = RiskModel(population=replace(RiskModel().population, advisory=0.5))
    assert [row["band"] for row in scored(*changes, model=eventful)] == ["low", "low", "low", "moderate"]


def test_the_unknown_costs_confidence_and_is_taken_at_the_usual_rate() -> None:
    known, unknown, partly = scored(
        {}, {name: None for name in QUIET if name not in ("plugin", "as_of")}, {"installs": None}
    )
    assert known["confidence"] > partly["confidence"] > unknown["confidence"] == 0
    assert (known["band"], unknown["band"]) == ("low", INSUFFICIENT)
    model = RiskModel()
    assert factor(unknown, "staleness")["level"] == model.population.staleness
    assert unknown["advisory_probability"] == pytest.approx(
        model.hazard.of_size(np.array([model.population.installs]))[0]
    )
    assert not any(found["observed"] for found in unknown["factors"])


def test_a_known_open_advisory_is_critical_however_little_else_is_known() -> None:
    row = scored({**dict.fromkeys(QUIET), "plugin": "p", "as_of": "2023-07-01", "open_advisories": [OPEN]})[0]
    assert row["band"] == "critical"
    assert row["score"] >= 70


def test_a_history_says_how_it_compares_with_plugins_of_its_size() -> None:
    quiet, eventful = scored({}, {"advisories": 5})
    assert quiet["versus_size"] < 1 < eventful["versus_size"]


def test_the_version_is_of_the_numbers_and_the_hash_of_the_features() -> None:
    changed = RiskModel(weights=Weights(staleness=0.06))
    assert RiskModel().version == RiskModel.from_config(RiskModel().config()).version != changed.version
    assert RiskModel(floors=Floors(withdrawn=60)).version == RiskModel().version
    first, same, other = scored({}, {}, {"advisories": 1})
    assert first["features_hash"] == same["features_hash"] != other["features_hash"]
    assert first["model_version"] == RiskModel().version


@pytest.mark.parametrize("damage", ["missing", "unknown", "part", "formula"])
def test_a_config_that_is_not_whole_is_refused(damage: str) -> None:
    config = RiskModel().config()
    if damage == "missing":
        del config["weights"]
    elif damage == "unknown":
        config["wieghts"] = {}
    elif damage == "part":
        del config["weights"]["staleness"]
    else:
        config["formula"] = 0
    with pytest.raises(ValueError, match=r"config of a risk model|formula"):
        RiskModel.from_config(config)


def test_columns_nobody_asked_for_change_nothing_and_none_at_all_is_an_empty_answer() -> None:
    frame = from_records([QUIET])
    assert score(frame.with_columns(colour=pl.lit("red")), RiskModel()).equals(score(frame, RiskModel()))
    assert score(frame.clear(), RiskModel()).schema == score(frame, RiskModel()).schema


@pytest.mark.parametrize(
    "change",
    [
        {"installs": -1},
        {"years": float("nan")},
        {"plugin": None},
        {"as_of": None},
        {"privilege": 1.5},
        {"open_advisories": [{**OPEN, "likelihood": 1.5}]},
        {"open_advisories": [{**OPEN, "reach": -0.5}]},
    ],
)
def test_malformed_features_are_refused(change: Record) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        from_records([{**QUIET, **change}])


def test_dates_may_be_dates_or_texts() -> None:
    assert from_records([{**QUIET, "as_of": date(2023, 7, 1)}]).equals(from_records([QUIET]))
