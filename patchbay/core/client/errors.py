"""What a caller of the registry may have to handle."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import httpx

_REMEDIES = {
    "stale_revision": "read it again and repeat the change on what it says now",
    "revision_required": "give if_match, the revision or ETag that was read",
}
"""What to do about a refusal that the client's own arguments can mend."""


class ApiError(Exception):
    """The registry refused; `problem` is its RFC 9457 document, `code` the last part of the problem's type."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = code_of(problem)
        super().__init__(self._line())

    def _line(self) -> str:
        problem = self.problem
        errors = problem.get("errors") or []
        first = f" [{errors[0].get('pointer', '')}: {errors[0].get('detail', '')}]" if errors else ""
        remedy = f"; {_REMEDIES[self.code]}" if self.code in _REMEDIES else ""
        request = f" (request {problem['request_id']})" if problem.get("request_id") else ""
        reason = problem.get("detail") or problem.get("title") or "no reason given"
        return " ".join(f"{self.status} {self.code}: {reason}{first}{remedy}{request}".split())


class ApiUnreachable(Exception):
    """No answer after every repeat; whether a write took effect is unknown, so repeat it with the same key."""

    def __init__(self, method: str, url: str, cause: BaseException) -> None:
        super().__init__(f"{method} {url} got no answer: {type(cause).__name__}: {' '.join(str(cause).split())}")


def code_of(problem: Mapping[str, Any]) -> str:
    """The last part of a problem's type."""
    return str(problem.get("type", "about:blank")).rstrip("/").rpartition("/")[2]


def problem_of(response: "httpx.Response") -> dict[str, Any]:
    """The problem a response tells of; one made of what it says when that is no problem document."""
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = None
    if isinstance(problem, dict):
        return problem
    return {"title": response.reason_phrase, "detail": response.text[:200]}


def checked(response: "httpx.Response") -> "httpx.Response":
    """The response when it is a success; raises `ApiError` otherwise."""
    if response.is_success:
        return response
    raise ApiError(response.status_code, problem_of(response))
