"""A world that goes on meets the real registry, over HTTP, and a registry that is away for a while."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from patchbay.core.client import ApiError, ApiUnreachable, Client
from patchbay.core.clock import utcnow
from patchbay.world.live import LiveWorld, plan_live
from patchbay.world.sending import PATIENCE, Sender, Sent, live, replay
from patchbay.world.simulate import run
from patchbay.world.society import Society, build_society
from patchbay.world.stretches import LONGEST, past
from patchbay.world.times import MINUTE, SECOND, iso, moment
from tests.world.conftest import SetClock
from tests.world.lively import LIVELY, NEVER, STRETCH, asking, counted, generated, newest, surge_only, totals, versions
from tests.world.serving import Registry, serving


@pytest.fixture(scope="module")
def society() -> Society:
    """Who lives in the small world."""
    return build_society(LIVELY)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A running registry that holds the small world."""
    with serving(tmp_path_factory.mktemp("registry")) as running, running.client() as client:
        assert run(LIVELY, client).as_expected
        yield running


@pytest.fixture
def client(registry: Registry) -> Iterator[Client]:
    """A platform administrator's, who does not wait for a registry that is away."""
    with registry.client(retries=0) as connected:
        yield connected


@pytest.fixture(scope="module")
def starts() -> Iterator[int]:
    """Starts of pieces of the past that do not touch, full minutes."""
    first = round(utcnow().timestamp()) // 60 * MINUTE - 36 * 60 * MINUTE
    return iter(range(first, first + 36 * 60 * MINUTE, 2 * STRETCH))


