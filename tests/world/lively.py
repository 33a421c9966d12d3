"""What a registry says of a lively world that goes on, and what the world itself says."""

from collections import Counter
from dataclasses import replace
from typing import Any

from patchbay.core.client import Client
from patchbay.world.live import LivePlan, LiveWorld, plan_live
from patchbay.world.society import Society
from patchbay.world.times import MINUTE, iso
from tests.world.conftest import SMALL

LIVELY = replace(SMALL, events=20_000)
NEVER = 1e6
STRETCH = 20 * MINUTE
"""Each test has a piece of the recent past to itself."""


def totals(client: Client) -> Counter[str]:
    counts = client.status()["counts"]
    return Counter({name: counts[name] for name in ("usage_rows", "releases", "observations")})


def counted(client: Client, society: Society, since: int) -> Counter[tuple[str, str, str]]:
    """Events by tenant, minute and type, as the registry counted them in a test's piece of time."""
    found: Counter[tuple[str, str, str]] = Counter()
    for slug in society.tenants.slugs:
        for row in client.acting_in(slug).counters(since=iso(since), until=iso(since + STRETCH)):
            found[slug, row["minute"][:16], "error" if row["errors"] else "use"] += row["events"]
    return found


def generated(society: Society, plan: LivePlan, stretches: list[tuple[int, int]]) -> Counter[tuple[str, str, str]]:
    """The same, as the world makes them while nobody has the bad release."""
    found: Counter[tuple[str, str, str]] = Counter()
    for stretch in stretches:
        events = LiveWorld(society, plan).events_between(*stretch, {})
        for tenant, at, failed in zip(events["tenant"], events["at"], events["error"] >= 0, strict=True):
            found[society.tenants.slugs[tenant], iso(at)[:16], "error" if failed else "use"] += 1
    return found


def surge_only(society: Society, start: int, after: float = 60) -> LivePlan:
    return plan_live(society, start, surge_after=after, bad_after=NEVER)


def asking(society: Society, start: int, bad_after: float, until: int) -> list[int]:
    """Spans that want the bad release before `until`."""
    world = LiveWorld(society, plan_live(society, start, surge_after=NEVER, bad_after=bad_after))
    return [span for span, _ in world.wanting(0, until)]


def versions(client: Client, society: Society, plugin: int, spans: list[int]) -> list[str]:
    """What the registry says is installed of a plugin where those spans are."""
    ref, found = society.catalogue.refs[plugin], []
    for span in spans:
        acting = client.acting_in(society.tenants.slugs[society.tenant[span]])
        rows = acting.target_installations(society.targets.name[society.target[span]])
        found += [row["version"] for row in rows if row["ref"] == ref]
    return found


def newest(client: Client, society: Society) -> tuple[int, dict[str, Any]]:
    """The plugin whose releases are bad, and its newest one."""
    plugin = surge_only(society, 0).bad
    return plugin, max(client.releases(society.catalogue.refs[plugin]), key=lambda row: row["released_at"])
