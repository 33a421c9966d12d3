"""Rules of advisories: batches of them, and which releases one hits."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.versions import InvalidVersion, sort_key
from registry_api.catalog.errors import MatchingTooLong
from registry_api.catalog.feed import advisory_row
from registry_api.catalog.models import Advisory
from registry_api.catalog.patterns import MOST_REPEATS, is_usable, matching
from registry_api.catalog.reach import within_reach
from registry_api.catalog.schemas import AdvisoryDocument, AffectedRange
from registry_api.catalog.store import CatalogueStore, Record
from registry_api.catalog.visibility import is_public
from registry_api.db import UnitOfWork
from registry_api.intake.documents import Outcome

MOST_PATTERNS = 2000
"""Different patterns in one batch: each is compiled."""

UNUSABLE = (
    f"The pattern is no RE2 expression of at most {MOST_REPEATS} counted repeats in all and without look-around, "
    "back-references and Unicode classes, and there are no bounds."
)

COLUMNS = ("plugin_id", "summary", "url", "severity", "ranges", "unfixed", "published_at")


class Versioned(Protocol):
    """A release as far as ranges look at it."""

    version: str
    version_scheme: str
    sort_key: str


def affected_versions(
    ranges: Sequence[Mapping[str, Any]], releases: Sequence[Versioned], until: float = math.inf
) -> list[str]:
    """Versions that some range holds, oldest first; raises `MatchingTooLong` after `until`, by the monotonic clock."""
    hit: set[str] = set()
    for affected in ranges:
        if time.monotonic() > until:
            raise MatchingTooLong(
                "Matching the versions takes too long. Ask for fewer advisories with a smaller limit."
            )
        hit.update(_in_range(affected, releases))
    ordered = sorted(releases, key=lambda release: release.sort_key)
    return [release.version for release in ordered if release.version in hit]


def _in_range(affected: Mapping[str, Any], releases: Sequence[Versioned]) -> list[str]:
    """By the pattern alone where there is one the engine takes, else by the bounds."""
    pattern = affected.get("pattern")
    if pattern and is_usable(pattern):
        return matching(pattern, [release.version for release in releases])
    first, last = affected.get("first_version"), affected.get("last_version")
    return [r.version for r in releases if _not_before(r, first) and _not_after(r, last)]


def _not_before(release: Versioned, first: str | None) -> bool:
    bound = _bound(release, first)
    return first is None or release.version == first or (bound is not None and release.sort_key >= bound)


def _not_after(release: Versioned, last: str | None) -> bool:
    bound = _bound(release, last)
    return last is None or release.version == last or (bound is not None and release.sort_key <= bound)


def _bound(release: Versioned, version: str | None) -> str | None:
    """The bound's key in the release's scheme; a bound that is no version there bounds nothing but itself."""
    try:
        return None if version is None else sort_key(version, release.version_scheme)
    except InvalidVersion:
        return None


def judge_advisories(
    documents: list[tuple[int, AdvisoryDocument]], outcome: Outcome
) -> list[tuple[int, AdvisoryDocument]]:
    """Those whose patterns can be used, the others refused; no database here, and long for many patterns."""
    tried: set[str] = set()
    return [(index, document) for index, document in documents if not _refuses(index, document, outcome, tried)]


def _refuses(index: int, document: AdvisoryDocument, outcome: Outcome, tried: set[str]) -> bool:
    """A pattern that cannot be used is kept beside bounds, which then decide; alone it would say nothing."""
    refused = False
    for place, affected in enumerate(document.ranges):
        fault = None if affected.pattern is None else _fault(affected, affected.pattern, tried)
        if fault is not None:
            outcome.refuse(index, f"/advisories/{index}/ranges/{place}/pattern", *fault, document)
            refused = True
    return refused


def _fault(affected: AffectedRange, pattern: str, tried: set[str]) -> tuple[str, str] | None:
    if pattern not in tried and len(tried) == MOST_PATTERNS:
        return "too_many_patterns", f"The batch has over {MOST_PATTERNS} different patterns. Send this item in another."
    tried.add(pattern)
    if affected.first_version is not None or affected.last_version is not None or is_usable(pattern):
        return None
    return "invalid_pattern", UNUSABLE


async def apply_advisories(work: UnitOfWork, documents: list[tuple[int, AdvisoryDocument]], outcome: Outcome) -> None:
    """Upsert a batch of advisories; identical ones write nothing.

    Of two for one subject in a batch the later stands.
    """
    store = work.repository(CatalogueStore)
    await store.take_turn()
    scope = work.principal.scope
    documents = within_reach(scope, documents, _subject, outcome, "/advisories/{index}/subject_ref")
    stored = await store.own_advisories([document.external_id for _, document in documents])
    plugins = await store.linked_ids([d.subject_ref for _, d in documents if d.subject_kind == "plugin"])
    fresh: dict[UUID, Record] = {}
    changed: dict[UUID, tuple[Record, Record]] = {}
    now = utcnow()
    for _, document in documents:
        key = (document.external_id, document.subject_kind, document.subject_ref)
        wanted = _row(document, plugins)
        row = stored.get(key)
        if row is None:
            stored[key] = row = {**_identity(work, document, now), **wanted}
            fresh[row["id"]] = row
            outcome.created += 1
        elif any(row[name] != wanted[name] for name in COLUMNS):
            if row["id"] not in fresh:
                changed.setdefault(row["id"], (dict(row), row))
            row |= wanted
            outcome.updated += 1
        else:
            outcome.unchanged += 1
    await store.insert(Advisory, list(fresh.values()))
    await store.update(Advisory, [row for _, row in changed.values()], COLUMNS)
    for before, after in changed.values():
        _record(work, before, after)
    await _publish(work, fresh.values(), "advisory.published")
    await _publish(work, [row for _, row in changed.values()], "advisory.updated")


def _subject(document: AdvisoryDocument) -> str:
    """What it is about, as reach is asked; a host product is in no namespace, so it needs the whole tenant."""
    return document.subject_ref if document.subject_kind == "plugin" else f"the {document.subject_kind}"


def _record(work: UnitOfWork, before: Record, after: Record) -> None:
    """What changed of an advisory, field by field; new ones are told by their batch."""
    facts = {"external_id": after["external_id"], "subject": f"{after['subject_kind']}:{after['subject_ref']}"}
    was, now = ({name: side[name] for name in COLUMNS} for side in (before, after))
    work.audit("advisory.changed", f"advisory:{after['id']}", facts, before=was, after=now)


def _row(document: AdvisoryDocument, plugins: Mapping[str, UUID]) -> Record:
    ranges = [affected.model_dump(exclude_none=True) for affected in document.ranges]
    return {
        "plugin_id": plugins.get(document.subject_ref) if document.subject_kind == "plugin" else None,
        "summary": document.summary,
        "url": document.url,
        "severity": document.severity,
        "ranges": ranges,
        "unfixed": any("last_version" not in affected for affected in ranges),
        "published_at": document.published_at,
    }


def _identity(work: UnitOfWork, document: AdvisoryDocument, now: datetime) -> Record:
    named = {
        "external_id": document.external_id,
        "subject_kind": document.subject_kind,
        "subject_ref": document.subject_ref,
    }
    return {"id": new_id(), "tenant_id": work.principal.tenant_id, "recorded_at": now, **named}


async def _publish(work: UnitOfWork, rows: Collection[Record], event: str) -> None:
    operator_id = work.principal.scope.operator_id
    known = [row["plugin_id"] for row in rows if row["plugin_id"] is not None]
    seen = await work.repository(CatalogueStore).visibilities(known)
    for row in rows:
        visibility = "public" if row["plugin_id"] is None else seen[row["plugin_id"]]
        public = is_public(row["tenant_id"], operator_id, visibility)
        told = advisory_row(row)
        work.publish("advisories", "upsert", row["id"], told, tenant_id=row["tenant_id"], public=public, event=event)
