"""API, job worker and ticks are killed at random moments while releases fail: every plan ends, its effect happens, none twice.

Workers alone, also on PostgreSQL, are killed in `tests/registry_api/automation/acting/test_killed.py`.
"""

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from patchbay.core.client import ApiUnreachable, Client
from patchbay.core.clock import utcnow
from patchbay.core.telemetry import bound, new_trace
from pipelines.defs.live import memory
from tests.loop.killing import PROGRAMS, Keeper
from tests.loop.support import Patchbay
from tests.loop.ticker import journal_of, once, room_of
from tests.registry_api.automation.acting.receivers import HOST, Hooks, hooks

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop")]

EACH = 2
"""Releases that begin to fail before each kill."""
FINE, FAILED = 60, 40
"""Uses of a plugin's first release, and of the one that fails."""
GENERATION = 3
RULES = """automation_rules:
  - name: Block it
    trigger: {anomaly: error_ratio, direction: up}
    action: {type: block_release}
    blast_radius: {max_targets: 1000, max_share: 100%}
  - name: Tell us
    trigger: {anomaly: error_ratio, direction: up}
    action: {type: webhook, url: "URL"}
"""
RESTART = """
  - name: Restart NAME
    trigger: {anomaly: error_ratio, direction: up, labels: {plugin: PLUGIN}}
    action: {type: restart}
    targets: {kind: process, name: NAME}
    blast_radius: {max_targets: 1000, max_share: 100%}
"""
ACTIONS = ("block_release", "webhook", "restart")
OPEN = ("waiting", "planned", "running")


@dataclass(slots=True)
class Release:
    """A release that fails, the process that is then to be started again, and the trace of the batch that tells of it."""

    name: str
    plugin: str
    id: str
    trace: str = ""

    def fail(self, client: Client) -> None:
        """Post its uses, again until they are taken."""
        versions = ["1.0.0"] * FINE + ["2.0.0"] * FAILED
        now = utcnow().isoformat()
        rows = [
            {
                "id": f"{self.name}-{place}",
                "type": "use",
                "at": now,
                "plugin": f"test:{self.name}",
                "version": version,
                "outcome": "ok" if version == "1.0.0" else "error",
            }
            for place, version in enumerate(versions)
        ]
        with bound(new_trace()) as trace:
            assert client.post_usage(self.name, rows).accepted == len(rows)
        self.trace = trace.trace_id


def prepare(client: Client, number: int, hook: Hooks) -> list[Release]:
    """Releases that do not fail yet, and the rules that will notice."""
    releases = [{"version": version, "version_scheme": "semver"} for version in ("1.0.0", "2.0.0")]
    names = [f"p{place}" for place in range(number)]
    plugin = {"namespace": "test", "visibility": "public", "releases": releases}
    client.post_catalogue([plugin | {"name": name, "title": name} for name in names])
    found = [(name, client.release(f"test:{name}", "2.0.0")) for name in names]
    made = [Release(name, release["plugin_id"], release["id"]) for name, release in found]
    restarts = [RESTART.replace("NAME", one.name).replace("PLUGIN", one.plugin) for one in made]
    client.put_rules(RULES.replace("URL", hook.url) + "".join(restarts))
    return made


