"""Alarms become episodes, episodes incidents, and both are told once."""

import json

import numpy as np

from models.anomalies.episodes import Anomaly, Changes, Episodes, contributors, incidents
from models.anomalies.many import ManyDetector
from models.anomalies.series import SeriesKey
from tests.models.anomalies.traffic import DAY, MONDAY, traffic

NOON = 12 * 60
KEY = SeriesKey("a")


def follow(counts: np.ndarray, keys: list[SeriesKey], episodes: Episodes | None = None) -> list[Changes]:
    detector = ManyDetector(len(keys))
    tracker = episodes or Episodes(detector.config.threshold)
    return [tracker.take(readings, keys) for readings in detector.run(counts, MONDAY)]


def anomaly(key: SeriesKey, detected: int, until: int, direction: str = "less") -> Anomaly:
    return Anomaly(key, direction, "silence", detected - 2, detected, until, 5.0, 0.0, 20.0, 10.0, 30.0)


def surged(*starts: int) -> np.ndarray:
    counts = traffic(16, [20.0])
    for start in starts:
        counts[start : start + 20] *= 5
    return counts


def test_one_surge_is_opened_once_and_closed_after_the_hold_off():
    start = 15 * DAY + NOON
    changes = follow(surged(start), [KEY])
    (opened,) = [each for change in changes for each in change.opened if each.detected >= MONDAY + start]
    (closed,) = [each for change in changes for each in change.closed if each.detected >= MONDAY + start]
    assert opened.open
    assert not closed.open
    assert (closed.key, closed.direction, closed.detected) == (KEY, "more", opened.detected)
    assert opened.since <= MONDAY + start + 1
    assert MONDAY + start + 18 <= closed.until <= MONDAY + start + 30
    assert closed.observed > closed.expected


def test_a_second_surge_within_the_hold_off_is_the_same_episode_and_a_later_one_is_another():
    start = 15 * DAY + NOON

    def opened(gap: int) -> int:
        changes = follow(surged(start, start + gap), [KEY])
        return sum(each.detected >= MONDAY + start for change in changes for each in change.opened)

    assert opened(50) == 1
    assert opened(150) == 2


def test_open_episodes_survive_a_restart_and_are_not_told_again():
    start = 15 * DAY + NOON
    counts, detector, before = surged(start), ManyDetector(1), Episodes(4.0)
    for readings in detector.run(counts[: start + 10], MONDAY):
        before.take(readings, [KEY])
    assert len(before.open) == 1
    after = Episodes.from_document(json.loads(json.dumps(before.to_document())))
    assert after.open == before.open
    changes = [after.take(readings, [KEY]) for readings in detector.run(counts[start + 10 :], MONDAY + start + 10)]
    assert [each for change in changes for each in change.opened] == []
    assert [each.detected for change in changes for each in change.closed] == [before.open[0].detected]


def test_a_tenants_outage_is_one_incident_with_all_its_plugins():
    group = [anomaly(SeriesKey("a"), 100, 160), *(anomaly(SeriesKey("a", p), 110, 160) for p in "xyz")]
    elsewhere = [anomaly(SeriesKey("b"), 120, 130), anomaly(SeriesKey("a"), 500, 510)]
    found = incidents([*reversed(group), *elsewhere])
    assert [len(each) for each in found] == [4, 1, 1]
    assert found[0][0].key == SeriesKey("a")


def test_what_goes_up_and_what_goes_down_are_two_incidents_though_the_total_shows_both():
    up, down = anomaly(SeriesKey("a"), 100, 160, "more"), anomaly(SeriesKey("a"), 100, 160)
    assert len(incidents([up, down])) == 2
    total, other = anomaly(SeriesKey(), 105, 160), anomaly(SeriesKey("b"), 106, 160)
    assert [each[0].key for each in incidents([down, total, other])] == [SeriesKey("a"), SeriesKey("b")]


def test_contributors_are_the_parts_that_moved_the_same_way_with_their_share():
    keys = [SeriesKey(), SeriesKey("a"), SeriesKey("a", "x"), SeriesKey("a", "y"), SeriesKey("a", "z")]
    observed, expected = np.array([130.0, 130.0, 70.0, 50.0, 10.0]), np.array([50.0, 50.0, 10.0, 20.0, 20.0])
    found = contributors(SeriesKey("a"), keys, observed, expected)
    assert [(each.key.plugin, each.difference, each.share) for each in found] == [("x", 60.0, 0.75), ("y", 30.0, 0.375)]
    assert [each.key for each in contributors(SeriesKey(), keys, observed, expected)] == [SeriesKey("a")]
    assert contributors(SeriesKey("a", "x"), keys, observed, expected) == []
