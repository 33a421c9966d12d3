"""What every group of calls is built on."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from patchbay.core.client.results import BatchResult
from patchbay.core.client.transport import Transport

_JSON = {"Content-Type": "application/json"}
Document = Mapping[str, Any]


class Calls:
    """Plain calls on paths below `/v1`, for routes without a method of their own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def get(self, path: str, **params: Any) -> Any:
        """GET; parameters that are None are left out."""
        return self._transport.json("GET", path, params=params)

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, fetched page by page while it is read; nothing when the list is empty."""
        cursor: str | None = None
        while True:
            page = self.get(path, **params, cursor=cursor)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def post(self, path: str, document: Document, **headers: str) -> Any:
        """POST a JSON document; header names are given with underscores, as in `Idempotency_Key`."""
        return self._write("POST", path, document, headers)

    def patch(self, path: str, document: Document, **headers: str) -> Any:
        """PATCH with a JSON document."""
        return self._write("PATCH", path, document, headers)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE."""
        return self._transport.json("DELETE", path, params=params)

    def _write(self, method: str, path: str, document: Document, headers: Mapping[str, str]) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._transport.json(method, path, body=orjson.dumps(document), headers=_JSON | named)

    def _post_items(self, path: str, field: str, items: Sequence[Document], batch_id: str | None) -> BatchResult:
        body = orjson.dumps({field: items}, option=orjson.OPT_SORT_KEYS)
        key = batch_id or f"sha256:{hashlib.sha256(body).hexdigest()}"
        answer = self._transport.json("POST", path, body=body, headers=_JSON | {"Idempotency-Key": key})
        return BatchResult.parse(answer)


def segment(value: str) -> str:
    """A value as one part of a path."""
    return quote(value, safe=":")