@contextmanager
def supervised(client: Client, names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Processes that are started as often as is wanted; how often, by name."""
    generations = dict.fromkeys(names, GENERATION)
    stop = threading.Event()

    def report() -> None:
        while not stop.is_set():
            said = [
                {"name": name, "replicas": 1, "generation": generation, "healthy": True}
                for name, generation in generations.items()
            ]
            with suppress(ApiUnreachable):
                wanted = client.report_processes(said)
                generations.update({name: one["generation"] for name, one in wanted.items()})
            stop.wait(0.2)

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield generations
    finally:
        stop.set()
        thread.join(60)


@pytest.fixture
def patchbay(tmp_path: Path) -> Patchbay:
    """A state of its own."""
    return Patchbay(tmp_path / "home")


@contextmanager
def running(patchbay: Patchbay) -> Iterator[dict[str, Keeper]]:
    """API with a worker in it, another worker, and ticks; by name."""
    logs = patchbay.home / "logs"
    logs.mkdir(parents=True)
    own = {"PATCHBAY_JOB_WORKERS": "1", "PATCHBAY_WEBHOOK_PRIVATE_HOSTS": json.dumps([HOST])}
    environment = patchbay.environment | own | {"PATCHBAY_LOG_LEVEL": "ERROR"}
    with ExitStack() as stack:
        keepers = {name: stack.enter_context(Keeper(name, environment, logs / f"{name}.log")) for name in PROGRAMS}
        keepers["api"].start()
        until(lambda: is_ready(patchbay), 60)
        for name in ("worker", "ticker"):
            keepers[name].start()
        yield keepers


def is_ready(patchbay: Patchbay) -> bool:
    """Whether the registry was set up and serves."""
    with suppress(ApiUnreachable, FileNotFoundError), patchbay.client() as client:
        return client.is_ready()
    return False


def until(done: Callable[[], bool], within: float) -> None:
    """Wait for something; fails the test when it does not come."""
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.2)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [pytest.param(6, id="short"), pytest.param(50, id="full", marks=pytest.mark.soak)])
def test_whatever_is_killed_each_effect_happens_and_none_twice(patchbay: Patchbay, kills: int) -> None:
    chance = random.Random(kills)
    with hooks() as hook, running(patchbay) as keepers, patchbay.client() as client:
        releases = prepare(client, EACH * kills, hook)
        with supervised(client, [one.name for one in releases]) as generations:
            for place in range(kills):
                for release in releases[EACH * place : EACH * (place + 1)]:
                    release.fail(client)
                time.sleep(chance.uniform(0, 0.8))
                keepers[chance.choice(sorted(keepers))].kill(chance.uniform(0, 0.3))
            plans = finished(client, len(ACTIONS) * len(releases))
        assert_planned_once(plans, releases)
        assert_done_once(client, plans, releases, generations)
        assert_delivered(hook, plans)
        assert_recorded(client, plans)
        jobs = list(client.pages("/v1/jobs", kind="automation.act", limit=500))
        keepers["ticker"].stop()
        assert_ticks_count_once(patchbay, releases)
    assert sum(keeper.kills for keeper in keepers.values()) == kills
    if kills >= 50:
        assert all(keeper.kills >= 5 for keeper in keepers.values())
        assert sum(job["attempts"] > 1 for job in jobs) >= 2, "no job's worker died with it"
        assert sum(len(sent) > 1 for sent in journal(patchbay, "told").values()) >= 2, "no tick was sent again"


def finished(client: Client, number: int) -> list[dict[str, Any]]:
    """All plans, once there are so many and all are over, with nobody killed any more."""
    plans: list[dict[str, Any]] = []

    def over() -> bool:
        plans[:] = client.plans()
        return len(plans) >= number and not any(plan["state"] in OPEN for plan in plans)

    until(over, 60)
    return plans


def assert_planned_once(plans: Sequence[dict[str, Any]], releases: Sequence[Release]) -> None:
    """A plan of each kind for each release, done, under the trace of its batch."""
    expected = Counter((action, one.id, one.trace, "done") for one in releases for action in ACTIONS)
    assert Counter((p["action"], p["subject"]["release"], p["trace_id"], p["state"]) for p in plans) == expected
    assert len({plan["key"] for plan in plans}) == len(plans)


def assert_done_once(
    client: Client, plans: Sequence[dict[str, Any]], releases: Sequence[Release], generations: dict[str, int]
) -> None:
    """Every release blocked once, every process started once more and wanted so once."""
    blocked = Counter(record["subject"] for record in client.audit(action="release.blocked"))
    assert blocked == Counter(f"release:{one.id}" for one in releases)
    applied = Counter(record["subject"] for record in client.audit(action="automation.applied"))
    assert applied == Counter(f"plan:{plan['id']}" for plan in plans if plan["action"] == "restart")
    assert set(generations.values()) == {GENERATION + 1}


def assert_delivered(hook: Hooks, plans: Sequence[dict[str, Any]]) -> None:
    """Every message at least once, always under its plan's key and with the same content."""
    bodies = defaultdict(set)
    for headers, body in hook.received:
        bodies[headers["webhook-id"]].add(body)
    assert set(bodies) == {plan["key"] for plan in plans if plan["action"] == "webhook"}
    assert {len(different) for different in bodies.values()} == {1}


def assert_recorded(client: Client, plans: Sequence[dict[str, Any]]) -> None:
    """An intent and an outcome of each plan, one episode for each, nothing held back, and the chain is whole."""
    once_each = Counter(f"plan:{plan['id']}" for plan in plans)
    for action in ("automation.intent", "automation.outcome"):
        assert Counter(record["subject"] for record in client.audit(action=action)) == once_each, action
    planned = {(plan["rule"], plan["fingerprint"], plan["episode"]) for plan in plans}
    assert {(e["rule"], e["fingerprint"], e["began_at"]) for e in client.episodes()} == planned
    assert not list(client.suppressions())
    verdict = client.get("/v1/audit/verify")
    assert verdict["valid"], verdict


def assert_ticks_count_once(patchbay: Patchbay, releases: Sequence[Release]) -> None:
    """A tick that was sent again was the same and was answered the same; no use was counted twice, and none was lost."""
    assert {len(set(told)) for told in journal(patchbay, "told").values()} == {1}
    answers = journal(patchbay, "answer")
    assert {len(set(given)) for given in answers.values()} == {1}
    changes = [change for given in answers.values() for change in json.loads(given[0])["transitions"]]
    fired = Counter((one["rule"], one["fingerprint"]) for one in changes if one["change"] == "firing")
    assert len(fired) == len(ACTIONS) * len(releases) and set(fired.values()) == {1}
    # Once every minute is complete, what is remembered is what was posted.
    room = room_of(patchbay.settings)
    last = once(patchbay.settings, room, utcnow() + timedelta(minutes=3))
    remembered = memory.load(room.storage)
    counted = {row["release"]: (row["uses"], row["errors"]) for row in remembered.seen.releases.to_dicts()}
    assert [counted[one.id] for one in releases] == [(FAILED, FAILED)] * len(releases)
    assert remembered.tick and remembered.tick["id"] == last
    again = room.client.tick(last, remembered.tick["at"], remembered.tick["samples"])
    assert json.dumps(again, sort_keys=True) == journal(patchbay, "answer")[last][0]


def journal(patchbay: Patchbay, kind: str) -> dict[str, list[str]]:
    """What was told or answered, by tick, as often as it was."""
    found = defaultdict(list)
    for line in journal_of(patchbay.settings).read_bytes().splitlines():
        entry = json.loads(line)
        if kind in entry:
            found[entry["id"]].append(json.dumps(entry[kind], sort_keys=True))
    return found
