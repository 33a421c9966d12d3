"""Real receivers on this machine: an HTTP server for webhooks and an SMTP server for mails, each in a thread."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

HOST = "127.0.0.1"


@dataclass
class Hooks:
    """What came in, and what is answered: `answers` in turn, then 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Delivery ids in the order they came."""
        return [headers["webhook-id"] for headers, _ in self.received]

    def event(self, place: int = 0) -> dict[str, Any]:
        """A received document."""
        found: dict[str, Any] = json.loads(self.received[place][1])
        return found


@contextmanager
def hooks() -> Iterator[Hooks]:
    """An HTTP server that takes every POST."""
    taken = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(taken.answers.pop(0) if taken.answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    taken.url = f"http://{HOST}:{server.server_address[1]}/hook"
    with _serving(server):
        yield taken


@dataclass
class Mails:
    """Messages that were taken; the first `busy` are put off."""

    url: str = ""
    busy: int = 0
    messages: list[str] = field(default_factory=list)


@contextmanager
def mails() -> Iterator[Mails]:
    """An SMTP server that takes every message."""
    taken = Mails()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 test")
            while word := self.rfile.readline().decode().strip():
                if word.upper().startswith("DATA"):
                    self._take()
                elif word.upper().startswith("QUIT"):
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _take(self) -> None:
            self._say("354 go on")
            lines: list[str] = []
            while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                lines.append(line)
            if taken.busy:
                taken.busy -= 1
                self._say("451 later")
                return
            taken.messages.append("\n".join(lines))
            self._say("250 taken")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    server = ThreadingTCPServer((HOST, 0), Handler)
    server.daemon_threads = True
    taken.url = f"smtp://{HOST}:{server.server_address[1]}"
    with _serving(server):
        yield taken


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
