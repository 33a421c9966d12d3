"""Where the request being served came from. Bound once, around every request, so that no caller can forget to say it."""

from contextvars import ContextVar

_address: ContextVar[str | None] = ContextVar("patchbay_client_address", default=None)


def bind_address(address: str) -> None:
    """Note the client's address, seen past the proxies that are trusted, for the rest of this request's task."""
    _address.set(address)


def current_address() -> str | None:
    """The client's address, `unknown` on a socket without addresses; None outside of a request."""
    return _address.get()
