"""Conditions per RFC 9110 §13: reads that answer 304 when nothing changed, updates that are refused when something did."""

import hashlib
from typing import Annotated, Any

from fastapi import Header, Request, Response

from registry_api.problems import PreconditionFailed, PreconditionRequired

REQUIRED: dict[str, Any] = {"x-required": True}
"""Says in the API document that a header is required which the code finds missing by itself, with a problem of its own."""

IfMatch = Annotated[
    str | None,
    Header(description="The ETag as read, or `*` to overwrite whatever is there.", json_schema_extra=REQUIRED),
]
IfMatchOfOld = Annotated[str | None, Header(alias="If-Match", description="The ETag as read; for what is new, none.")]
"""For a PUT that also makes things."""

REVISED = {
    "stale": "The thing has changed since it was read.",
    "revision_required": "Send If-Match with the ETag you read.",
}
"""The problems of routes that take `IfMatch`, for `problems(**REVISED)`."""

SEPARATOR = "-"
DIGEST_BYTES = 9
NOT_MODIFIED = 304
FOR_CONTENT = frozenset({"content-length", "content-type"})


def require_headers(document: dict[str, Any]) -> None:
    """Let the API document say `required` of the parameters that are marked so."""
    for operation in (each for path in document["paths"].values() for each in path.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["schema"].pop("x-required", False):
                parameter["required"] = True


def revision_tag(revision: int) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'


def require_revision(if_match: str | None, revision: int) -> None:
    """Raises `PreconditionRequired` without If-Match, `PreconditionFailed` unless it names the revision."""
    if if_match is None:
        raise PreconditionRequired('Send If-Match with the ETag you read, such as If-Match: "3".')
    revisions = {tag.split(SEPARATOR)[0] for tag in _tags(if_match)}
    if not revisions & {"*", str(revision)}:
        raise PreconditionFailed(f"It is at revision {revision}. Read it again and repeat the change.")


def conditional(request: Request, response: Response) -> Response:
    """The answer to a read with its ETag and its links, or 304 where If-None-Match names it.

    A page's tag is weak, for it says that the page reads the same. That of a thing with a revision is the revision and a digest:
    If-Match looks at the former only, since a thing can read differently (by a new release) without being changed itself.
    """
    if request.method != "GET" or response.status_code != 200 or not isinstance(getattr(response, "body", None), bytes):
        return response  # an error, or a stream, whose end is not known yet
    links: str | None = getattr(request.state, "links", None)
    if links:
        response.headers["Link"] = links
    if response.headers.get("content-type") == "application/json":
        response.headers["ETag"] = _tag(response, weak=links is not None)
    tag, known = response.headers.get("etag"), request.headers.get("if-none-match")
    if tag is None or known is None or not _tags(known) & {"*", *_tags(tag)}:
        return response
    kept = {name: value for name, value in response.headers.items() if name not in FOR_CONTENT}
    if f"W/{tag}" in known:
        kept["etag"] = f"W/{tag}"  # the caller holds the packed form
    return Response(status_code=NOT_MODIFIED, headers=kept)


def _tag(response: Response, weak: bool) -> str:
    digest = hashlib.blake2b(bytes(response.body), digest_size=DIGEST_BYTES).hexdigest()
    revision = response.headers.get("etag", "").strip('"')
    value = f"{revision}{SEPARATOR}{digest}" if revision else digest
    return f'W/"{value}"' if weak else f'"{value}"'


def _tags(header: str) -> set[str]:
    """The tags without quotes and weakness, which a layer that packs the answer may add."""
    return {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
