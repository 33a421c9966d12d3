"""The chain of a tenant's records: how each is hashed, and the one loop that walks it."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from patchbay.core.audit.merkle import Frontier
from patchbay.core.clock import as_utc

GENESIS = bytes(32)
STAMP = len("2026-01-01T00:00:00.000000Z")


def link(previous: bytes, canonical: bytes) -> bytes:
    """The hash of a record that follows `previous`."""
    return sha256(previous + canonical).digest()


def stamp(moment: datetime) -> str:
    """A record's time: UTC with six decimals always, so that times sort as text."""
    return as_utc(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")


def opening(tenant: UUID | str, position: int) -> bytes:
    """How the bytes of a record begin: tenant and place, where they are found without parsing, then the time."""
    return b'{"tenant":"%s","position":%d,"at":"' % (str(tenant).encode(), position)


class Walker:
    """Walks one tenant's chain from its beginning: links, places, times, and the Merkle tree over the records."""

    def __init__(self, tenant: UUID | str) -> None:
        self.tenant = str(tenant)
        self.position, self.hash, self.at = 0, GENESIS, b""
        self.tree = Frontier()

    @classmethod
    def behind(cls, tenant: UUID | str, tree: Frontier, last: tuple[bytes, bytes]) -> "Walker":
        """One that goes on from a tree which others vouch for, behind its last record (bytes, hash)."""
        walker = cls(tenant)
        walker.position, walker.hash, walker.tree = tree.size, last[1], tree
        start = len(opening(tenant, tree.size))
        walker.at = last[0][start : start + STAMP]
        return walker

    def walk(self, rows: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Go over the next records (bytes, hash) and stand at the last good one; what is wrong with the one after it.

        None when all of them fit. The loop is spelled out, since a call for each hash would cost more than hashing.
        """
        position, previous, at, peaks = self.position, self.hash, self.at, self.tree.peaks
        begin = opening(self.tenant, 0).partition(b"0,")[0]
        fault: str | None = None
        for canonical, digest in rows:
            if sha256(previous + canonical).digest() != digest:
                fault = "its content is not what was hashed"
                break
            head = b'%s%d,"at":"' % (begin, position + 1)
            moment = canonical[len(head) : len(head) + STAMP]
            if not canonical.startswith(head) or moment < at:
                fault = _misplaced(canonical, begin, position + 1)
                break
            leaf, rest = sha256(b"\x00" + canonical).digest(), position
            while rest & 1:
                leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
                rest >>= 1
            peaks.append(leaf)
            position, previous, at = position + 1, digest, moment
        self.position, self.hash, self.at, self.tree.size = position, previous, at, position
        return fault


def _misplaced(canonical: bytes, begin: bytes, position: int) -> str:
    """Why a record that was hashed rightly does not stand rightly."""
    if not canonical.startswith(begin):
        return "it belongs to another tenant's chain"
    if not canonical.startswith(b'%s%d,"at":"' % (begin, position)):
        return f"it was not written as record {position}"
    return "its time is before that of the record before it"
