"""The outermost layer of every request: its id, its trace, its log line, its figures, and an answer whatever
happens.
"""

import logging
import re
import time
from collections.abc import Iterator, Set
from http import HTTPMethod

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patchbay.core.ids import new_id
from patchbay.core.telemetry import bound, continue_trace
from registry_api.answers import problem_response
from registry_api.caller import bind_address
from registry_api.headers import always
from registry_api.limits.addresses import client_address
from registry_api.limits.policies import told
from registry_api.limits.service import LIMITS
from registry_api.problems import Problem
from registry_api.system.metrics import Metrics

METHODS = frozenset(HTTPMethod)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
log = logging.getLogger("registry_api.requests")


async def fault(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer where everything else failed; the trace stays in the log."""
    request_id = scope["state"]["request_id"]
    problem = Problem(f"The fault is ours and was logged. Quote request id {request_id} when you report it.")
    await problem_response(Request(scope), problem)(scope, receive, send)


class RequestContext:
    """ASGI layer around the application; what fails in there is answered by `fault`."""

    def __init__(self, app: ASGIApp, fault: ASGIApp, metrics: Metrics, trusted: tuple[str, ...] = ()) -> None:
        self.app, self.fault = app, fault
        self.trusted = trusted
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI messages pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Handling(self, scope, send).run(receive)


class _Handling:
    """One request on its way."""

    def __init__(self, layer: RequestContext, scope: Scope, send: Send) -> None:
        self.layer, self.scope, self._send = layer, scope, send
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        self.request_id = given if REQUEST_ID.match(given) else new_id().hex
        self.trace = continue_trace(headers.get(b"traceparent", b"").decode("latin-1"))
        self.status = 0
        self.started = time.perf_counter()

    async def run(self, receive: Receive) -> None:
        self.scope.setdefault("state", {})["request_id"] = self.request_id
        bind_address(client_address(self.scope, self.layer.trusted))
        with bound(self.trace, self.request_id):
            try:
                await self.layer.app(self.scope, receive, self.send)
            except Exception:
                log.exception("request failed", extra=self._fields())
                if self.status:
                    raise  # the answer has begun; only breaking it off tells the client that it is not whole
                await self.layer.fault(self.scope, receive, self.send)
            finally:
                self._account()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers({name for name, _ in message["headers"]})]
        await self._send(message)

    def _headers(self, given: Set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """What every answer has, as far as it was not given already."""
        state = self.scope["state"]
        yield b"x-request-id", self.request_id.encode("ascii")
        yield b"traceparent", self.trace.traceparent.encode("ascii")
        for name, value in (*state.get("answer_headers", {}).items(), *told(state.get(LIMITS, ())).items()):
            yield name.lower().encode("latin-1"), value.encode("latin-1")
        yield from (header for header in always(self.scope["method"]) if header[0] not in given)

    def _account(self) -> None:
        seconds = time.perf_counter() - self.started
        # Any word may come as a method, and each would be a metric of its own.
        method = self.scope["method"] if self.scope["method"] in METHODS else "other"
        self.layer.metrics.count_request(self._template(), method, self.status, seconds)
        log.info("request", extra={**self._fields(), "seconds": round(seconds, 6)})

    def _fields(self) -> dict[str, object]:
        return {"method": self.scope["method"], "route": self._template(), "status": self.status}

    def _template(self) -> str:
        return getattr(self.scope.get("route"), "path", "unmatched")
