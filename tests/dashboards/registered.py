"""The same world in a real registry: its plugins and targets through the client, uses by the minute, and insights.

`fill` gives the registry's own ids for those of the published world, so that both speak of the same things.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from patchbay.core.client import Client
from patchbay.core.clock import utcnow
from tests.dashboards import world

Ids = dict[str, str]
MODEL = {"model": "ease", "model_version": "20261120T000000Z-0000", "card": {"protocol": "temporal split"}}
TARGET, QUIET_TARGET = "t3", "t4"


@dataclass(frozen=True)
class People:
    """Who fills the registry: its operator and acme's administrator."""

    operator: Client
    acme: Client


def fill(people: People) -> Ids:
    """Post the catalogue, acme's targets and an hour and a half of uses; ids of the world to ids of the registry."""
    public = [plugin(place) for place, name in enumerate(world.PLUGINS) if name != "legacy"]
    people.operator.post_catalogue(public)
    people.acme.post_catalogue([plugin(world.PLUGINS.index("legacy")) | {"visibility": "private"}])
    rows = world.rows(world.Tenants("operator", "acme"))["dim_target"]
    named = ("name", "kind", "environment")
    for client, tenant in ((people.operator, "operator"), (people.acme, "acme")):
        client.post_targets([{name: row[name] for name in named} for row in rows if row["tenant_id"] == tenant])
    people.acme.post_usage("minutes", usage(utcnow()))
    return ids(people, rows)


def plugin(place: int) -> dict[str, Any]:
    """A plugin of the world as it is posted."""
    releases = [{"version": f"{number}.0.0", "version_scheme": "semver"} for number in (1, 2, 3)]
    return {
        "namespace": "jenkins",
        "name": world.PLUGINS[place],
        "title": world.TITLES[place],
        "visibility": "public",
        "releases": releases,
    }


def ids(people: People, targets: list[dict[str, Any]]) -> Ids:
    """The registry's ids by the world's."""
    found = {row["ref"]: row["id"] for row in people.acme.plugins()}
    made = {f"p{place}": found[f"jenkins:{name}"] for place, name in enumerate(world.PLUGINS)}
    for place, name in enumerate(world.PLUGINS):
        versions = {row["version"]: row["id"] for row in people.acme.releases(f"jenkins:{name}")}
        made |= {f"r{place}-{number}": versions[f"{number}.0.0"] for number in (1, 2, 3)}
    known = {row["name"]: row["id"] for client in (people.acme, people.operator) for row in client.targets()}
    return made | {row["target_id"]: known[row["name"]] for row in targets}


def usage(now: datetime) -> list[dict[str, Any]]:
    """Uses of git: one a minute for ninety minutes, eight a minute in the last twenty of them."""
    return [
        {
            "id": f"{ago}-{number}",
            "type": "use",
            "at": (now - timedelta(minutes=ago)).isoformat(),
            "plugin": "jenkins:git",
            "version": "3.0.0",
            "target": "acme.team-03",
            "outcome": "ok",
        }
        for ago in range(1, 91)
        for number in range(8 if ago <= 20 else 1)
    ]


def publish(client: Client, known: Ids, acme: str) -> None:
    """One set of each kind that pages read."""
    for kind, rows in insights(known, acme, utcnow()).items():
        client.publish_set(kind, rows, data_until=utcnow().isoformat(), **MODEL)


def insights(known: Ids, acme: str, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Rows of every kind: few, and told apart by hand."""
    return {
        "recommendations": [
            {
                "tenant_id": acme,
                "target_id": known[TARGET],
                "rank": rank,
                "plugin_id": known[plugin],
                "score": 1.5 / rank,
                "reason": f"Because you have {because}.",
                "because_plugin_id": known["p0"],
                "model": "ease",
            }
            for rank, (plugin, because) in enumerate((("p4", "Git"), ("p5", "Docker")), 1)
        ],
        "similar": [
            {"plugin_id": known["p0"], "rank": rank, "other_plugin_id": known[other], "score": 0.9 / rank}
            for rank, other in enumerate(("p1", "p3"), 1)
        ],
        "risk": risks(known),
        "anomalies": [anomaly("old", known["p0"], acme, world.at(10), world.at(10, 11))],
        "live_anomalies": [live(known, acme, now)],
    }


def live(known: Ids, acme: str, now: datetime, name: str = "now") -> dict[str, Any]:
    """A surge that began twenty minutes ago and goes on."""
    return anomaly(name, known["p0"], acme, now - timedelta(minutes=20), None) | {"observed": 40.0}


def anomaly(name: str, plugin: str | None, tenant: str, since: datetime, until: datetime | None) -> dict[str, Any]:
    """A surge, made of docker's uses for the most part."""
    return {
        "tenant_id": tenant,
        "anomaly_id": name,
        "series": "uses_per_minute",
        "kind": "surge",
        "plugin_id": plugin,
        "release_id": None,
        "started_at": since.replace(second=0, microsecond=0).isoformat(),
        "ended_at": until.isoformat() if until else None,
        "observed": 412.0,
        "expected_low": 2.0,
        "expected_high": 11.0,
        "score": 9.3,
        "contributors": f'[{{"tenant_id": "{tenant}", "plugin_id": null, "difference": 300.0, "share": 0.8}}]',
    }


FACTORS = (
    '[{"name": "open_advisories", "probability": 0.6, "weight": 1.0, "reason": "1 advisory is not fixed: SECURITY-0", '
    '"fix": "Remove or disable it until a release mends it."}, {"name": "staleness", "probability": 0.2, "weight": 0.5, '
    '"reason": "No release for 400 days", "fix": "Ask its maintainers."}]'
)


def risks(known: Ids) -> list[dict[str, Any]]:
    """Five public plugins in five bands."""
    bands = ("critical", "high", "moderate", "low", "insufficient")
    return [
        {
            "plugin_id": known[f"p{place}"],
            "tenant_id": None,
            "score": 91.0 - 20 * place,
            "band": band,
            "probability": 0.64 - 0.15 * place,
            "impact": 0.8 - 0.1 * place,
            "confidence": 0.9 - 0.2 * place,
            "compliance": "met" if place == 1 else None,
            "floor": "unfixed advisory" if place == 0 else None,
            "factors": FACTORS if place < 3 else "[]",
        }
        for place, band in enumerate(bands)
    ]
