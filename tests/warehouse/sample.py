"""A small complete world, taken through the real path: feeds and lake, every table, every check, published snapshots."""

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from patchbay.core.ids import stable_id
from patchbay.core.settings import Settings
from tests.warehouse.recorded import START, RecordedRegistry
from warehouse.contracts import TABLES
from warehouse.session import WarehouseSession, open_session

OPERATOR, ACME, GLOBEX = (str(stable_id("tenant", name)) for name in ("operator", "acme", "globex"))
PLUGINS = ("git", "mailer", "junit", "docker", "matrix-auth", "old-one")
PEOPLE = 12
DAYS = 45
UNKNOWN_PLUGIN = {"row_index": 3, "code": "unknown_plugin", "field": "plugin", "reason": "no such plugin"}


def plugin_id(name: str) -> str:
    return str(stable_id("plugin", name))


def release_id(name: str, version: str) -> str:
    return str(stable_id("release", name, version))


def target_id(tenant: str, number: int) -> str:
    return str(stable_id("target", tenant, str(number)))


def sample_snapshot(home: Path) -> list[str]:
    """Publish the sample world under `home`; its tenant ids, the operator's first."""
    registry = sample_registry(home)
    with open_session(Settings(home=home)) as session:
        build_everything(session, registry)
        session.publish("sample-run")
    return [OPERATOR, ACME, GLOBEX]


def build_everything(session: WarehouseSession, registry: RecordedRegistry) -> None:
    """Take in what is new, build and judge every table."""
    session.ingest(registry, registry.storage)
    for name in TABLES:
        session.build(name)
        session.judge(name)


def sample_registry(root: Path, days: int = DAYS) -> RecordedRegistry:
    """Three tenants, six public plugins and a private one, installations that come and go, usage, statistics, refusals."""
    registry = RecordedRegistry(root)
    for tenant, slug, kind in (
        (OPERATOR, "operator", "operator"),
        (ACME, "acme", "customer"),
        (GLOBEX, "globex", "customer"),
    ):
        registry.record("tenants", tenant, tenant, slug=slug, name=slug.title(), kind=kind, status="active")
    for name in PLUGINS:
        _plugin(registry, OPERATOR, name)
    _plugin(registry, ACME, "acme-internal", visibility="private", namespace="acme")
    _dependencies(registry)
    _advisories(registry)
    for tenant in (ACME, GLOBEX):
        _targets(registry, tenant)
    add_usage(registry, 0, days)
    _statistics(registry)
    return registry


def add_usage(registry: RecordedRegistry, first: int, days: int) -> None:
    """A segment of usage for each tenant and day, with its batch; every fifth batch has a refused row."""
    for day in range(first, first + days):
        for tenant in (ACME, GLOBEX):
            events = list(_events(tenant, day))
            registry.segment(f"{tenant}-{day}", tenant, events)
            registry.batch(
                f"batch-{tenant}-{day}",
                tenant,
                accepted=len(events),
                duplicates=day % 2,
                rejects=[UNKNOWN_PLUGIN] if day % 5 == 0 else [],
                recorded_at=START + timedelta(days=day + 1),
            )


def _plugin(
    registry: RecordedRegistry, tenant: str, name: str, visibility: str = "public", namespace: str = "jenkins"
) -> None:
    registry.record(
        "plugins", plugin_id(name), tenant, namespace=namespace, name=name, title=name.title(), summary=f"Does {name}.",
        licence="MIT", lifecycle="deprecated" if name == "old-one" else "active", visibility=visibility,
        labels=["scm", "build"] if name == "git" else ["build"], maintainers=["ada", "grace"],
    )  # fmt: skip
    for number, version in enumerate(("1.0.0", "1.1.0", "2.0.0-rc.1")):
        registry.record(
            "releases", release_id(name, version), tenant, plugin_id=plugin_id(name), version=version,
            version_scheme="semver", sort_key=f"{number}", prerelease="rc" in version, requires_host="2.361.4",
            size_bytes=100_000 + number, released_at=START - timedelta(days=300 - 100 * number),
        )  # fmt: skip


def _dependencies(registry: RecordedRegistry) -> None:
    for name, needs, optional in (("docker", "git", False), ("junit", "mailer", True), ("matrix-auth", "ghost", False)):
        known = plugin_id(needs) if needs in PLUGINS else None
        registry.record(
            "dependencies", str(stable_id("dependency", name, needs)), OPERATOR, release_id=release_id(name, "1.1.0"),
            plugin_id=plugin_id(name), dependency_ref=f"jenkins:{needs}", dependency_plugin_id=known,
            requirement=">=1.0.0", optional=optional,
        )  # fmt: skip


