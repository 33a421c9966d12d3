"""The detector of values that are no counts, and the corpus it is compared on."""

import json
from pathlib import Path

import numpy as np
import pytest
from river.base import AnomalyDetector

from benchmarks.anomalies import detected, recordings
from models.anomalies.evaluate import Recording, standard_score, windowed_gaussian
from models.anomalies.values import ValueConfig, ValueDetector


def walk(detector: ValueDetector, values: np.ndarray, start: int = 0) -> np.ndarray:
    scores = np.zeros(len(values))
    for place, value in enumerate(values.tolist()):
        row = {"minute": 5.0 * (start + place), "value": value}
        scores[place] = detector.score_one(row)
        detector.learn_one(row)
    return scores


def noise(rows: int = 3000) -> np.ndarray:
    return np.random.default_rng(1).normal(100.0, 3.0, rows)


def test_a_level_never_seen_surprises_once_and_not_again_for_a_day():
    values = noise()
    values[2000:2040] = 140.0
    scores = walk(ValueDetector(), values)
    assert scores[2000] > 4 * np.delete(scores, np.arange(2000, 2040))[500:].max()
    assert (scores[2001:2040] == 0).all()


def test_noise_alone_is_as_surprising_as_its_rarity():
    scores = walk(ValueDetector(ValueConfig(hold_off=0.0)), noise())
    assert (scores[500:] > 2.5).mean() < 0.005


def test_it_is_a_detector_of_river_that_scores_without_learning():
    detector = ValueDetector()
    assert isinstance(detector, AnomalyDetector)
    walk(detector, noise(200))
    before = detector.to_document()
    detector.score_one({"minute": 5000.0, "value": 1e6})
    assert detector.to_document() == before
    assert detector.clone().to_document()["rows"] == 0


def test_a_saved_detector_goes_on_exactly_also_when_memory_is_full():
    detector = ValueDetector(ValueConfig(memory=300))
    walk(detector, noise(1000))
    again = ValueDetector.from_document(json.loads(json.dumps(detector.to_document())))
    rest = noise(1400)[1000:]
    np.testing.assert_array_equal(walk(again, rest, 1000), walk(detector, rest, 1000))


@pytest.mark.parametrize("wrong", [{"tail": 0.0}, {"span": 0.0}, {"memory": 5}, {"warm": 0}, {"hold_off": -1.0}])
def test_a_config_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ValueConfig(**wrong)


def test_a_constant_series_that_moves_is_surprising_and_one_that_does_not_is_not():
    values = np.full(500, 7.0)
    assert walk(ValueDetector(), values).max() < 0.01
    values[400] = 8.0
    assert walk(ValueDetector(), values)[400] > 10


def recording(windows: list[tuple[int, int]]) -> Recording:
    return Recording("made", np.zeros(1000), np.arange(1000.0), windows)


@pytest.mark.parametrize(
    ("alarms", "score"),
    [([], 0.0), ([500], 100.0), ([500, 520], 100.0), ([599], 50.0), ([300], 0.0)],
    ids=["none", "first row", "told twice", "last row", "only false"],
)
def test_the_standard_score_rewards_early_detections_once(alarms, score):
    given = np.full(1000, -1.0)
    given[alarms] = 1.0
    given[given < 0] -= np.arange(1000 - len(alarms)) / 1e9 if alarms else 0.0
    found = standard_score([recording([(500, 599)])], [given])
    assert found == pytest.approx(score, abs=1.5)


@pytest.mark.shared
@pytest.mark.slow
def test_on_real_recordings_it_is_well_above_windowed_gaussian(shared_data: Path):
    files = recordings(shared_data / "nab")
    ours = standard_score(files, [detected(file) for file in files])
    baseline = standard_score(files, [windowed_gaussian(file.values) for file in files])
    assert baseline == pytest.approx(39.6, abs=1.0), "the published score, so the scorer is right"
    assert ours > baseline + 10
