"""Where the one trace id of a trial of `benchmarks.loop` is to be found on its way from the POST to the effect."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from benchmarks.loop_trials import ERRORS, Effect, Trial
from patchbay.core.client import Client
from patchbay.core.storage import ObjectMissing, Storage
from pipelines.defs.learn.detecting import restore
from pipelines.defs.live.memory import TICK
from pipelines.defs.live.samples import USES

Row = Mapping[str, Any]
LOOKS = 0.5
CALM = 0.5


@dataclass(slots=True)
class Ticks:
    """Ticks by id as they were written down before they were sent: `id`, `at` and `samples`."""

    seen: dict[str, Row] = field(default_factory=dict)

    @property
    def apart(self) -> list[float]:
        """Seconds between two ticks."""
        moments = sorted(seconds(tick["at"]) for tick in self.seen.values())
        return [later - earlier for earlier, later in pairwise(moments)]

    def calm(self) -> set[str]:
        """Tenants whose uses the newest tick told an ordinary score of."""
        newest: Iterable[Row] = next(reversed(self.seen.values()))["samples"] if self.seen else ()
        told = [one for one in newest if (one["source"], one["metric"]) == ("anomaly", USES) and one["value"] < CALM]
        return {one["labels"]["tenant"] for one in told if set(one["labels"]) == {"tenant"}}

    def trace(self, at: str, series: Row) -> str | None:
        """The trace that a tick's anomaly sample of a series had."""
        told = next((tick["samples"] for tick in self.seen.values() if same_moment(tick["at"], at)), ())
        found = (one.get("trace_id") for one in told if one["source"] == "anomaly" and one["labels"] == series)
        return next(found, None)


@contextmanager
def watched_ticks(storage: Storage) -> Iterator[Ticks]:
    """Keep every tick that the sensor writes down until the block ends."""
    ticks, stop = Ticks(), threading.Event()

    def look() -> None:
        try:
            tick = restore(storage.read_bytes(TICK))["tick"]
        except ObjectMissing:
            return
        ticks.seen[tick["id"]] = tick

    def look_on() -> None:
        while not stop.wait(LOOKS):
            look()
        look()

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield ticks
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True)
class Books:
    """Everything the registry kept of the trials, read once at the end."""

    batches: Mapping[str, Row]
    segments: Mapping[str, int]
    jobs: Mapping[str, Row]
    audits: Mapping[str, Mapping[str, Row]]
    plans: Mapping[str, Row]
    episodes: Mapping[tuple[str, str], Row]
    counters: Mapping[str, set[str | None]]

    @classmethod
    def read(cls, admin: Client, trials: list[Trial]) -> "Books":
        """By batch key, by trace, by plan, by key, by fingerprint and beginning, by trial."""
        slugs = sorted({trial.tenant for trial in trials})
        tenants = [admin.acting_in(slug) for slug in slugs]
        batches = [row for page in admin.follow_feed("intake_batches") for row in page.table.to_pylist()]
        segments = [row for page in admin.follow_feed("segments") for row in page.table.to_pylist()]
        audits: dict[str, dict[str, Row]] = {}
        for action in ("usage.batch_accepted", "automation.intent", "automation.outcome"):
            audits[action] = {row["subject"]: row for one in tenants for row in one.audit(action=action)}
        return cls(
            batches={row["batch_id"]: row for row in batches if row["stream"] == "usage"},
            segments={row["trace_id"]: row["rows"] for row in segments if row["op"] == "added"},
            jobs={job["payload"]["plan_id"]: job for job in admin.pages("/v1/jobs", kind="automation.act", limit=500)},
            audits=audits,
            plans={plan["key"]: plan for one in tenants for plan in one.plans()},
            episodes={(row["fingerprint"], row["began_at"]): row for one in tenants for row in one.episodes()},
            counters={trial.name: _counted(admin, trial) for trial in trials},
        )


def places(trial: Trial, effect: Effect, plan: Row, books: Books, ticks: Ticks) -> dict[str, bool]:
    """Whether the trial's trace id, and no other, stands at each place on its way."""
    mine, batch = trial.trace.trace_id, books.batches[trial.name]
    about, named = f"plan:{plan['id']}", {"intent": "automation.intent", "outcome": "automation.outcome"}
    found: dict[str, object] = {
        "answer": trial.answered,
        "batch": batch["trace_id"],
        "batch_audit": books.audits["usage.batch_accepted"][f"intake_batch:{batch['id']}"]["trace_id"],
        "segment": mine if books.segments.get(mine) == batch["accepted"] else None,
        "counters": mine if books.counters[trial.name] == {mine} else None,
        "sample": ticks.trace(plan["episode"], trial.series),
        "episode": books.episodes[plan["fingerprint"], plan["episode"]]["trace_id"],
        "plan": plan["trace_id"],
        "job": books.jobs[plan["id"]]["trace_id"],
        **{place: books.audits[action].get(about, {}).get("trace_id") for place, action in named.items()},
        "webhook": effect.event["data"].get("trace_id"),
    }
    return {place: trace == mine for place, trace in found.items()}


def _counted(admin: Client, trial: Trial) -> set[str | None]:
    """Traces of the minute counters of a trial's plugin; a platform reader sees those of all tenants."""
    rows = admin.acting_in(trial.tenant).counters(plugin=trial.plugin)
    return {row["trace_id"] for row in rows if trial.kind == ERRORS or row["tenant_id"] == trial.series["tenant"]}


def same_moment(one: str, other: str) -> bool:
    """Whether two ISO texts name the same instant."""
    return seconds(one) == seconds(other)


def seconds(text: str) -> float:
    """Seconds since the epoch of an ISO text."""
    return datetime.fromisoformat(text).timestamp()


def wait_for(done: Callable[[], bool], within: float, every: float = 0.2) -> bool:
    """Whether something became true in time."""
    until = time.monotonic() + within
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