def _advisories(registry: RecordedRegistry) -> None:
    for number, (name, unfixed) in enumerate((("git", False), ("git", True), ("mailer", False))):
        registry.record(
            "advisories", str(stable_id("advisory", str(number))), OPERATOR, external_id=f"SECURITY-{number}",
            subject_kind="plugin", subject_ref=f"jenkins:{name}", plugin_id=plugin_id(name), summary="Stored XSS",
            url="https://example.org/advisory", severity="high", unfixed=unfixed, published_at=START,
            ranges='[{"first_version": "1.0.0"}]' if unfixed else '[{"last_version": "1.0.0"}]',
        )  # fmt: skip
    registry.record(
        "advisories", str(stable_id("advisory", "host")), OPERATOR, external_id="SECURITY-9", subject_kind="host",
        subject_ref="jenkins-core", summary="Host", unfixed=False, ranges="[]",
    )  # fmt: skip


def _targets(registry: RecordedRegistry, tenant: str) -> None:
    for number in range(4):
        target = target_id(tenant, number)
        registry.record(
            "targets", target, tenant, name=f"ci-{number}", environment=("production", "staging")[number % 2],
            kind="jenkins-controller", lifecycle="active",
        )  # fmt: skip
        for place, name in enumerate(PLUGINS[: 3 + number % 3]):
            observe(registry, tenant, number, name, "added", START + timedelta(days=place), "1.0.0")
        observe(registry, tenant, number, "git", "updated", START + timedelta(days=20), "1.1.0")
    observe(registry, tenant, 0, "mailer", "removed", START + timedelta(days=25))
    observe(registry, tenant, 0, "mailer", "added", START + timedelta(days=32), "1.0.0")
    observe(registry, tenant, 1, "old-one", "removed", START + timedelta(days=9))


def observe(
    registry: RecordedRegistry,
    tenant: str,
    target: int,
    plugin: str,
    event: str,
    at: datetime,
    version: str | None = None,
) -> None:
    """One observed installation event."""
    registry.record(
        "observations", str(stable_id("observation", str(registry.seq))), tenant, target_id=target_id(tenant, target),
        plugin_id=plugin_id(plugin), event=event, version=version, origin="extra", source="sample", occurred_at=at,
    )  # fmt: skip


def _events(tenant: str, day: int) -> list[dict[str, Any]]:
    draw = random.Random(f"{tenant}{day}")
    return [_event(draw, tenant, day, number) for number in range(draw.randint(20, 40))]


def _event(draw: random.Random, tenant: str, day: int, number: int) -> dict[str, Any]:
    name = draw.choice(PLUGINS)
    kind = draw.choices(("use", "error", "view", "search", "resource"), (70, 4, 16, 5, 5))[0]
    used = kind == "use"
    return {
        "event_id": str(stable_id("event", tenant, str(day), str(number))),
        "tenant_id": tenant,
        "type": kind,
        "at": START + timedelta(days=day, seconds=draw.randrange(86_400)),
        "plugin_id": None if kind == "search" else plugin_id(name),
        "release_id": release_id(name, "1.1.0"),
        "version": "1.1.0",
        "target_id": target_id(tenant, draw.randrange(4)),
        "environment": "production",
        "subject_id": str(stable_id("person", tenant, str(draw.randrange(PEOPLE)))),
        "outcome": draw.choices(("ok", "error"), (19, 1))[0] if used else None,
        "duration_ms": round(draw.lognormvariate(5, 1), 3) if used else None,
        "cpu_percent": draw.uniform(1, 90) if kind == "resource" else None,
        "memory_bytes": draw.randrange(10**9) if kind == "resource" else None,
    }


def _statistics(registry: RecordedRegistry) -> None:
    rows = [
        {
            "tenant_id": OPERATOR,
            "plugin_id": plugin_id(name),
            "period": date(2026, month, 1),
            "grain": "month",
            "metric": "installs",
            "count": 1000 * (place + 1) + 50 * month,
            "source": "jenkins",
        }
        for place, name in enumerate(PLUGINS)
        for month in (1, 2, 3)
    ]
    registry.segment("statistics-0", OPERATOR, rows, stream="statistics")
    registry.batch("statistics-batch", OPERATOR, stream="statistics", accepted=len(rows))
