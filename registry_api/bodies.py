"""Bodies of requests: of known size and encoding, unpacked as they come, and strict JSON."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson
import zstandard
from fastapi import Request
from starlette.requests import ClientDisconnect

from registry_api.problems import FieldError, InvalidRequest, TooLarge, TruncatedBody, UnsupportedMedia

JSON_BODY_BYTES = 8 * 1024 * 1024
"""Largest JSON body of ordinary routes, unpacked. Columnar routes read their own, up to `settings.max_body_bytes`."""

PUBLIC_BODY_BYTES = 64 * 1024
"""Largest body of routes that need no token, unpacked."""

MOST_MEMBERS = 1_000
"""Gzip members or zstd frames in one body."""

ENCODINGS = ("identity", "gzip", "zstd")
PIECE = 1 << 18


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body, unpacked per Content-Encoding; holds at most `limit` bytes of it, and one unpacked piece more.

    Raises `TooLarge` as soon as the limit is passed, `TruncatedBody` when the packed form breaks off or is damaged,
    `UnsupportedMedia` for other encodings.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ENCODINGS:
        raise UnsupportedMedia(f"Content-Encoding {encoding!r} is not read; send {', '.join(ENCODINGS)}.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = _Body(_UNPACKERS[encoding](limit), limit)
    async for chunk in _limited(request, limit):
        if encoding == "identity":
            body.add(chunk)
        else:
            await asyncio.to_thread(body.add, chunk)
    return body.whole()


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have {limit:,} bytes, also after unpacking. Send it in smaller batches.")


async def _limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            if chunk:
                yield chunk
    except ClientDisconnect as gone:
        raise TruncatedBody("The connection ended before the whole body had come.") from gone


class _Body:
    """A body as it is unpacked, piece by piece."""

    def __init__(self, unpacker: "_Identity | _Gzip | _Zstd", limit: int) -> None:
        self.unpacker, self.limit = unpacker, limit
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        for piece in self.unpacker.feed(chunk):
            self.size += len(piece)
            if self.size > self.limit:
                raise _too_large(self.limit)
            self.pieces.append(piece)

    def whole(self) -> bytes:
        self.unpacker.finish()
        return b"".join(self.pieces)


class _Members:
    """Counts the members or frames of a body: each costs far more to open than its few bytes cost to send."""

    def __init__(self) -> None:
        self.count = 0

    def another(self) -> None:
        self.count += 1
        if self.count > MOST_MEMBERS:
            detail = f"The packed body has more than {MOST_MEMBERS:,} members or frames; pack it as one."
            raise InvalidRequest(detail, errors=[FieldError("", "too_many_members", detail)])


class _Identity:
    def __init__(self, limit: int) -> None:
        """Nothing grows here."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        """Any end is a right end."""


class _Gzip:
    """Also reads several members one after the other, as RFC 1952 allows."""

    def __init__(self, limit: int) -> None:
        self.member = zlib.decompressobj(wbits=31)
        self.members = _Members()
        self.started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        data = chunk
        while data:
            if self.member.eof:
                self.members.another()
                self.member = zlib.decompressobj(wbits=31)
            self.started = True
            try:
                yield self.member.decompress(data, PIECE)
            except zlib.error as error:
                raise TruncatedBody(f"The gzip body is damaged: {error}.") from error
            data = self.member.unused_data if self.member.eof else self.member.unconsumed_tail

    def finish(self) -> None:
        if not self.started or not self.member.eof:
            raise TruncatedBody("The gzip body breaks off before its end; send it again whole.")


class _Zstd:
    def __init__(self, limit: int) -> None:
        # A small input piece bounds what one call can unpack: zstd has no output limit here, and four bytes may make 128 KiB.
        self.piece = min(1024, max(16, limit >> 12))
        self.decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self.frame = self.decompressor.decompressobj()
        self.frames = _Members()
        self.started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(chunk):
            if self.frame.eof:
                self.frames.another()
                self.frame = self.decompressor.decompressobj()
            self.started = True
            part = chunk[position : position + self.piece]
            try:
                yield self.frame.decompress(part)
            except zstandard.ZstdError as error:
                raise TruncatedBody(f"The zstd body is damaged: {error}.") from error
            position += len(part) - len((self.frame.eof and self.frame.unused_data) or b"")

    def finish(self) -> None:
        if not self.started or not self.frame.eof:
            raise TruncatedBody("The zstd body breaks off before its end; send it again whole.")


_UNPACKERS: dict[str, Callable[[int], _Identity | _Gzip | _Zstd]] = {
    "identity": _Identity,
    "gzip": _Gzip,
    "zstd": _Zstd,
}


class StrictRequest(Request):
    """A request whose JSON body is unpacked, limited and strict: UTF-8, and no NaN. Of a name twice in an object the last counts."""

    limit = JSON_BODY_BYTES

    async def body(self) -> bytes:
        """The unpacked body."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self, self.limit)
        return self._body

    async def json(self) -> Any:
        """The parsed body; raises `InvalidRequest` where it is not JSON."""
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


def parse_json(data: bytes) -> Any:
    """Parsed JSON per RFC 8259; raises `InvalidRequest` naming line and column of the first fault."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        code = "invalid_utf8" if "UTF-8" in error.msg or "utf-8" in error.msg else "malformed_json"
        detail = f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise InvalidRequest(detail, errors=[FieldError("", code, detail)]) from error
