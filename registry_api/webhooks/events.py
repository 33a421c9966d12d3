"""What webhooks are told: the closed list of events, and which feed row or audit record each follows from.

Whatever has a feed is told by its feed rows, everything else by its audit records. A change that writes neither does not
exist, so none is forgotten; a test holds that every feed and every audit action is either here or among the quiet ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson

from patchbay.core.ids import new_id
from registry_api.audit.chain import AuditEntry
from registry_api.audit.personal import without_personal
from registry_api.db.encoding import stored_json
from registry_api.feeds.outbox import OutboxEntry

PREFIX = "dev.patchbay."
QUIET = ""
PING = "webhook.ping"
ALL = "*"

EVENTS = {
    "plugin.created": "A plugin was published.",
    "plugin.updated": "Fields of a plugin changed, its visibility too.",
    "plugin.hidden": "The operator's plugin is no longer public; other tenants are told once more, and then no more.",
    "plugin.deleted": "A plugin was deleted with its releases.",
    "release.published": "A release was published.",
    "release.updated": "Fields of a release that were empty were filled.",
    "release.yanked": "A release was yanked.",
    "release.restored": "A yanked release is no longer yanked.",
    "release.blocked": "Nobody may install a release anew; the operator's block holds for every tenant.",
    "release.unblocked": "A block of a release was lifted.",
    "grant.given": "The tenant shared a plugin with another tenant.",
    "grant.received": "Another tenant shares a plugin with this one.",
    "grant.changed": "Scope or expiry of a grant changed, or its plugin was hidden or is shared again; both sides are told.",
    "grant.ended": "A grant was revoked or declined, or expired, or a side of it is gone; both sides are told.",
    "advisory.published": "A security advisory was recorded.",
    "advisory.updated": "A security advisory changed, or the plugin it is on.",
    "target.created": "A target was recorded.",
    "target.updated": "A target changed.",
    "installation.observed": "Somebody saw a plugin being added, removed, updated or present on a target.",
    "tenant.updated": "The tenant was made or changed.",
    "member.added": "A person became a member of the tenant.",
    "member.updated": "A member's name, role or status changed.",
    "member.erased": "A member's account was erased.",
    "token.created": "An API token was made.",
    "token.revoked": "An API token was revoked, also because it was found in public.",
    "token.rotated": "An API token got a new secret.",
    "token.expiring": "An API token ends in 14 or 3 days.",
    "rule.changed": "A rule was stored or deleted.",
    "rule.fired": "A rule fired and has a plan.",
    "rule.acted": "A rule's plan came to its end, whichever.",
    "automation.stopped": "A kill switch was set.",
    "automation.resumed": "A kill switch was lifted.",
    "webhook.disabled": "A webhook was disabled after days of nothing but failures; its siblings are told.",
    PING: "A test that somebody asked for; only that webhook gets it, whatever its filter.",
}
"""Every type of event, without the prefix that it has in a CloudEvent."""

OF_FEEDS = {
    ("plugins", "upsert"): "plugin.updated",
    ("plugins", "delete"): "plugin.deleted",
    ("releases", "upsert"): "release.updated",
    ("advisories", "upsert"): "advisory.updated",
    ("targets", "upsert"): "target.updated",
    ("observations", "upsert"): "installation.observed",
    ("tenants", "upsert"): "tenant.updated",
}
"""What a feed row means where its writer does not say it more exactly."""

QUIET_FEEDS = frozenset(
    {
        # Parts of a plugin or release, which are told themselves.
        "dependencies",
        # How rows came in and where they lie.
        "intake_batches",
        "segments",
        # Told by its audit records, to both sides.
        "plugin_grants",
    }
)

OF_ACTIONS = {
    "release.blocked": "release.blocked",
    "release.unblocked": "release.unblocked",
    "grant.given": "grant.given",
    "grant.received": "grant.received",
    "grant.changed": "grant.changed",
    "grant.ended": "grant.ended",
    "member.added": "member.added",
    "member.changed": "member.updated",
    "member.erased": "member.erased",
    "token.created": "token.created",
    "token.revoked": "token.revoked",
    "token.leaked": "token.revoked",
    "token.rotated": "token.rotated",
    "token.expiring": "token.expiring",
    "automation.rule": "rule.changed",
    "automation.intent": "rule.fired",
    "automation.outcome": "rule.acted",
    "automation.stop": "automation.stopped",
    "automation.go_on": "automation.resumed",
    "webhook.disabled": "webhook.disabled",
}
"""Audit actions of what has no feed."""

QUIET_ACTIONS = (
    # Told by their feed rows.
    "plugin.*",
    "grant.plugin_changed",
    "release.published",
    "release.changed",
    "advisory.changed",
    "tenant.*",
    "*.batch_accepted",
    # How the registry is run, and steps of what is told as a whole.
    "automation.applied",
    "automation.approve",
    "automation.process",
    "contact.*",
    "data.read",
    "insights.*",
    "job.*",
    "namespace.*",
    "password.*",
    "publisher.*",
    "recovery_code.*",
    "second_factor.*",
    "team.*",
    "*.segments_*",
    "session.*",
    "signing_key.*",
    "subject.*",
    "webhook.*",
)
"""Audit actions that nobody is told of, or that a feed row tells."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, and the tenant that is told of it; `public` where every tenant may know."""

    id: UUID
    type: str
    tenant_id: UUID
    public: bool
    source: str
    data: dict[str, Any]


