"""Whether the sealed values of a chain can be opened, and if not, whether a record says why."""

from dataclasses import dataclass, field
from typing import Any

import anyio

from registry_api.audit.personal import KEYS_SHREDDED, Opener, sealed_in
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
    noted: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Values that are still to be tried, each with the position of its record."""
    keys: dict[str, bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    shut: dict[str, int] = field(default_factory=dict)
    """The first position of a value that cannot be opened, by person."""
    lawful: set[str] = field(default_factory=set)
    is_deleted: bool = False

    def note(self, position: int, document: dict[str, Any]) -> None:
        """Note the sealed values of the next record, and whose erasure it tells of; takes time, and no look into the database."""
        self.noted += ((position, value) for value in sealed_in(document))
        if document["action"] == KEYS_SHREDDED:
            self.lawful |= _persons_in(document)
        self.is_deleted |= document["action"] == TENANT_DELETED

    async def try_noted(self) -> None:
        """Try to open the values that were noted since the last time."""
        fresh = {value["of"] for _, value in self.noted} - self.known
        self.known |= fresh
        self.keys |= await self.log.person_keys(fresh, whole=False)
        await anyio.to_thread.run_sync(self._try)

    def wiped(self) -> Wiped | None:
        """The first whose values cannot be opened though no record of the chain says that they were erased; call it after the
        last record.
        """
        if self.is_deleted:
            return None
        left = (Wiped(of, at) for of, at in self.shut.items() if of not in self.lawful)
        return min(left, key=lambda one: one.at, default=None)

    def _try(self) -> None:
        opener = Opener(self.log.scope.tenant_id, self.keys)
        for position, value in self.noted:
            if value["of"] not in self.shut and opener.open(value) is None:
                self.shut[value["of"]] = position
        self.noted.clear()


def _persons_in(document: dict[str, Any]) -> set[str]:
    """Whose keys a record says were shredded; nobody's where somebody was at it."""
    try:
        return set(document["change"]["persons"])
    except (KeyError, TypeError):
        return set()
