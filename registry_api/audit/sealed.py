"""Whether the sealed values of a chain can be opened, and if not, whether a record says why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from sqlalchemy import Row

from registry_api.audit.personal import KEYS_SHREDDED, opened, sealed_in
from registry_api.audit.repository import AuditLog

TENANT_DELETED = "tenant.deleted"
"""With a tenant go the keys of everybody in its records."""


@dataclass(frozen=True, slots=True)
class Wiped:
    """Somebody whose values cannot be opened, and the first position of one."""

    subject: str
    at: int


@dataclass(slots=True)
class SealedValues:
    """Those of one chain, looked at stretch by stretch from its beginning."""

    log: AuditLog
    keys: dict[str, bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    shut: dict[str, int] = field(default_factory=dict)
    """The first position of a value that cannot be opened, by person."""
    lawful: set[str] = field(default_factory=set)
    is_deleted: bool = False

    async def look_at(self, rows: Sequence[Row[Any]]) -> None:
        """Try the values of the next records, and note what is told of erasures."""
        found = await anyio.to_thread.run_sync(_sealed_of, rows)
        fresh = {value["of"] for _, value in found} - self.known
        self.known |= fresh
        self.keys |= await self.log.person_keys(fresh, whole=False)
        await anyio.to_thread.run_sync(self._try, found)
        for row in rows:
            if row.action == KEYS_SHREDDED:
                self.lawful |= _persons_in(row.canonical)
            self.is_deleted |= row.action == TENANT_DELETED

    async def wiped(self) -> Wiped | None:
        """The first whose values cannot be opened though no record says that they were erased; call it after the last record."""
        left = {} if self.is_deleted else {of: at for of, at in self.shut.items() if of not in self.lawful}
        if left:
            for canonical in await self.log.shreddings():
                left = {of: at for of, at in left.items() if of not in _persons_in(canonical)}
        return min((Wiped(of, at) for of, at in left.items()), key=lambda one: one.at, default=None)

    def _try(self, found: list[tuple[int, dict[str, str]]]) -> None:
        for position, value in found:
            of = value["of"]
            if of not in self.shut and opened(value, self.log.scope.tenant_id, self.keys.get(of)) is None:
                self.shut[of] = position


def _sealed_of(rows: Sequence[Row[Any]]) -> list[tuple[int, dict[str, str]]]:
    """Sealed values by position; bytes without the word in them are not parsed."""
    told = [row for row in rows if b'"sealed":' in row.canonical]
    return [(row.position, value) for row in told for value in sealed_in(orjson.loads(row.canonical))]


def _persons_in(canonical: bytes) -> set[str]:
    """Whose keys a record says were shredded; nobody's where somebody was at it."""
    try:
        return set(orjson.loads(canonical)["change"]["persons"])
    except (KeyError, TypeError, ValueError):
        return set()