def event_of(feed: str, op: str) -> str:
    """What a feed row means by itself; QUIET when nobody is told."""
    return OF_FEEDS.get((feed, op), QUIET)


def event_of_name(name: str) -> str:
    """A type of event, or QUIET; raises ValueError for what is neither."""
    if name != QUIET and name not in EVENTS:
        raise ValueError(f"{name!r} is no type of event")
    return name


def event_of_action(action: str) -> str:
    """What an audit record means; QUIET when nobody is told of it, or a feed row tells."""
    return OF_ACTIONS.get(action, QUIET)


def events_of(rows: Iterable[OutboxEntry], records: Iterable[AuditEntry]) -> Iterator[Event]:
    """The events of feed rows and audit records that mean one, in their order."""
    for row in rows:
        data = {"tenant_id": row.tenant_id, "id": row.entity_id, **row.payload}
        source = f"/v1/{row.feed}/{row.entity_id}"
        yield Event(new_id(), row.event, row.told, row.public, source, _plain(data))
    for record in records:
        kind, _, name = record.subject.partition(":")
        data = {"tenant_id": record.tenant_id, "subject": record.subject, **_told(record)}
        source, type = f"/v1/{kind}s/{quote(name, safe='')}", event_of_action(record.action)
        yield Event(new_id(), type, record.tenant_id, record.public, source, _plain(data))


def _told(record: AuditEntry) -> dict[str, Any]:
    """The facts of a deed and the fields that it changed, without what tells something of a person."""
    facts: dict[str, Any] = without_personal(record.change)
    return facts | ({"changes": without_personal(record.patch)} if record.patch else {})


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON has them, so that what is kept is what is sent."""
    return orjson.loads(stored_json(data))  # type: ignore[no-any-return]


def is_quiet(action: str) -> bool:
    """Whether nobody is told of an audit action by itself."""
    return any(fnmatchcase(action, pattern) for pattern in QUIET_ACTIONS)


def wants(patterns: Iterable[str], type: str) -> bool:
    """Whether a filter lets a type through: `*`, a type, or a prefix such as `plugin.*`."""
    return any(
        pattern in (ALL, type) or (pattern.endswith(".*") and type.startswith(pattern[:-1])) for pattern in patterns
    )


def matches_something(pattern: str) -> bool:
    """Whether a filter's entry lets any type through that a webhook can subscribe to."""
    return any(wants([pattern], type) for type in EVENTS if type != PING)
