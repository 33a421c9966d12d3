"""When a request is sent again, and how long is waited before."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from patchbay.core.client.errors import code_of, problem_of
from patchbay.core.client.uploads import Upload

_NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BUSY = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 60.0
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True)
class Patience:
    """How often a call is repeated, the seconds one exchange may take, and those of the call with all waits, if any."""

    retries: int
    timeout: float
    deadline: float | None


@dataclass
class Attempts:
    """The attempts at one call. What is not repeatable is sent again only when it surely had no effect."""

    patience: Patience
    repeatable: bool
    made: int = 0
    begun: float = field(default_factory=time.monotonic)

    @classmethod
    def at(
        cls, patience: Patience, method: str, headers: Mapping[str, str], body: bytes | Upload | None = None
    ) -> "Attempts":
        """Attempts at a request that may be sent twice when its method says so (RFC 9110 §9.2.2) or it has a key.

        One with If-Match may not: it would be refused for the change that it made itself. A body that cannot be read twice
        is sent once.
        """
        patience = replace(patience, retries=0) if isinstance(body, Upload) and not body.repeatable else patience
        names = {name.lower() for name in headers}
        return cls(patience, "if-match" not in names and (method in _REPEATABLE or "idempotency-key" in names))

    def timeout(self) -> float:
        """Seconds the next exchange may take."""
        return min(self.patience.timeout, max(self._left(), 0.001))

    def wait_after_error(self, error: httpx.TransportError) -> float | None:
        """Seconds to wait before the request is sent again; None to give up."""
        return self._wait(None) if self.repeatable or isinstance(error, _NEVER_ARRIVED) else None

    def wait_after(self, response: httpx.Response) -> float | None:
        """The same after an answer; the server's own time goes before ours."""
        status = response.status_code
        # A refusal by the limiter, and the first of two equal requests being under way, say that nothing was done.
        refused = status == 429 or (status == 409 and _is_in_flight(response))
        return self._wait(_retry_after(response)) if refused or (status in _BUSY and self.repeatable) else None

    def _wait(self, asked: float | None) -> float | None:
        wait = _backoff(self.made) if asked is None else asked
        self.made += 1
        return wait if self.made <= self.patience.retries and wait < self._left() else None

    def _left(self) -> float:
        deadline = self.patience.deadline
        return float("inf") if deadline is None else self.begun + deadline - time.monotonic()


def _is_in_flight(response: httpx.Response) -> bool:
    return response.is_stream_consumed and code_of(problem_of(response)) == "idempotency_key_in_flight"


def _backoff(attempt: int) -> float:
    """Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) from 0.2 s up to 10 s."""
    return random.uniform(0.02, min(10.0, 0.2 * 2**attempt))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait, at most a minute; None when it does not say (RFC 9110 §10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(float(value), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # as "-0000" is read, which says UTC
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
