"""The tick: what is out of the ordinary is told, no minute twice, no tick lost."""

from datetime import timedelta

import numpy as np
import pytest

from pipelines.conditions import CLOSED_AFTER
from pipelines.defs.live import memory
from tests.pipelines.defs.live.conftest import NOON, RATES, Watched


def test_usual_traffic_raises_nothing_and_publishes_nothing(watched: Watched) -> None:
    ticks = watched.pass_minutes(60)
    assert sum(ticked.minutes for ticked in ticks) == 60
    assert all(ticked.open == 0 for ticked in ticks)
    assert "live_anomalies" not in watched.client.sets
    assert all(abs(watched.score(**labels)) < 0.99 for labels in ({}, {"tenant": "acme"}, {"plugin": "git"}))


def test_a_surge_is_told_with_its_trace_and_published_as_an_anomaly_of_its_series(watched: Watched) -> None:
    watched.pass_minutes(5)
    watched.pass_minutes(3, acme_git=5)
    [told] = watched.samples("uses_per_minute", "anomaly", tenant="acme", plugin="git")
    assert told["value"] >= 0.99 and told["quality"] == "ok"
    assert told["trace_id"] == watched.client.rows[-1]["trace_id"]
    found = [
        row
        for row in watched.client.active("live_anomalies")
        if row["plugin_id"] == "git" and row["tenant_id"] == "acme"
    ]
    assert [(row["kind"], row["series"], row["ended_at"]) for row in found] == [("surge", "uses_per_minute", None)]
    assert found[0]["observed"] > found[0]["expected_high"]
    assert NOON + timedelta(minutes=8) > found[0]["started_at"] > NOON - timedelta(minutes=10)


def test_an_outage_is_told_below_zero(watched: Watched) -> None:
    watched.pass_minutes(5)
    watched.pass_minutes(10, acme_git=0, acme_mailer=0)
    assert watched.score(tenant="acme") <= -0.99
    assert watched.score(tenant="globex") > -0.99
    kinds = {row["kind"] for row in watched.client.active("live_anomalies") if row["tenant_id"] == "acme"}
    assert kinds == {"outage"}


def test_the_open_minute_raises_a_score_and_never_lowers_one(watched: Watched) -> None:
    watched.pass_minutes(5)
    before = watched.score(tenant="acme", plugin="git")
    watched.now += timedelta(seconds=50 - watched.now.second)
    watched.look()
    assert watched.score(tenant="acme", plugin="git") == before, "nothing came yet: the minute is not over"
    watched.use("acme", "git", 60)
    assert watched.look().minutes == 0
    assert watched.score(tenant="acme", plugin="git") >= 0.99
    assert watched.samples("uses_per_minute", tenant="acme", plugin="git")[0]["value"] < 60, (
        "the last complete minute's"
    )


def test_a_minute_is_complete_half_a_minute_after_its_end(watched: Watched) -> None:
    watched.now = NOON + timedelta(minutes=1, seconds=CLOSED_AFTER - 1)
    assert watched.look().minutes == 0
    watched.now += timedelta(seconds=1)
    assert watched.look().minutes == 1
    assert watched.look().minutes == 0, "and is scored once"


def test_a_tick_killed_between_its_writing_and_its_sending_is_sent_again_the_same_and_first(watched: Watched) -> None:
    watched.pass_minutes(2)
    sends, watched.client.tick = watched.client.tick, killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        watched.pass_minutes(1)
    written = memory.load(watched.storage).tick
    watched.client.tick = sends  # type: ignore[method-assign]
    assert written and written["id"] not in watched.client.ticks
    watched.now += timedelta(minutes=1)
    ticked = watched.look()
    assert watched.client.sent[-2:] == [written["id"], ticked.id]
    assert watched.client.ticks[written["id"]]["samples"] == written["samples"]
    assert len(ticked.answers) == 2


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_tick_whose_answer_was_taken_note_of_is_not_sent_again(watched: Watched) -> None:
    watched.pass_minutes(3)
    assert len(watched.client.sent) == len(set(watched.client.sent)) == 3
    watched.acknowledged = None
    watched.look()
    assert len(watched.client.sent) == 5 and len(set(watched.client.sent)) == 4


def test_ticks_that_come_and_go_leave_the_detectors_as_one_that_saw_all_at_once(watched: Watched) -> None:
    watched.pass_minutes(90)
    ticked = memory.load(watched.storage).seen.detector.state
    for key in list(watched.storage.list("models/live")):
        watched.storage.delete(key)
    watched.now, watched.acknowledged = NOON, None
    for _ in range(9):
        watched.now += timedelta(minutes=10)
        watched.look_late()
    at_once = memory.load(watched.storage).seen.detector.state
    assert (ticked.hour, ticked.minute) == (at_once.hour, at_once.minute)
    for name in ("evidence", "onset", "learnt_events", "learnt_square", "week_events", "peaks"):
        np.testing.assert_allclose(getattr(ticked, name), getattr(at_once, name), rtol=1e-12, err_msg=name)


def test_a_pause_of_the_whole_machine_is_no_outage(watched: Watched) -> None:
    watched.pass_minutes(3)
    watched.now += timedelta(days=2)
    watched.pass_minutes(10)
    assert watched.client.sets.get("live_anomalies") is None
    assert all(watched.score(tenant=tenant) > -0.99 for tenant, _ in RATES)


def test_a_release_that_fails_is_told_by_its_name_and_published_for_all_who_see_the_plugin(watched: Watched) -> None:
    watched.pass_minutes(2)
    watched.use("globex", "git", 20, errors=8, release="git-3")
    watched.look()
    [told] = watched.samples("error_ratio", "anomaly", plugin="git", release="git-3")
    assert told["value"] >= 0.99 and "trace_id" in told
    others = [one["value"] for one in watched.samples("error_ratio", "anomaly") if one != told]
    assert all(value < 0.5 for value in others)
    [row] = watched.client.active("live_anomalies")
    assert (row["kind"], row["release_id"], row["tenant_id"]) == ("errors", "git-3", None)
    assert row["observed"] == 0.4 and row["expected_high"] < 0.1


def test_without_detectors_or_a_publication_the_rules_are_told_that_values_are_absent(
    tmp_path: object, watched: Watched
) -> None:
    for key in list(watched.storage.list("models")):
        watched.storage.delete(key)
    watched.use("acme", "git", 5)
    watched.look()
    [age] = watched.samples("data_age_seconds")
    assert (age["value"], age["quality"]) == (None, "absent")
    assert watched.samples("uses_per_minute", "anomaly") == []


def test_newly_learnt_detectors_are_gone_on_from(watched: Watched, learnt: bytes) -> None:
    from pipelines.defs.learn import detecting, keeping

    watched.pass_minutes(3)
    made = detecting.from_document(detecting.restore(learnt))
    made.detector.state.week_events[:] *= 2
    keeping.keep(
        watched.storage, "detectors", detecting.papers(made), detecting.dump(detecting.to_document(made)), "detectors"
    )
    ticked = watched.pass_minutes(1)[0]
    assert ticked.minutes == 4, "the minutes since the learning are scored anew"
    assert memory.load(watched.storage).version == detecting.papers(made).version
