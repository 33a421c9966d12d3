"""Planted truths held against the anomalies that a registry tells of. Only evaluation reads both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]

SHOWN_AS: Mapping[str, tuple[str, ...]] = {
    "surge": ("surge", "novelty"),
    "outage": ("outage",),
    "credential_misuse": ("surge", "novelty"),
    "bad_release": ("errors",),
}
"""Kinds of truths that somebody watches for, and the kinds of anomalies that tell of them. Nobody watches for leaks yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one kind of truth: how many were planted, and how many of those some anomaly tells of."""

    kind: str
    planted: int
    found: int


def findings(
    truths: Sequence[Row], anomalies: Iterable[Row], tenants: Mapping[str, str], versions: Mapping[str, str]
) -> list[Finding]:
    """A finding for each watched kind that was planted; `tenants` are slugs and `versions` those of releases, by id.

    A truth is found when an anomaly of its own direction overlaps it and names its place, a part of it, or the tenant or
    plugin it is part of. What is counted over everybody (the operator's, whose slug is not among `tenants`) names no place,
    and so finds nothing. A release is found when it is named, whenever that is: who keeps it goes on failing.
    """
    told = [_Told.of(row, tenants, versions) for row in anomalies]
    kinds = [kind for kind in SHOWN_AS if any(truth["kind"] == kind for truth in truths)]
    return [_finding(kind, [truth for truth in truths if truth["kind"] == kind], told) for kind in kinds]


@dataclass(frozen=True, slots=True)
class _Told:
    """An anomaly as it is compared; None means all tenants, or all plugins."""

    kind: str
    tenant: str | None
    plugin: str | None
    version: str | None
    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, row: Row, tenants: Mapping[str, str], versions: Mapping[str, str]) -> "_Told":
        """From an answer of `GET /v1/anomalies`."""
        return cls(
            kind=row["kind"],
            tenant=tenants.get(row["tenant_id"] or ""),
            plugin=row["plugin"],
            version=versions.get(row["release_id"] or ""),
            since=datetime.fromisoformat(row["started_at"]),
            until=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        )

    def tells_of(self, truth: Row) -> bool:
        """Whether it is the truth's direction, place and time."""
        if self.kind not in SHOWN_AS[truth["kind"]]:
            return False
        if truth["version"] is not None:
            return (self.plugin, self.version) == (truth["plugin"], truth["version"])
        return self._is_at(truth) and self._overlaps(truth)

    def _is_at(self, truth: Row) -> bool:
        pairs = ((self.tenant, truth["tenant"]), (self.plugin, truth["plugin"]))
        is_part = all(theirs in (None, mine) for mine, theirs in pairs)
        is_whole = all(mine in (None, theirs) for mine, theirs in pairs)
        return (self.tenant, self.plugin) != (None, None) and (is_part or is_whole)

    def _overlaps(self, truth: Row) -> bool:
        since, until = (datetime.fromisoformat(truth[name]) for name in ("starts_at", "ends_at"))
        return self.since < until and (self.until is None or self.until > since)


def _finding(kind: str, truths: Sequence[Row], told: Sequence[_Told]) -> Finding:
    found = sum(any(one.tells_of(truth) for one in told) for truth in truths)
    return Finding(kind, len(truths), found)
