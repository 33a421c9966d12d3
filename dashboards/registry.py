"""The registry API as the dashboards use it: log in, ask who a token is, read routes, and do what a person asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from dashboards.forwarding import current_hops
from patchbay.core.client import ApiError, ApiUnreachable, Client
from patchbay.core.forwarding import KEY_FILE, forwarding_headers
from patchbay.core.settings import Settings

TIMEOUT_SECONDS = 5.0
NOT_READY, NOT_FOUND, UNAUTHENTICATED = 503, 404, 401
PAGE_ROWS = 500
T = TypeVar("T")
Param = str | int | bool


class Unreachable(Exception):
    """The API did not answer, or failed to."""


class Refused(Exception):
    """The API answered no: wrong password, ended token, missing scope. The text is fit to show.

    `code` is the last part of the problem's type; empty where there is none.
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class NotThere(Refused):
    """The API answered that there is no such thing, or none that this viewer may see."""


class NotKnown(Refused):
    """The API answered that it does not know who is asking: a wrong password, or a token that has ended."""


@dataclass(frozen=True, slots=True)
class Route:
    """One read of the API; `tenant` is the one it is asked in where that is not the viewer's own."""

    path: str
    params: tuple[tuple[str, Param], ...] = ()
    tenant: str | None = None

    @property
    def text(self) -> str:
        """The request's first line, as anyone can send it."""
        return f"GET {self.path}" + (f"?{urlencode(self.params)}" if self.params else "")


def route(path: str, /, tenant: str | None = None, **params: Param | None) -> Route:
    """A route; parameters that are None or empty are left out."""
    return Route(path, tuple((name, value) for name, value in params.items() if value not in (None, "")), tenant)


class Registry(Protocol):
    """What the dashboards need of the API; every method raises `Refused` or `Unreachable`."""

    def log_in(self, email: str, password: str, tenant: str | None, code: str | None) -> dict[str, Any]:
        """A new session of the person, as `POST /v1/sessions` answers; `code` is the second factor of who has one."""

    def log_out(self, token: str) -> None:
        """End the session at the API too."""

    def me(self, token: str) -> dict[str, Any]:
        """The principal behind a token; raises `NotKnown` when it has ended."""

    def ready(self) -> dict[str, Any]:
        """The readiness answer, also when it says not ready."""

    def run(self, token: str, work: Callable[[Client], T], tenant: str | None = None) -> T:
        """What `work` comes to with a client of that token, acting in another tenant where one is named."""


class ApiRegistry:
    """The running registry API. Nothing is repeated: a person waits for the answer, and can press the button again."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.api_url
        self._key_file = settings.secret_file(KEY_FILE)

    def log_in(self, email: str, password: str, tenant: str | None, code: str | None) -> dict[str, Any]:
        """A new session of the person, as `POST /v1/sessions` answers; `code` is the second factor of who has one."""
        with self._client(None) as client:
            return dict(client.login(email, password, tenant or None, code or None))

    def log_out(self, token: str) -> None:
        """End the session at the API too."""
        with self._client(token) as client:
            client.logout()

    def me(self, token: str) -> dict[str, Any]:
        """The principal behind a token; raises `NotKnown` when it has ended."""
        with self._client(token) as client:
            return dict(client.me())

    def ready(self) -> dict[str, Any]:
        """The readiness answer, also when it says not ready."""
        with self._client(None) as client:
            try:
                return dict(client.get("/readyz"))
            except ApiError as error:
                if error.status == NOT_READY:
                    return error.problem
                raise

    def run(self, token: str, work: Callable[[Client], T], tenant: str | None = None) -> T:
        """What `work` comes to with a client of that token, acting in another tenant where one is named."""
        with self._client(token, tenant) as client:
            return work(client)

    @contextmanager
    def _client(self, token: str | None, tenant: str | None = None) -> Iterator[Client]:
        whose = forwarding_headers(current_hops.get(), self._key_file)
        try:
            with Client(self._url, token, tenant=tenant, timeout=TIMEOUT_SECONDS, retries=0, headers=whose) as client:
                yield client
        except ApiUnreachable as error:
            raise Unreachable(str(error)) from error
        except ApiError as error:
            if error.status >= 500:
                raise Unreachable(str(error)) from error
            raise _refusal(error) from error


def _refusal(error: ApiError) -> Refused:
    kind = {NOT_FOUND: NotThere, UNAUTHENTICATED: NotKnown}.get(error.status, Refused)
    return kind(str(error.problem.get("detail") or error.problem.get("title") or error.status), error.code)
