"""What every route shares: known parameters only, bodies of known size and encoding, strict JSON, declared problems."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from difflib import get_close_matches
from typing import Any

import orjson
import zstandard
from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from registry_api.access import admit
from registry_api.problems import (
    FieldError,
    InvalidRequest,
    NotFound,
    ProblemDocument,
    TooLarge,
    TruncatedBody,
    UnsupportedMedia,
)

JSON_BODY_BYTES = 8 * 1024 * 1024
"""Largest JSON body of ordinary routes, unpacked. Columnar routes read their own, up to `settings.max_body_bytes`."""

PUBLIC_BODY_BYTES = 64 * 1024
"""Largest body of routes that need no token, unpacked."""

MOST_MEMBERS = 1_000
"""Gzip members or zstd frames in one body."""

SECURITY_SCHEME = "token"
"""Name of the bearer scheme in the API document."""

ENCODINGS = ("identity", "gzip", "zstd")
PIECE = 1 << 18


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body, unpacked per Content-Encoding; never holds more than `limit` bytes of either form.

    Raises `TooLarge` as soon as the limit is passed, `TruncatedBody` when the packed form breaks off or is damaged,
    `UnsupportedMedia` for other encodings.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ENCODINGS:
        raise UnsupportedMedia(f"Content-Encoding {encoding!r} is not read; send {', '.join(ENCODINGS)}.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = _Body(_UNPACKERS[encoding](), limit)
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
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        """Any end is a right end."""


class _Gzip:
    """Also reads several members one after the other, as RFC 1952 allows."""

    def __init__(self) -> None:
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
    def __init__(self) -> None:
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
            # A small input piece bounds what one call can unpack: zstd has no output limit here.
            part = chunk[position : position + 1024]
            try:
                yield self.frame.decompress(part)
            except zstandard.ZstdError as error:
                raise TruncatedBody(f"The zstd body is damaged: {error}.") from error
            position += len(part) - len((self.frame.eof and self.frame.unused_data) or b"")

    def finish(self) -> None:
        if not self.started or not self.frame.eof:
            raise TruncatedBody("The zstd body breaks off before its end; send it again whole.")


_UNPACKERS: dict[str, Callable[[], _Identity | _Gzip | _Zstd]] = {"identity": _Identity, "gzip": _Gzip, "zstd": _Zstd}


class StrictRequest(Request):
    """A request whose JSON body is unpacked, limited and strict: UTF-8, no NaN, no duplicate surprises of a lenient
    parser.
    """

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


class StrictRoute(APIRoute):
    """A route that refuses unknown query parameters, and bodies that are not JSON where JSON is due."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.required_scope = next(_scopes(self.dependant), None)
        if self.required_scope is not None:
            described = {"security": [{SECURITY_SCHEME: []}], "x-required-scope": self.required_scope}
            self.openapi_extra = {**described, **(self.openapi_extra or {})}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the shared checks."""
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))

        async def checked(request: Request) -> Response:
            _refuse_nul(request)
            _refuse_unknown(request, known)
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await self._prepare_body(strict)
            return await handle(strict)

        return checked

    async def _prepare_body(self, request: StrictRequest) -> None:
        """The framework reads the body before any dependency runs, so who may send one is asked here."""
        _require_json(request)
        if self.required_scope is None:
            request.limit = PUBLIC_BODY_BYTES
        else:
            await admit(request, self.required_scope)


def _scopes(dependant: Dependant) -> Iterator[str]:
    for dependency in dependant.dependencies:
        scope = getattr(dependency.call, "required_scope", None)
        if scope is not None:
            yield scope
        yield from _scopes(dependency)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (info.alias or name for name, info in model.model_fields.items())
        else:
            yield field.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def _refuse_nul(request: Request) -> None:
    """PostgreSQL has no text with NUL, so nothing of that name can exist."""
    if "\0" in request.scope["path"]:
        raise NotFound("No path has a NUL character.")
    faulty = [name for name, value in request.query_params.multi_items() if "\0" in name + value]
    if faulty:
        detail = "A parameter must not have a NUL character."
        raise InvalidRequest(detail, errors=[FieldError(name[:200], "nul_character", detail) for name in faulty])


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    unknown = [_unknown(name, known) for name in request.query_params if name not in known]
    if unknown:
        raise InvalidRequest(unknown[0].detail, errors=unknown)


def _unknown(name: str, known: frozenset[str]) -> FieldError:
    return FieldError(
        name[:200], "unknown_parameter", f"There is no query parameter {name[:200]!r}. {suggestion(name, known)}"
    )


def suggestion(name: str, known: frozenset[str] | set[str]) -> str:
    """A hint at the right name among the known ones."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known are: {', '.join(sorted(known))}." if known else "None is known here."


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia(f"Send the body as Content-Type: application/json, not {kind or 'nothing'}.")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: _problem("The request is not valid; `errors` names each field."),
    401: _problem("No valid token."),
    403: _problem("The token lacks the scope, or the tenant is suspended."),
    404: _problem("No such thing in this tenant."),
    "default": _problem("Any other problem."),
}


def problems(**described: str) -> dict[int | str, dict[str, Any]]:
    """More problem answers of a route: `problems(conflict="The slug is taken.")`."""
    return {_STATUS[name]: _problem(text) for name, text in described.items()}


_STATUS: dict[str, int | str] = {
    "not_acceptable": 406,
    "conflict": 409,
    "stale": 412,
    "too_large": 413,
    "unsupported": 415,
    "unprocessable": 422,
    "revision_required": 428,
    "unavailable": 503,
}


def api_router(tag: str, prefix: str = "/v1") -> APIRouter:
    """A router whose routes share the checks and problem answers; all routes are made on one of these."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=StrictRoute, responses=PROBLEM_RESPONSES)
