"""RFC 9457 problems: one type per meaning, each with a stable code."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

PROBLEM_BASE = "https://patchbay.dev/problems/"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in the input: where (JSON Pointer, header or parameter), a stable code, and how to mend it."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """The wire form."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class ProblemError(BaseModel):
    """One fault in the input."""

    pointer: str = Field(
        description="JSON Pointer into the body, or the name of a parameter or header; empty for the whole body."
    )
    code: str = Field(description="Stable code of this fault.")
    detail: str = Field(description="What is wrong and how to mend it.")


class ProblemDocument(BaseModel):
    """An RFC 9457 problem, as every error is answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": PROBLEM_BASE + "invalid_request",
                "title": "The request is not valid",
                "status": 400,
                "detail": "There is no query parameter 'limt'. Did you mean limit?",
                "request_id": "019a3f5e7c2b7d1e8f00c0ffee000001",
                "errors": [
                    {
                        "pointer": "limt",
                        "code": "unknown_parameter",
                        "detail": "There is no query parameter 'limt'. Did you mean limit?",
                    }
                ],
            }
        }
    )

    type: str = Field(description="Stable URI of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What is wrong here and how to mend it.")
    request_id: str = Field(description="Also in the X-Request-Id header and the logs.")
    errors: list[ProblemError]


class Problem(Exception):
    """An answer that is not a success.

    Subclasses fix status and code; `detail` says what is wrong here and how to mend it.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something failed on our side"

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """The problem document."""
        return {
            "type": PROBLEM_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
            "errors": [error.as_dict() for error in self.errors],
        }


def suggestion(name: str, known: frozenset[str] | set[str]) -> str:
    """A hint at the right name among the known ones."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known are: {', '.join(sorted(known))}." if known else "None is known here."


class InvalidRequest(Problem):
    """The request's form is wrong; `errors` names each field."""

    status, code, title = HTTPStatus.BAD_REQUEST, "invalid_request", "The request is not valid"


class TruncatedBody(Problem):
    """The body broke off, or its packed form is damaged."""

    status, code, title = HTTPStatus.BAD_REQUEST, "truncated_body", "The body did not arrive whole"


class Unauthenticated(Problem):
    """No token, or one that is unknown, expired or revoked."""

    status, code, title = HTTPStatus.UNAUTHORIZED, "unauthenticated", "A valid token is needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    """The caller is known but lacks the scope."""

    status, code, title = HTTPStatus.FORBIDDEN, "forbidden", "The token does not allow this"


class TenantSuspended(Problem):
    """A write in a suspended tenant."""

    status, code, title = HTTPStatus.FORBIDDEN, "tenant_suspended", "The tenant is suspended"


class NotFound(Problem):
    """No such thing, or not in this tenant: the two are not told apart."""

    status, code, title = HTTPStatus.NOT_FOUND, "not_found", "There is no such thing"


class MethodNotAllowed(Problem):
    """The path exists, the method on it does not."""

    status, code, title = HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not have this method"


class NotAcceptable(Problem):
    """Accept names no form we can answer in."""

    status, code, title = HTTPStatus.NOT_ACCEPTABLE, "not_acceptable", "We cannot answer in that form"


class Conflict(Problem):
    """The change contradicts what is stored."""

    status, code, title = HTTPStatus.CONFLICT, "conflict", "The change contradicts what is stored"


class PreconditionFailed(Problem):
    """If-Match names a revision that is no longer the current one."""

    status, code, title = HTTPStatus.PRECONDITION_FAILED, "stale_revision", "The thing has changed since it was read"


class PreconditionRequired(Problem):
    """An update came without If-Match."""

    status, code, title = (
        HTTPStatus.PRECONDITION_REQUIRED,
        "revision_required",
        "Send If-Match with the revision you read",
    )


class TooLarge(Problem):
    """The body, as sent or unpacked, is over the limit."""

    status, code, title = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is too large"


class UnsupportedMedia(Problem):
    """The content type or encoding is not one we read."""

    status, code, title = (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media",
        "The content type or encoding is not supported",
    )


class Unprocessable(Problem):
    """The form is right, the meaning is not."""

    status, code, title = HTTPStatus.UNPROCESSABLE_ENTITY, "unprocessable", "The request cannot be carried out"


class IdempotencyKeyReused(Unprocessable):
    """The same idempotency key came with other content."""

    code, title = "idempotency_key_reused", "This idempotency key was used for other content"


class Unavailable(Problem):
    """A part we need is away for now."""

    status, code, title = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "A part of the service is away for now"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), retry_after: int = 5) -> None:
        super().__init__(detail, errors=errors, headers={"Retry-After": str(retry_after)})
