"""Rules of advisories: batches of them, and which releases one hits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

import polars as pl

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.versions import InvalidVersion, sort_key
from registry_api.catalog.feed import advisory_row, is_public
from registry_api.catalog.models import Advisory
from registry_api.catalog.schemas import AdvisoryDocument
from registry_api.catalog.store import CatalogueStore, Record
from registry_api.db import UnitOfWork
from registry_api.intake.documents import Outcome

COLUMNS = ("plugin_id", "summary", "url", "severity", "ranges", "unfixed", "published_at")


class Versioned(Protocol):
    """A release as far as ranges look at it."""

    version: str
    version_scheme: str
    sort_key: str


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> str | None:
    """The pattern as one over the whole version, or None when the engine does not take it.

    The engine (Rust's regex) is linear in the text and bounds the size of a pattern, so a hostile one costs no time; it has no
    look-around and no back-references.
    """
    whole = rf"\A(?:{pattern})\z"
    try:
        # Alone too: `a)|(b` is an expression only inside the group.
        pl.Series([""]).str.contains(pattern)
        pl.Series([""]).str.contains(whole)
    except pl.exceptions.ComputeError:
        return None
    return whole


def affected_versions(ranges: Sequence[Mapping[str, Any]], releases: Sequence[Versioned]) -> list[str]:
    """Versions that some range holds, oldest first."""
    hit = {version for affected in ranges for version in _in_range(affected, releases)}
    ordered = sorted(releases, key=lambda release: release.sort_key)
    return [release.version for release in ordered if release.version in hit]


def _in_range(affected: Mapping[str, Any], releases: Sequence[Versioned]) -> list[str]:
    """By the pattern alone where there is one the engine takes, else by the bounds."""
    pattern = affected.get("pattern")
    whole = matcher(pattern) if pattern else None
    if whole is not None:
        versions = pl.Series([release.version for release in releases], dtype=pl.String)
        return versions.filter(versions.str.contains(whole)).to_list()
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


async def apply_advisories(work: UnitOfWork, documents: list[tuple[int, AdvisoryDocument]], outcome: Outcome) -> None:
    """Upsert a batch of advisories; identical ones write nothing.

    Of two for one subject in a batch the later stands.
    """
    store = work.repository(CatalogueStore)
    await store.take_turn()
    stored = await store.own_advisories([document.external_id for _, document in documents])
    plugins = await store.plugin_ids([d.subject_ref for _, d in documents if d.subject_kind == "plugin"])
    fresh: dict[UUID, Record] = {}
    changed: dict[UUID, Record] = {}
    now = utcnow()
    for index, document in documents:
        if _refuses_patterns(index, document, outcome):
            continue
        key = (document.external_id, document.subject_kind, document.subject_ref)
        wanted = _record(document, plugins)
        row = stored.get(key)
        if row is None:
            stored[key] = row = {**_identity(work, document, now), **wanted}
            fresh[row["id"]] = row
            outcome.created += 1
        elif any(row[name] != wanted[name] for name in COLUMNS):
            row |= wanted
            if row["id"] not in fresh:
                changed[row["id"]] = row
            outcome.updated += 1
        else:
            outcome.unchanged += 1
    await store.insert(Advisory, list(fresh.values()))
    await store.update(Advisory, list(changed.values()), COLUMNS)
    await _publish(work, [*fresh.values(), *changed.values()])


def _refuses_patterns(index: int, document: AdvisoryDocument, outcome: Outcome) -> bool:
    """A pattern the engine does not take is kept beside bounds, which then decide; alone it would say nothing."""
    refused = False
    for place, affected in enumerate(document.ranges):
        has_bounds = affected.first_version is not None or affected.last_version is not None
        if affected.pattern is not None and not has_bounds and matcher(affected.pattern) is None:
            where = f"/advisories/{index}/ranges/{place}/pattern"
            reason = "The pattern is no RE2 expression (no look-around, no back-references), and there are no bounds."
            outcome.refuse(index, where, "invalid_pattern", reason, document.model_dump(mode="json"))
            refused = True
    return refused


def _record(document: AdvisoryDocument, plugins: Mapping[str, UUID]) -> Record:
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


async def _publish(work: UnitOfWork, rows: Sequence[Record]) -> None:
    operator_id = work.principal.scope.operator_id
    known = [row["plugin_id"] for row in rows if row["plugin_id"] is not None]
    seen = await work.repository(CatalogueStore).visibilities(known)
    for row in rows:
        visibility = "public" if row["plugin_id"] is None else seen[row["plugin_id"]]
        public = is_public(row["tenant_id"], operator_id, visibility)
        work.publish("advisories", "upsert", row["id"], advisory_row(row), tenant_id=row["tenant_id"], public=public)
