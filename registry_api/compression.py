"""Answers packed by gzip or zstd, as the caller accepts.

Only whole answers to GET: those to writes may hold a fresh secret beside words of the caller, from whose packed sizes the secret could
be guessed (BREACH). Files and Arrow streams are packed in themselves, streams would be held back.
"""

import asyncio
import gzip
from collections.abc import Callable
from functools import lru_cache

import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_MODIFIED = 304
SMALLEST = 1024
"""Bytes below which packing costs more than it saves."""

IN_THREAD = 256 * 1024
PACKABLE = ("application/json", "application/problem+json", "application/x-ndjson", "text/")


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=4, mtime=0)


PACKERS: dict[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "gzip": _gzip}
"""In the order we prefer."""


class Compression:
    """ASGI layer around the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI messages pass through."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        packing = _Packing(send, preferred(Headers(scope=scope).get("accept-encoding", "")))
        await self.app(scope, receive, packing.send)


class _Packing:
    """One answer: its head is held until its body tells whether it is whole."""

    def __init__(self, send: Send, encoding: str | None) -> None:
        self._send, self._encoding = send, encoding
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if message["status"] == NOT_MODIFIED:
                headers.add_vary_header("Accept-Encoding")
            if not headers.get("content-type", "").startswith(PACKABLE) or "content-encoding" in headers:
                await self._send(message)
                return
            headers.add_vary_header("Accept-Encoding")
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            message = await self._packed(start, message)
            await self._send(start)
        await self._send(message)

    async def _packed(self, start: Message, message: Message) -> Message:
        body = message.get("body", b"")
        if self._encoding is None or message.get("more_body", False) or len(body) < SMALLEST:
            return message
        pack = PACKERS[self._encoding]
        packed = pack(body) if len(body) < IN_THREAD else await asyncio.to_thread(pack, body)
        headers = MutableHeaders(raw=start["headers"])
        headers["Content-Encoding"] = self._encoding
        headers["Content-Length"] = str(len(packed))
        if headers.get("etag", "").startswith('"'):
            headers["ETag"] = f"W/{headers['etag']}"  # other bytes under the same strong tag would be wrong
        return {**message, "body": packed}


@lru_cache(maxsize=64)
def preferred(accepted: str) -> str | None:
    """The encoding an Accept-Encoding header wants most (RFC 9110 §12.5.3); None for none of ours."""
    weights = dict(_weighted(part) for part in accepted.lower().split(","))
    fallback = weights.get("*", 0.0)
    best = max(PACKERS, key=lambda name: weights.get(name, fallback))
    return best if weights.get(best, fallback) > 0 else None


def _weighted(part: str) -> tuple[str, float]:
    name, _, parameter = part.partition(";")
    key, _, value = parameter.strip().partition("=")
    try:
        return name.strip(), float(value) if key.strip() == "q" else 1.0
    except ValueError:
        return name.strip(), 0.0
