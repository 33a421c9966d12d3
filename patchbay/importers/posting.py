"""Items on their way to the API: gathered into batches, and every refusal traced back to its place in the source."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from patchbay.core.client import BatchResult, Client, Reject
from patchbay.importers.report import Report, Where

Document = Mapping[str, Any]
Post = Callable[[Sequence[Document], str], BatchResult]

_SHOWN_REJECTS = 100
_BATCH_BYTES = 2 * 1024 * 1024


class BatchKeys:
    """Idempotency keys made of content, so that a rerun is replayed and changes nothing.

    What the registry does not know yet is part of the key: once it knows more, the same rows are judged anew. With
    `again` every batch is judged anew.
    """

    def __init__(self, importer: str, *, again: bool = False) -> None:
        self._importer = importer
        self._salt = secrets.token_hex(8) if again else ""

    def of(self, content: bytes, unknown: frozenset[str] = frozenset()) -> str:
        """The key of a batch with that content, of which the registry does not know these names."""
        digest = hashlib.sha256(content)
        digest.update("\n".join([self._salt, *sorted(unknown)]).encode())
        return f"{self._importer}-{digest.hexdigest()}"


def posting(post: Callable[..., BatchResult]) -> Post:
    """A client's batch method as an `Outbox` calls it."""
    return lambda items, batch_id: post(items, batch_id=batch_id)


class Outbox:
    """Posts documents of one kind in batches of at most `size` items and about two megabytes, in the order given."""

    def __init__(self, kind: str, post: Post, size: int, keys: BatchKeys, client: Client, report: Report) -> None:
        self.kind = kind
        self._post, self._size, self._keys, self._client, self._report = post, size, keys, client, report
        self._items: list[Document] = []
        self._places: list[Where] = []
        self._bytes = 0

    def add(self, item: Document, where: Where) -> None:
        """Queue one item; posts when a batch is full."""
        self._items.append(item)
        self._places.append(where)
        self._bytes += len(orjson.dumps(item))
        if len(self._items) >= self._size or self._bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Post what is queued; nothing happens when nothing is."""
        if not self._items:
            return
        content = orjson.dumps(self._items, option=orjson.OPT_SORT_KEYS)
        result = self._post(self._items, self._keys.of(content, self.unknown(self._items)))
        self._report.tally(self.kind).add(result, events=self.kind == "observations")
        self.taken(self._items, result, note_rejects(self._client, self._report, self.kind, result, self._places))
        self._items, self._places, self._bytes = [], [], 0

    def unknown(self, items: Sequence[Document]) -> frozenset[str]:
        """Names in the items that the registry does not know; for kinds whose rows are refused for that."""
        return frozenset()

    def taken(self, items: Sequence[Document], result: BatchResult, rejects: Sequence[Reject]) -> None:
        """Called after each batch with all its refusals."""


def note_rejects(
    client: Client, report: Report, kind: str, result: BatchResult, places: Sequence[Where]
) -> Sequence[Reject]:
    """Put every refused row of a batch into the report with its place in the source; gives them all."""
    rejects: Sequence[Reject] = result.rejects
    if len(rejects) >= _SHOWN_REJECTS:
        rejects = list(client.rejects(result.batch_id))
    for reject in rejects:
        reason = f"{reject.field}: {reject.reason}" if reject.field else reject.reason
        report.note_reject(kind, places[reject.row_index], reject.code, reason)
    return rejects


def known_plugins(client: Client, namespace: str) -> frozenset[str]:
    """The refs of every plugin of a namespace that the registry knows."""
    return frozenset(f"{plugin['namespace']}:{plugin['name']}" for plugin in client.plugins(namespace=namespace))
