"""What `benchmarks.loop` posts and what comes of it: trials, the rules they fire, ordinary traffic, and a receiver."""

import json
import random
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from patchbay.core.client import Client
from patchbay.core.telemetry import TraceContext, new_trace, parse_traceparent

HOST = "127.0.0.1"
ERRORS, SURGE = "errors", "surge"
USED, ORDINARY = "surge", "ordinary"
"""Names of the plugins that surge and that are used all the time; those that fail are named after their trial."""
FINE, FAILED, SURGING = 60, 40, 120
RULE = """automation_rules:
  - name: "{name}"
    trigger: {{anomaly: {metric}, direction: up, score: 0.99}}
    action: {{type: webhook, url: "{url}"}}
"""


@dataclass(slots=True)
class Trial:
    """An event that calls for one effect: a release whose uses fail, or a tenant whose uses surge.

    `tenant` is whose usage it is, `series` the labels of the series that has to fire. `posted_at` is when the POST began,
    `answered` the trace that its answer names.
    """

    name: str
    kind: str
    tenant: str
    series: dict[str, str]
    trace: TraceContext = field(default_factory=new_trace)
    posted_at: float = 0.0
    answered: str | None = None

    @property
    def plugin(self) -> str:
        """The plugin that is used."""
        return f"loop:{self.name if self.kind == ERRORS else USED}"

    def rows(self) -> list[dict[str, Any]]:
        """The usage events."""
        now = datetime.now(UTC).isoformat()
        told = [("2.0.0", "error")] * FAILED + [("1.0.0", "ok")] * FINE
        if self.kind == SURGE:
            told = [("1.0.0", "ok")] * SURGING
        return [
            {"id": f"{self.name}-{place}", "type": "use", "at": now, "plugin": self.plugin, "version": version, "outcome": outcome}
            for place, (version, outcome) in enumerate(told)
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """A webhook: when it came, and its event."""

    at: float
    event: Mapping[str, Any]


@dataclass(slots=True)
class Hook:
    """A receiver and what it took."""

    url: str
    effects: list[Effect] = field(default_factory=list)

    def of(self, trial: Trial) -> Effect | None:
        """The first effect since a trial's post, known by the series that fired and not by its trace; None when none came."""
        since = [one for one in self.effects if one.at >= trial.posted_at > 0]
        found = (one for one in since if one.event.get("data", {}).get("labels") == trial.series)
        return next(found, None)


@contextmanager
def receiver() -> Iterator[Hook]:
    """An HTTP server that takes every webhook, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.effects.append(Effect(time.time(), event))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    hook = Hook(f"http://{HOST}:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def failing(admin: Client, hook: Hook, number: int) -> list[Trial]:
    """So many releases of plugins of their own, which the operator's rule watches."""
    names = [f"bad-{place}" for place in range(number)]
    releases = [{"version": version, "version_scheme": "semver"} for version in ("1.0.0", "2.0.0")]
    plugin = {"namespace": "loop", "visibility": "public", "releases": releases}
    admin.post_catalogue([plugin | {"name": name, "title": name} for name in (*names, USED, ORDINARY)])
    admin.put_rules(RULE.format(name="A release fails", metric="error_ratio", url=hook.url))
    found = [(name, admin.release(f"loop:{name}", "2.0.0")) for name in names]
    own = admin.me()["tenant"]["slug"]
    return [Trial(name, ERRORS, own, {"plugin": one["plugin_id"], "release": one["id"]}) for name, one in found]


def surging(admin: Client, hook: Hook, number: int, known: Collection[str]) -> list[Trial]:
    """So many tenants of those whose usual use is known, each of which watches itself: a rule may act twenty times an hour for one.

    Raises ValueError when too few are known.
    """
    found = [row for row in admin.tenants() if row["id"] in known][:number]
    if len(found) < number:
        raise ValueError(f"{number} tenants are to surge; the usual use of {len(found)} is known")
    for row in found:
        admin.acting_in(row["slug"]).put_rules(RULE.format(name="A surge", metric="uses_per_minute", url=hook.url))
    return [Trial(f"surge-{row['slug']}", SURGE, row["slug"], {"tenant": row["id"]}) for row in found]


def spread(trials: int, cycle: float, cycles: int) -> list[float]:
    """Random moments, in order: as many in each of the cycles, and one in each equal part of the cycle that they are."""
    chance = random.Random(trials)
    parts = chance.sample(range(trials), trials)
    phases = [(part + chance.random()) / trials * cycle for part in parts]
    return sorted(place * cycles // trials * cycle + phase for place, phase in enumerate(phases))


def post(trials: Sequence[Trial], moments: Sequence[float], url: str, token: str) -> None:
    """Post the trials, mixed, each at its moment from now and under a trace of its own. Raises when one is not taken whole."""
    began, mixed = time.time(), random.Random(len(trials)).sample(trials, len(trials))
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
    ) as client:
        for trial, moment in zip(mixed, moments, strict=True):
            time.sleep(max(0.0, began + moment - time.time()))
            _post(client, trial)


def _post(client: httpx.Client, trial: Trial) -> None:
    rows = trial.rows()
    own = {"Patchbay-Tenant": trial.tenant, "Idempotency-Key": trial.name, "traceparent": trial.trace.traceparent}
    body = "\n".join(map(json.dumps, rows)).encode()
    trial.posted_at = time.time()
    answer = client.post("/v1/usage/batches", content=body, headers={"Content-Type": "application/x-ndjson", **own})
    if answer.status_code != 201 or answer.json()["accepted"] != len(rows):
        raise RuntimeError(f"{trial.name} was not taken whole: {answer.text[:500]}")
    named = parse_traceparent(answer.headers.get("traceparent"))
    trial.answered = named.trace_id if named else None


@contextmanager
def traffic(admin: Client, every: float = 2.0) -> Iterator[None]:
    """Ordinary use of a plugin of its own until the block ends: a Patchbay that nobody uses starts anew with its first minute."""
    stop = threading.Event()

    def use() -> None:
        number = 0
        while not stop.wait(every):
            now = datetime.now(UTC).isoformat()
            row = {
                "id": f"{ORDINARY}-{number}",
                "type": "use",
                "at": now,
                "plugin": f"loop:{ORDINARY}",
                "version": "1.0.0",
            }
            admin.post_usage(row["id"], [row])
            number += 1

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
