"""What is kept of earlier requests, in this process and within bounds."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from registry_api.cache.basis import Admission, Revision
from registry_api.http import StrictRoute

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MEGABYTE = 1024 * 1024
LARGEST_SHARE = 16
"""No single answer takes more than this part of the memory."""

OVERHEAD = 1000
"""Bytes that an answer takes beside its own: keys, headers and the objects around them."""

MOST_CALLERS = 10_000


class Place(NamedTuple):
    """Which answer it is. Whoever may read it in the tenant reads the same bytes."""

    tenant_id: UUID
    path: str
    query: bytes
    encoding: str | None
    known: bytes | None
    """If-None-Match, on which it depends whether the answer has a body."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer as it left the application: without what is of one request only."""

    revision: Revision
    until: datetime | None
    scopes: frozenset[str]
    route: StrictRoute
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Bounded(Generic[K, V]):
    """A mapping that forgets what was longest not asked for once its values weigh more than `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.weight = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is kept under a key."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep a value in the place of the former one."""
        self.drop(key)
        self._values[key] = (value, weight)
        self.weight += weight
        while self.weight > self.most:
            self.drop(next(iter(self._values)))

    def drop(self, key: K) -> None:
        """Forget a key."""
        found = self._values.pop(key, None)
        self.weight -= 0 if found is None else found[1]


class Kept:
    """Answers and callers. Secrets are known by their digests only."""

    def __init__(self, megabytes: int) -> None:
        self.documents: Bounded[Place, Document] = Bounded(megabytes * MEGABYTE)
        self.callers: Bounded[bytes, Admission] = Bounded(MOST_CALLERS)

    def keep(self, digest: bytes, admission: Admission, place: Place, document: Document) -> None:
        """Keep who asked, and the answer unless it is too large."""
        self.callers.put(digest, admission, 1)
        asked = len(place.path) + len(place.query) + len(place.known or b"")
        told = len(document.body) + sum(len(name) + len(value) for name, value in document.headers)
        weight = OVERHEAD + asked + told
        if weight <= self.documents.most // LARGEST_SHARE:
            self.documents.put(place, document, weight)
