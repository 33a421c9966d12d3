"""One HTTP exchange with the registry: authorised, traced, and repeated when that is safe."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import httpx
import orjson

from patchbay.core.client.errors import ApiUnreachable, checked
from patchbay.core.client.paths import is_loopback, query
from patchbay.core.client.pausing import Pause
from patchbay.core.client.retrying import Attempts, Patience
from patchbay.core.client.uploads import OnProgress, Upload
from patchbay.core.telemetry import current_trace


class Transport:
    """Sends requests over kept connections, as patiently as told."""

    def __init__(
        self,
        base_url: str,
        token: str | None,
        *,
        tenant: str | None,
        patience: Patience,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        own = {"User-Agent": "patchbay-client", "Accept": "application/json"}
        if token:
            own["Authorization"] = f"Bearer {token}"
        self._headers = dict(headers or {}) | own | ({"Patchbay-Tenant": tenant} if tenant else {})
        self._patience = patience
        self.key: str | None = None
        self._pause = Pause()
        # A proxy from the environment cannot reach this machine's own loopback.
        self._http = httpx.Client(base_url=base_url, trust_env=not is_loopback(httpx.URL(base_url).host))

    def acting_in(self, tenant: str) -> "Transport":
        """The same connections with another tenant named in every request."""
        other = copy.copy(self)
        other._headers = self._headers | {"Patchbay-Tenant": tenant}
        return other

    def keyed(self, key: str) -> "Transport":
        """The same connections with a key for the POSTs that take one."""
        other = copy.copy(self)
        other.key = key
        return other

    def close(self) -> None:
        """Close the connections; waits that go on end at once."""
        self._pause.end()
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: bytes | Upload | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> httpx.Response:
        """The answer, whatever 2xx it is; raises `ApiError` for any other status, `ApiUnreachable` for none.

        `once` is for what does not bear to arrive twice, though its method says so.
        """
        sent = self._headers | _trace_headers() | dict(headers or {})
        attempts = Attempts.at(self._patience, method, sent, body)
        attempts.repeatable = attempts.repeatable and not once
        while True:
            request = self._http.build_request(
                method,
                path,
                params=query(params or {}),
                content=_pieces(body) if isinstance(body, Upload) else body,
                headers=sent,
                timeout=attempts.timeout(),
            )
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                wait = attempts.wait_after_error(error)
                if wait is None:
                    raise ApiUnreachable(method, str(request.url), error) from error
            else:
                wait = attempts.wait_after(response)
                if wait is None:
                    return checked(response)
            self._pause.wait(wait)

    def download(self, path: str, sink: BinaryIO, progress: OnProgress | None = None) -> None:
        """Write an answer of any length into a binary file as it comes; once it has begun it is not repeated."""
        attempts = Attempts.at(self._patience, "GET", sent := self._headers | {"Accept": "*/*"} | _trace_headers())
        while True:
            try:
                with self._http.stream("GET", path, headers=sent, timeout=attempts.timeout()) as response:
                    if not response.is_success:
                        response.read()
                    wait = attempts.wait_after(response)
                    if wait is None:
                        attempts.repeatable = False
                        _pour(checked(response), sink, progress)
                        return
            except httpx.TransportError as error:
                wait = attempts.wait_after_error(error)
                if wait is None:
                    raise ApiUnreachable("GET", path, error) from error
            self._pause.wait(wait)

    def json(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer's JSON; None for an empty answer."""
        response = self.send(method, path, **arguments)
        return orjson.loads(response.content) if response.content else None


def _pieces(upload: Upload) -> Iterator[bytes]:
    """An upload's bytes; reading 64 KiB from a disk keeps nobody waiting for long."""
    for piece in upload.pieces():
        yield piece


def _pour(response: httpx.Response, sink: BinaryIO, progress: OnProgress | None) -> None:
    length = response.headers.get("Content-Length")
    total = int(length) if length and "Content-Encoding" not in response.headers else None
    done = 0
    for piece in response.iter_bytes():
        sink.write(piece)
        done += len(piece)
        if progress:
            progress(done, total)


def _trace_headers() -> dict[str, str]:
    trace = current_trace()
    return {"traceparent": trace.child().traceparent} if trace else {}


# Made by `make client` from patchbay/core/client/asynchronous/transport.py; edit that.
