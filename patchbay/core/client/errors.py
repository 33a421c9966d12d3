"""What a caller of the registry may have to handle."""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """The registry refused; `problem` is its RFC 9457 document, `code` the last part of the problem's type."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("type", "about:blank")).rstrip("/").rpartition("/")[2]
        super().__init__(self._line())

    def _line(self) -> str:
        problem = self.problem
        errors = problem.get("errors") or []
        first = f" [{errors[0].get('pointer', '')}: {errors[0].get('detail', '')}]" if errors else ""
        request = f" (request {problem['request_id']})" if problem.get("request_id") else ""
        reason = problem.get("detail") or problem.get("title") or "no reason given"
        return " ".join(f"{self.status} {self.code}: {reason}{first}{request}".split())


class ApiUnreachable(Exception):
    """No answer after every repeat; whether a write took effect is unknown, so repeat it with the same key."""

    def __init__(self, method: str, url: str, cause: BaseException) -> None:
        super().__init__(f"{method} {url} got no answer: {type(cause).__name__}: {' '.join(str(cause).split())}")
