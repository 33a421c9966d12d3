"""A name system that tests fill."""

import socket
from collections import Counter
from typing import Any

import pytest


class Names:
    """Answers for the names it has and counts how often they were asked for; other names are looked up as ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked: Counter[str] = Counter()
        self._really = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._lookup)

    def _lookup(self, host: Any, port: Any, *more: Any, **named: Any) -> list[Any]:
        if host not in self.known:
            return list(self._really(host, port, *more, **named))
        self.asked[host] += 1
        found = [self._really(address, port, *more, **named) for address in self.known[host]]
        return [place for places in found for place in places]