@pytest.fixture
def start(starts: Iterator[int]) -> int:
    """Where this test's piece begins."""
    return next(starts)


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The stretches that have arrived."""
    done: list[tuple[int, int]] = []
    step = Sender.step

    def noting(sender: Sender, since: int, until: int) -> None:
        step(sender, since, until)
        done.append((since, until))

    monkeypatch.setattr(Sender, "step", noting)
    return done


def test_the_registry_counts_what_was_sent_minute_by_minute(
    client: Client, society: Society, start: int, stepped: list[tuple[int, int]]
) -> None:
    before, sent = totals(client), Sent()
    live(society, client, sent, surge_after=60, bad_after=NEVER, seconds=242, clock=SetClock(start))
    assert stepped[0][0] == start
    assert stepped[-1][1] == start + 242 * SECOND
    assert counted(client, society, start) == generated(society, surge_only(society, start), stepped)
    assert totals(client) - before == Counter(usage_rows=sent.events)
    assert (sent.steps, sent.rejected, sent.installs) == (49, 0, 0)
    assert sent.events > 3 * 15


def test_the_bad_release_comes_out_and_is_installed_and_fails(client: Client, society: Society, start: int) -> None:
    before, sent, said = totals(client), Sent(), list[str]()
    live(
        society,
        client,
        sent,
        surge_after=NEVER,
        bad_after=30,
        seconds=300,
        say=said.append,
        clock=SetClock(start),
    )
    spans = asking(society, start, 30, start + 300 * SECOND)
    plugin, release = newest(client, society)
    assert totals(client) - before == Counter(usage_rows=sent.events, releases=1, observations=len(spans))
    assert (sent.installs, sent.refused, sent.refused_at) == (len(spans), 0, None)
    assert set(versions(client, society, plugin, spans)) == {release["version"]}
    assert release["released_at"].startswith(iso(start + 30 * SECOND)[:19])
    assert said[-1] == f"{society.catalogue.refs[plugin]} {release['version']} is out, and 40% of its uses fail"
    rows = [row for slug in society.tenants.slugs for row in client.acting_in(slug).counters(since=iso(start))]
    used = [row for row in rows if row["release_id"] == release["id"]]
    tried = sum(row["events"] for row in used)
    assert tried > 50
    assert 0.2 < sum(row["errors"] for row in used) / tried < 0.6


def test_a_blocked_release_is_refused_when_asked_for_and_then_not_installed(
    registry: Registry, client: Client, society: Society, start: int
) -> None:
    sent, said = Sent(), list[str]()

    def block(at: datetime) -> None:
        if sent.installs and not sent.refused:
            registry.block(newest(client, society)[1]["id"])

    replay(
        society,
        client,
        sent,
        minutes=5,
        surge_after=NEVER,
        bad_after=20,
        each=block,
        say=said.append,
        clock=SetClock(start + 5 * MINUTE),
    )
    spans = asking(society, start, 20, start + 5 * MINUTE)
    plugin, release = newest(client, society)
    early, late = spans[:1], spans[1:]  # the first step ends after ten seconds of the release
    assert (sent.installs, sent.refused) == (len(early), len(late))
    assert sent.refused_at == iso(start + MINUTE)
    assert set(versions(client, society, plugin, early)) == {release["version"]}
    assert release["version"] not in versions(client, society, plugin, late)
    assert len([line for line in said if "is blocked: It fails" in line]) == 1


LOST = ApiUnreachable("POST", "/v1", ConnectionError("lost"))
BEHIND_A_PROXY = ApiError(503, {"title": "Service Unavailable"})


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("post", LOST),
        ("install_check", LOST),
        ("post_observations", LOST),
        ("post_usage", LOST),
        ("post_usage", BEHIND_A_PROXY),
    ],
)
def test_what_arrived_although_its_answer_was_lost_is_there_and_counted_once(
    client: Client, society: Society, start: int, monkeypatch: pytest.MonkeyPatch, call: str, error: Exception
) -> None:
    before, sent, said = totals(client), Sent(), list[str]()
    lost = _losing(monkeypatch, call, error, 2 if call == "post_usage" else 1)
    live(
        society,
        client,
        sent,
        surge_after=0,
        bad_after=10,
        seconds=60,
        say=said.append,
        clock=SetClock(start),
    )
    spans = asking(society, start, 10, start + MINUTE)
    assert lost == [call]
    assert len([line for line in said if "registry is away" in line]) == 1
    assert sent.installs == len(spans)
    assert totals(client) - before == Counter(usage_rows=sent.events, releases=1, observations=len(spans))
    assert sum(counted(client, society, start).values()) == sent.events


def _losing(monkeypatch: pytest.MonkeyPatch, call: str, error: Exception, number: int = 1) -> list[str]:
    """Have the answer of one call lost, after the registry did what was asked."""
    ask, lost, calls = getattr(Client, call), list[str](), iter(range(1, 1000))

    def losing(self: Client, *arguments: Any, **named: Any) -> Any:
        answer = ask(self, *arguments, **named)
        if (call != "post" or arguments[0].endswith("/releases")) and next(calls) == number:
            lost.append(call)
            raise error
        return answer

    monkeypatch.setattr(Client, call, losing)
    return lost


def _sender(client: Client, society: Society, start: int) -> Sender:
    """Of a world whose surge and bad release come at once."""
    taken = {row["version"] for row in client.releases(society.catalogue.refs[surge_only(society, 0).bad])}
    plan = plan_live(society, start, surge_after=0, bad_after=0, taken=taken)
    return Sender(client, LiveWorld(society, plan), Sent(), lambda _: None)


def test_a_step_that_is_taken_again_changes_nothing(client: Client, society: Society, start: int) -> None:
    sender = _sender(client, society, start)
    sender.step(start, start + MINUTE)
    before, minutes, installs = totals(client), counted(client, society, start), sender.sent.installs
    sender.step(start, start + MINUTE)
    assert installs
    assert totals(client) == before
    assert counted(client, society, start) == minutes
    assert sender.sent.installs == installs


def test_who_was_refused_is_not_asked_again_when_the_step_is_taken_again(
    registry: Registry, client: Client, society: Society, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = _sender(client, society, start)
    sender.step(start, start + 2 * SECOND)
    plugin, release = newest(client, society)
    registry.block(release["id"])
    _losing(monkeypatch, "post_usage", LOST)
    later = start + 2 * SECOND, start + MINUTE
    with pytest.raises(ApiUnreachable):
        sender.step(*later)
    client.lift_block(society.catalogue.refs[plugin], release["version"])
    sender.step(*later)
    asked = len(asking(society, start, 0, start + MINUTE))
    assert (sender.sent.installs, sender.sent.refused) == (1, asked - 1)
    assert sum(counted(client, society, start).values()) == sender.sent.events


class _Restarting(SetClock):
    """Kills the registry after some waits, and starts it again two minutes and a half into its absence."""

    def __init__(self, at: int, registry: Registry, waits: int) -> None:
        super().__init__(at)
        self._registry, self._waits = registry, waits

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self._waits -= 1
        if self._waits == 0:
            self._registry.kill()
        if self._waits == -1:
            self.at += 150 * SECOND
            self._registry.start()


def test_a_registry_that_is_killed_and_started_again_gets_to_hear_everything(
    registry: Registry, client: Client, society: Society, start: int, stepped: list[tuple[int, int]]
) -> None:
    before, sent, said = totals(client), Sent(), list[str]()
    clock = _Restarting(start, registry, 7)
    live(society, client, sent, surge_after=30, bad_after=NEVER, seconds=300, say=said.append, clock=clock)
    assert [since for since, _ in stepped] == [start, *(until for _, until in stepped[:-1])]
    assert stepped[-1][1] == start + 300 * SECOND
    assert max(until - since for since, until in stepped) == LONGEST
    assert counted(client, society, start) == generated(society, surge_only(society, start, 30), stepped)
    assert totals(client) - before == Counter(usage_rows=sent.events)
    assert ["away" in line for line in said] == [False, True, False]
    assert said[-1] == "the registry is back after 151 s, and hears what it missed"


def test_a_registry_that_stays_away_ends_the_world_after_a_while(
    registry: Registry, client: Client, society: Society, start: int
) -> None:
    clock = SetClock(start)
    try:
        with pytest.raises(ApiUnreachable):
            live(
                society,
                client,
                Sent(),
                surge_after=0,
                bad_after=NEVER,
                seconds=None,
                say=lambda _: registry.kill(),
                clock=clock,
            )
    finally:
        registry.start()
    assert PATIENCE < clock.now() - start < PATIENCE + MINUTE


def test_a_world_that_was_never_sent_cannot_go_on(client: Client, start: int) -> None:
    other = build_society(replace(LIVELY, seed=99))
    with pytest.raises(ApiError, match="404"):
        live(other, client, Sent(), surge_after=0, bad_after=0, seconds=10, clock=SetClock(start))


def test_a_run_after_another_collides_with_nothing(client: Client, society: Society, start: int) -> None:
    before, first, second = totals(client), Sent(), Sent()
    for shift, sent in ((0, first), (1, second)):
        live(society, client, sent, surge_after=0, bad_after=0, seconds=30, clock=SetClock(start + shift))
    assert first.installs
    assert totals(client) - before == Counter(
        usage_rows=first.events + second.events, releases=2, observations=first.installs + second.installs
    )
    assert sum(counted(client, society, start).values()) == first.events + second.events


def test_what_is_planted_stands_in_the_truth_file_before_it_happens(
    client: Client, society: Society, start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen, step = tmp_path / "new" / "truth.json", list[Any](), Sender.step

    def reading(sender: Sender, since: int, until: int) -> None:
        seen.append(json.loads(path.read_text()))
        step(sender, since, until)

    monkeypatch.setattr(Sender, "step", reading)
    live(society, client, Sent(), surge_after=10, bad_after=20, seconds=30, truth_path=path, clock=SetClock(start))
    surge, bad = seen[0]["truths"]
    plugin, release = newest(client, society)
    assert (surge["kind"], surge["starts_at"]) == ("surge", iso(start + 10 * SECOND))
    assert (bad["kind"], bad["starts_at"]) == ("bad_release", iso(start + 20 * SECOND))
    assert (bad["plugin"], bad["version"]) == (society.catalogue.refs[plugin], release["version"])
    assert seen[-1] == seen[0] == json.loads(path.read_text())
    assert [file.name for file in path.parent.iterdir()] == ["truth.json"]


def test_the_recent_past_is_sent_at_once_and_looked_at_after_each_half_minute(
    client: Client, society: Society, start: int
) -> None:
    before, sent, now = totals(client), Sent(), start + 10 * MINUTE
    told: list[datetime] = []
    arrived: list[int] = []

    def each(at: datetime) -> None:
        told.append(at)
        arrived.append((totals(client) - before)["usage_rows"])

    clock = SetClock(now)
    replay(society, client, sent, minutes=10, surge_after=120, bad_after=NEVER, each=each, clock=clock)
    assert told == [moment(start) + timedelta(seconds=30 * step) for step in range(1, 21)]
    assert clock.now() == now
    assert arrived[-1] == sent.events
    assert arrived == sorted(arrived)
    plan = surge_only(society, start, 120)
    assert counted(client, society, start) == generated(society, plan, list(past(start, now)))
    assert arrived[3] < 0.25 * arrived[-1]


def test_who_took_the_bad_release_goes_back_when_it_is_over(client: Client, society: Society, start: int) -> None:
    sent, found = Sent(), list[set[str]]()
    spans = asking(society, start, 0, start + 10 * MINUTE)
    plugin = surge_only(society, 0).bad

    def each(at: datetime) -> None:
        if at == moment(start + 30 * MINUTE):
            found.append(set(versions(client, society, plugin, spans)))

    clock = SetClock(start + 31 * MINUTE)
    replay(society, client, sent, minutes=31, surge_after=NEVER, bad_after=0, each=each, clock=clock)
    assert found == [{newest(client, society)[1]["version"]}]
    assert sent.installs == len(spans)
    before = [society.releases.version[society.release[span]] for span in spans]
    assert versions(client, society, plugin, spans) == before
