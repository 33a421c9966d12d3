"""The detector of one series: river's interface, and the same answers as its vectorised twin."""

import json
import pickle

import numpy as np
import pytest
from river.base import AnomalyDetector

from models.anomalies.config import DetectorConfig
from models.anomalies.detector import SeriesDetector
from models.anomalies.many import ManyDetector
from models.anomalies.reading import Reading
from models.anomalies.state import State
from tests.models.anomalies.traffic import DAY, MONDAY, traffic

NOON = 12 * 60


def eventful() -> np.ndarray:
    """Quiet, middling and busy series with a surge, an outage, a lasting change and gaps."""
    counts = traffic(14, [0.05, 0.7, 20.0])
    counts[9 * DAY + NOON : 9 * DAY + NOON + 100, 1] += 5
    counts[10 * DAY + NOON : 10 * DAY + NOON + 400] = 0
    counts[12 * DAY :, 2] *= 3
    counts[: 2 * DAY + 31, 0] = -1
    counts[9 * DAY + 10 : 9 * DAY + 200, 2] = -1
    return counts


def walk(detector: SeriesDetector, counts: np.ndarray, start: int) -> tuple[np.ndarray, list[Reading]]:
    """Score, then learn, each observed minute; scores of the others stay 0."""
    scores, alarms = np.zeros(len(counts)), []
    for place, count in enumerate(counts.tolist()):
        if count >= 0:
            row = {"minute": start + place, "count": count}
            scores[place] = detector.score_one(row)
            if scores[place] >= detector.config.threshold:
                alarms.append(detector.read_one(row))
            detector.learn_one(row)
    return scores, alarms


@pytest.fixture(scope="module")
def twin() -> tuple[np.ndarray, np.ndarray, list[Reading], State]:
    counts, many, scores, alarms = eventful(), ManyDetector(3), [], []
    for readings in many.run(counts, MONDAY + 17):
        scores.append(readings.score)
        alarms += readings.alarms(many.config.threshold)
    return counts, np.concatenate(scores), alarms, many.state


@pytest.mark.parametrize("series", [0, 1, 2])
def test_row_by_row_and_vectorised_give_the_same_scores_reasons_and_memory(twin, series):
    counts, expected, alarms, remembered = twin
    detector = SeriesDetector()
    scores, found = walk(detector, counts[:, series], MONDAY + 17)
    np.testing.assert_allclose(scores, expected[:, series], rtol=1e-9, atol=1e-9)
    of_twin = [alarm for alarm in alarms if alarm.series == series]
    assert [(a.minute, a.component, a.onset) for a in found] == [(a.minute, a.component, a.onset) for a in of_twin]
    numbers = [[(a.observed, a.expected, a.low, a.high) for a in each] for each in (found, of_twin)]
    np.testing.assert_allclose(*numbers, rtol=1e-9)
    own, other = detector.state, remembered.take([series])
    for name in ("week_events", "level_events", "noise_excess", "tail_excess", "highest", "evidence", "held"):
        np.testing.assert_allclose(getattr(own, name), getattr(other, name), rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_comparison_saw_surges_outages_and_a_new_normal(twin):
    assert {alarm.component for alarm in twin[2]} >= {0, 2}


def test_it_is_a_detector_of_river_and_clones_as_one():
    detector = SeriesDetector(DetectorConfig(threshold=5.0))
    assert isinstance(detector, AnomalyDetector)
    walk(detector, traffic(1, [5.0])[:, 0], MONDAY)
    clone = detector.clone()
    assert clone.config == detector.config
    assert clone.state.minute is None


@pytest.mark.parametrize("minute", [3 * DAY, 3 * DAY + 1, 3 * DAY + 59])
def test_a_saved_detector_goes_on_exactly_at_any_minute(minute):
    counts = traffic(12, [4.0])[:, 0]
    at = 8 * DAY + minute
    detector = SeriesDetector.warmed(counts[:at], MONDAY)
    from_json = SeriesDetector.resume(State.from_document(json.loads(json.dumps(detector.state.to_document()))))
    from_pickle = pickle.loads(pickle.dumps(detector))
    rest, start = counts[at : at + 130].copy(), MONDAY + at
    rest[100:] *= 4
    expected, _ = walk(detector, rest, start)
    assert expected.max() > 4
    for again in (from_json, from_pickle):
        np.testing.assert_array_equal(walk(again, rest, start)[0], expected)


def test_a_warm_start_knows_what_the_history_taught():
    counts = traffic(15, [20.0])[:, 0]
    at = 14 * DAY + NOON
    warm = SeriesDetector.warmed(counts[:at], MONDAY)
    surge = {"minute": MONDAY + at, "count": 200}
    assert warm.score_one(surge) > 4
    assert SeriesDetector().score_one(surge) == 0


def test_scoring_teaches_nothing():
    counts = traffic(10, [5.0])[:, 0]
    asked, silent = (SeriesDetector.warmed(counts[:-500], MONDAY) for _ in range(2))
    for place, count in enumerate(counts[-500:].tolist()):
        row = {"minute": MONDAY + len(counts) - 500 + place, "count": count}
        asked.score_one({**row, "count": 1000})
        asked.learn_one(row)
        silent.learn_one(row)
    assert asked.state.to_document() == silent.state.to_document()


def test_the_past_and_negative_counts_are_refused():
    detector = SeriesDetector()
    detector.learn_one({"minute": MONDAY, "count": 1})
    with pytest.raises(ValueError, match="lies before"):
        detector.learn_one({"minute": MONDAY, "count": 1})
    with pytest.raises(ValueError, match="cannot be"):
        detector.score_one({"minute": MONDAY + 1, "count": -1})
    detector.score_one({"minute": MONDAY + 60, "count": 1})
    with pytest.raises(ValueError, match="lies before"):
        detector.learn_one({"minute": MONDAY + 1, "count": 1})


def test_a_state_of_several_series_is_not_one_series():
    with pytest.raises(ValueError, match="one series"):
        SeriesDetector.resume(State.empty(2))
