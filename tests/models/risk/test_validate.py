"""Measures of probabilities, against slow definitions and against planted truths."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest

from models.card import ModelCard
from models.risk import RiskModel, card
from models.risk.validate import Estimate, auc, auc_gain, deciles, evaluate, faults, skill_gain

RNG = np.random.default_rng(11)


def planted(rows: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, the true probabilities they were drawn from, and a cluster of three rows each."""
    chance = RNG.beta(1, 6, rows)
    return (RNG.random(rows) < chance).astype(float), chance, np.arange(rows) // 3


def test_auc_is_the_share_of_pairs_in_order_and_ties_count_half() -> None:
    outcome, predicted = (RNG.random(80) < 0.4).astype(float), RNG.integers(0, 6, 80) / 6
    pairs = [(a > b) + (a == b) / 2 for a in predicted[outcome == 1] for b in predicted[outcome == 0]]
    assert auc(outcome, predicted) == pytest.approx(np.mean(pairs))


def test_true_probabilities_are_calibrated_skilled_and_pass_the_gate() -> None:
    outcome, chance, clusters = planted()
    found = evaluate(outcome, chance, clusters, resamples=200)
    noise = RNG.random(len(outcome))
    gain = auc_gain(outcome, chance, noise, clusters, resamples=200)
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.skill.low > 0
    assert (found.rows, found.clusters) == (3000, 1000)
    assert found.lift > 1.5
    assert faults(found, {"AUC above noise": gain}) == []


def test_probabilities_that_are_twice_too_high_fail_by_their_calibration() -> None:
    outcome, chance, clusters = planted()
    found = evaluate(outcome, np.minimum(2 * chance, 1), clusters, resamples=50)
    assert any(fault.startswith("ECE") for fault in faults(found, {}))


def test_shuffled_outcomes_are_told_apart_by_nothing() -> None:
    outcome, chance, clusters = planted()
    found = evaluate(RNG.permutation(outcome), chance, clusters, resamples=200)
    assert found.auc.low < 0.5 < found.auc.high
    assert any("Brier skill" in fault for fault in faults(found, {}))


def test_a_rival_that_is_as_good_is_not_beaten() -> None:
    outcome, chance, clusters = planted()
    assert auc_gain(outcome, chance, chance, clusters, resamples=20) == Estimate(0.0, 0.0, 0.0)
    assert skill_gain(outcome, chance, chance, clusters, resamples=20) == Estimate(0.0, 0.0, 0.0)
    assert skill_gain(outcome, chance, np.full_like(chance, 0.5), clusters, resamples=100).low > 0
    found = evaluate(outcome, chance, clusters, resamples=20)
    assert faults(found, {"AUC above itself": Estimate(0.0, 0.0, 0.0)}) != []


def test_rows_that_always_come_together_widen_the_interval() -> None:
    outcome, chance, _ = planted(300)
    tenfold, alone = np.tile(outcome, 10), np.arange(3000)
    together = np.tile(np.arange(300), 10)
    widths = [
        found.auc.high - found.auc.low
        for found in (evaluate(tenfold, np.tile(chance, 10), by, resamples=200) for by in (together, alone))
    ]
    assert widths[0] > 2 * widths[1]


def test_equal_seeds_give_equal_intervals() -> None:
    outcome, chance, clusters = planted(300)
    first, second, other = (evaluate(outcome, chance, clusters, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first.auc != other.auc


def test_deciles_hold_every_row_from_the_least_probable_up() -> None:
    outcome, chance, _ = planted(1003)
    bins = deciles(outcome, chance)
    assert [tenth.rows for tenth in bins] == [101] * 3 + [100] * 7
    assert [tenth.predicted for tenth in bins] == sorted(tenth.predicted for tenth in bins)
    assert len(deciles(outcome[:4], chance[:4])) == 4


@pytest.mark.parametrize("measure", [auc, lambda outcome, p: evaluate(outcome, p, np.arange(len(p)))])
def test_an_outcome_that_never_varies_measures_nothing(measure: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="same in every row"):
        measure(np.zeros(5), np.linspace(0, 1, 5))


def test_the_card_holds_the_decile_table_its_protocol_and_limits() -> None:
    outcome, chance, clusters = planted()
    found = evaluate(outcome, chance, clusters, resamples=20)
    panel = pl.DataFrame({"as_of": [date(2021, 1, 1), date(2022, 1, 1)], "open_advisories": [[], []]})
    model = RiskModel()
    made = card(model, found, panel, trained_on=panel, gains={"AUC above installs": Estimate(0.1, 0.0, 0.2)})
    assert ModelCard.from_json(made.to_json()) == made
    assert RiskModel.from_config(dict(made.config)) == model
    assert made.version == model.version
    assert (made.trained_on.rows, made.trained_on.since.year, made.trained_on.until.year) == (2, 2021, 2022)
    text = made.to_markdown()
    assert f"| decile 10 observed | {found.deciles[9].observed:.4g} |" in text
    assert "| AUC above installs high | 0.2 |" in text
    assert "Only advisory_history is a calibrated probability" in text


def test_a_card_of_published_constants_says_so() -> None:
    outcome, chance, clusters = planted(300)
    panel = pl.DataFrame({"as_of": [date(2021, 1, 1)], "open_advisories": [[]]})
    made = card(RiskModel(), evaluate(outcome, chance, clusters, resamples=20), panel)
    assert "published" in made.protocol
    assert made.trained_on.rows == 0
