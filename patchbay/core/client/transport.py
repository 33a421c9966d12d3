"""One HTTP exchange with the registry: authorised, traced, and repeated when that is safe."""

import random
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx
import orjson

from patchbay.core.client.errors import ApiError, ApiUnreachable
from patchbay.core.telemetry import current_trace

_NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BUSY = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 60.0


class Transport:
    """Sends requests; `retries` is how often one is repeated, with exponential backoff and full jitter from 0.2 s."""

    def __init__(self, base_url: str, token: str | None, *, tenant: str | None, timeout: float, retries: int) -> None:
        headers = {"User-Agent": "patchbay-client", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._headers = headers | ({"Patchbay-Tenant": tenant} if tenant else {})
        self._retries = retries
        self._closing = threading.Event()
        # A proxy from the environment cannot reach this machine's own loopback.
        self._http = httpx.Client(base_url=base_url, timeout=timeout, trust_env=not _is_loopback(base_url))

    def acting_in(self, tenant: str) -> "Transport":
        """The same connections with another tenant named in every request."""
        other = Transport.__new__(Transport)
        other.__dict__.update(self.__dict__)
        other._headers = self._headers | {"Patchbay-Tenant": tenant}
        return other

    def close(self) -> None:
        """Close the connections; waits of other threads end at once."""
        self._closing.set()
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer, whatever 2xx it is; raises `ApiError` for any other status, `ApiUnreachable` for none."""
        sent = self._headers | _trace_headers() | dict(headers or {})
        repeatable = method in {"GET", "PUT", "DELETE"} or "Idempotency-Key" in sent
        given = {name: value for name, value in (params or {}).items() if value is not None}
        request = self._http.build_request(method, path, params=given, content=body, headers=sent)
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                if last or not (repeatable or isinstance(error, _NEVER_ARRIVED)):
                    raise ApiUnreachable(method, str(request.url), error) from error
                self._wait(_backoff(attempt))
                continue
            if last or response.status_code not in _BUSY or not (repeatable or response.status_code == 429):
                return _checked(response)
            self._wait(_retry_after(response) or _backoff(attempt))
        raise AssertionError("the last attempt returns or raises")

    def json(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer's JSON; None for an empty answer."""
        response = self.send(method, path, **arguments)
        return orjson.loads(response.content) if response.content else None

    def _wait(self, seconds: float) -> None:
        self._closing.wait(seconds)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": response.reason_phrase, "detail": response.text[:200]}
    raise ApiError(response.status_code, problem)


def _trace_headers() -> dict[str, str]:
    trace = current_trace()
    return {"traceparent": trace.child().traceparent} if trace else {}


def _backoff(attempt: int) -> float:
    return random.uniform(0.02, min(10.0, 0.2 * 2**attempt))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait, at most a minute; None when it does not say (RFC 9110 §10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(float(value), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
