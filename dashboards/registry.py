"""The registry API as the dashboards use it: log in, ask who a token is, and how the system does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from patchbay.core.client import ApiError, ApiUnreachable, Client
from patchbay.core.settings import Settings

TIMEOUT_SECONDS = 5.0
NOT_READY = 503


class Unreachable(Exception):
    """The API did not answer, or failed to."""


class Refused(Exception):
    """The API answered no: wrong password, ended token, missing scope. The text is fit to show."""


class Registry(Protocol):
    """What sessions and the system page need of the API; every method raises `Refused` or `Unreachable`."""

    def log_in(self, email: str, password: str, tenant: str | None) -> dict[str, Any]:
        """A new session of the person, as `POST /v1/sessions` answers."""

    def log_out(self, token: str) -> None:
        """End the session at the API too."""

    def me(self, token: str) -> dict[str, Any]:
        """The principal behind a token."""

    def ready(self) -> dict[str, Any]:
        """The readiness answer, also when it says not ready."""

    def status(self, token: str) -> dict[str, Any]:
        """The system status; needs the scope `system:read`."""


class ApiRegistry:
    """The running registry API. Nothing is repeated: a person waits for the answer, and can press the button again."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.api_url

    def log_in(self, email: str, password: str, tenant: str | None) -> dict[str, Any]:
        """A new session of the person, as `POST /v1/sessions` answers."""
        with self._client(None) as client:
            return client.login(email, password, tenant or None)

    def log_out(self, token: str) -> None:
        """End the session at the API too."""
        with self._client(token) as client:
            client.logout()

    def me(self, token: str) -> dict[str, Any]:
        """The principal behind a token."""
        with self._client(token) as client:
            return client.me()

    def ready(self) -> dict[str, Any]:
        """The readiness answer, also when it says not ready."""
        with self._client(None) as client:
            try:
                return dict(client.get("/readyz"))
            except ApiError as error:
                if error.status == NOT_READY:
                    return error.problem
                raise

    def status(self, token: str) -> dict[str, Any]:
        """The system status; needs the scope `system:read`."""
        with self._client(token) as client:
            return client.status()

    @contextmanager
    def _client(self, token: str | None) -> Iterator[Client]:
        try:
            with Client(self._url, token, timeout=TIMEOUT_SECONDS, retries=0) as client:
                yield client
        except ApiUnreachable as error:
            raise Unreachable(str(error)) from error
        except ApiError as error:
            if error.status >= 500:
                raise Unreachable(str(error)) from error
            raise Refused(str(error.problem.get("detail") or error.problem.get("title") or error.status)) from error
