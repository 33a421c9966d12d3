"""The demo's rules at work: stored, then shown what goes on, in real time or, for who does not wait, at once."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchbay.cli import output
from patchbay.cli.context import connect
from patchbay.cli.errors import CommandError
from patchbay.cli.fleet import Fleet, registry
from patchbay.core.clock import utcnow

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from patchbay.cli.supervisor import Supervisor
    from patchbay.core.client import Client
    from patchbay.core.settings import Settings
    from patchbay.world.config import WorldConfig

RULES = Path(__file__).resolve().parents[2] / "rules"
MINUTES, SURGE_AFTER, BAD_AFTER = 9, 120.0, 120.0
"""How much of the recent past is sent at once, and the seconds into it of the surge and of the release that fails."""
WAIT_SECONDS = 30.0
"""For the effects of the last plans."""
GOING_ON = ("planned", "running")


def put_rules(settings: "Settings") -> None:
    """Store the rules that Patchbay comes with; those that stand already are left alone."""
    with connect(settings) as client:
        for file in sorted(RULES.glob("*.yaml")):
            client.put_rules(file.read_text(encoding="utf-8"))


def replay(settings: "Settings", supervisor: "Supervisor", config: "WorldConfig") -> None:
    """Send the last minutes of a world that went on until now, ticking as of each half minute, and see the plans through.

    Minutes that have been looked at are not looked at again: where something was used in them already, as after a demo that
    has just been run, they are left as they are.
    """
    from patchbay.world import sending
    from patchbay.world.society import build_society
    from pipelines.run import watch

    fleet, acknowledged = Fleet(supervisor, registry(settings)), None

    def beat() -> None:
        supervisor.mend()
        fleet.beat()

    def tick(now: "datetime") -> None:
        nonlocal acknowledged
        acknowledged = watch(settings, acknowledged, now=now).id
        beat()

    with connect(settings) as client, output.diverted(settings.root / "logs" / "live.log"):
        if _in_use(client):
            output.say(f"  something was used in the last {MINUTES} minutes already; they stay as they are")
        else:
            sending.replay(
                build_society(config),
                client,
                sending.Sent(),
                minutes=MINUTES,
                surge_after=SURGE_AFTER,
                bad_after=BAD_AFTER,
                each=tick,
                truth_path=truth_file(settings),
            )
        _see_through(client, beat)


def _in_use(client: "Client") -> bool:
    """Whether the minutes that would be sent have some use already."""
    since = utcnow() - timedelta(minutes=MINUTES)
    return next(client.counters(since=since.isoformat(), limit=1), None) is not None


def _see_through(client: "Client", beat: Callable[[], None]) -> None:
    """Wait until no plan is going on; raises `CommandError` when that takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while any(plan["state"] in GOING_ON for plan in client.plans()):
        if time.monotonic() > deadline:
            raise CommandError("a rule's plan has not ended: see GET /v1/automation/plans")
        beat()
        time.sleep(0.5)


def truth_file(settings: "Settings") -> Path:
    """Where a live world's planted truths stand."""
    return settings.root / "live-truth.json"


def planted(settings: "Settings", client: "Client") -> "Table":
    """A row for each kind of planted truth: how many there are, and how many the registry's anomalies tell of."""
    from patchbay.world.findings import findings

    truths = [truth for file in (settings.root / "truth.json", truth_file(settings)) for truth in _truths(file)]
    refs = {truth["plugin"] for truth in truths if truth["version"]}
    versions = {row["id"]: row["version"] for ref in refs for row in client.releases(ref)}
    tenants = {row["id"]: row["slug"] for row in client.tenants() if row["kind"] != "operator"}
    rows = [
        (one.kind.replace("_", " "), one.planted, one.found)
        for one in findings(truths, client.anomalies(), tenants, versions)
    ]
    return output.table(("planted", "count", "found"), rows)


def rules_table(client: "Client") -> "Table":
    """A row for each rule: episodes that fired, and what became of the plans."""
    fired = [row["rule"] for row in client.episodes() if row["fired_at"]]
    ended = [(plan["rule"], plan["state"]) for plan in client.plans()]
    rows = [
        (name, fired.count(name), *(_count(ended, name, state) for state in ("done", "failed")))
        for name in _names(client)
    ]
    return output.table(("rule", "episodes fired", "effects done", "effects failed"), rows)


def _names(client: "Client") -> list[str]:
    return [rule["name"] for rule in client.rules()]


def _count(ended: list[tuple[str, str]], rule: str, state: str) -> int:
    return ended.count((rule, state))


def _truths(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    truths: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["truths"]
    return truths
