"""What every group of calls is built on."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import orjson

from patchbay.core.client.paths import entity_tag
from patchbay.core.client.results import BatchResult
from patchbay.core.client.synchronous.transport import Transport
from patchbay.core.client.uploads import OnProgress, batch

JSON = {"Content-Type": "application/json"}
LARGEST_PAGE = 500
Document = Mapping[str, Any]
T = TypeVar("T")


class Calls:
    """Plain calls on paths below `/v1`, for routes without a method of their own, and what methods are made of."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def get(self, path: str, /, **params: Any) -> Any:
        """GET; parameters that are None are left out."""
        return self._transport.json("GET", path, params=params)

    def pages(self, path: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, fetched page by page while it is read; nothing when the list is empty."""
        cursor: str | None = None
        while True:
            page = self.get(path, **params, cursor=cursor)
            for item in page["items"]:
                yield item
            cursor = page["next"]
            if cursor is None:
                return

    def post(self, path: str, document: Document, /, **headers: str) -> Any:
        """POST a JSON document; header names are given with underscores. It is repeated when `Idempotency_Key` is given."""
        return self._write("POST", path, document, _dashed(headers))

    def patch(self, path: str, document: Document, /, **headers: str) -> Any:
        """PATCH with a JSON document."""
        return self._write("PATCH", path, document, _dashed(headers))

    def delete(self, path: str, /, **params: Any) -> Any:
        """DELETE."""
        return self._transport.json("DELETE", path, params=params)

    def _read(self, kind: type[T], path: str, /, **params: Any) -> T:
        """A document of a kind."""
        document: T = self.get(path, **params)
        return document

    def _list(self, kind: type[T], path: str, /, **params: Any) -> Iterator[T]:
        """The documents of a list, in pages as large as may be unless a limit is given."""
        for item in self.pages(path, **({"limit": LARGEST_PAGE} | params)):
            document: Any = item
            yield document

    def _make(self, kind: type[T], path: str, document: Document | None = None) -> T:
        """POST with a key of its own, so that it is made once however often it is sent; the document that it answers."""
        key = self._transport.key or str(uuid4())
        answer: T = self._write("POST", path, document, {"Idempotency-Key": key})
        return answer

    def _ask(self, kind: type[T], path: str, document: Document | None = None) -> T:
        """POST to a route that takes no key: it is not repeated once it may have arrived."""
        answer: T = self._write("POST", path, document, {})
        return answer

    def _put(self, kind: type[T], path: str, document: Document | None = None) -> T:
        """PUT the whole of something."""
        answer: T = self._write("PUT", path, document, {})
        return answer

    def _put_revised(self, kind: type[T], path: str, document: Document, if_match: str | int | None) -> T:
        """PUT what has a revision, or nothing yet; sent again it would be refused for what it made itself."""
        headers = {} if if_match is None else {"If-Match": entity_tag(if_match)}
        answer: T = self._write("PUT", path, document, headers, once=True)
        return answer

    def _change(self, kind: type[T], path: str, changes: Document, if_match: str | int | None) -> T:
        """PATCH what has a revision; without one, as it stands now."""
        tag = (self._transport.send("GET", path)).headers["ETag"] if if_match is None else entity_tag(if_match)
        answer: T = self._write("PATCH", path, changes, {"If-Match": tag})
        return answer

    def _write(
        self, method: str, path: str, document: Document | None, headers: Mapping[str, str], *, once: bool = False
    ) -> Any:
        if document is None:
            return self._transport.json(method, path, headers=headers, once=once)
        sent, body = JSON | dict(headers), orjson.dumps(document)
        return self._transport.json(method, path, body=body, headers=sent, once=once)

    def _post_items(self, path: str, field: str, items: Sequence[Document], batch_id: str | None) -> BatchResult:
        body = orjson.dumps({field: items}, option=orjson.OPT_SORT_KEYS)
        key = batch_id or f"sha256:{hashlib.sha256(body).hexdigest()}"
        answer = self._transport.json("POST", path, body=body, headers=JSON | {"Idempotency-Key": key})
        return BatchResult.parse(answer)

    def _post_rows(
        self, path: str, batch_id: str, rows: Any, content_type: str, progress: OnProgress | None
    ) -> BatchResult:
        body, headers = batch(rows, content_type, progress)
        answer = self._transport.json("POST", path, body=body, headers=headers | {"Idempotency-Key": batch_id})
        return BatchResult.parse(answer)


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


# Made by `make client` from patchbay/core/client/asynchronous/calls.py; edit that.
