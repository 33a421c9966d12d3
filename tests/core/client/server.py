"""A real server on this machine that answers as told."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESULT = {
    "batch_id": "b",
    "stream": "usage",
    "received": 1,
    "accepted": 1,
    "duplicates": 0,
    "rejected": 0,
    "replayed": False,
    "rejects": [],
}
Answer = tuple[int, dict[str, str], bytes]
PIECE = 64 * 1024


class Registry:
    """A server that answers with a scripted list (the last answer again and again) and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[Answer | None] = []
        self.requests: list[Any] = []
        self.answer_to: Callable[[str, str], Answer] | None = None
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.length, self.body = 0, b""
                for piece in _pieces(self):
                    self.length += len(piece)
                    self.body += piece if self.length < 4 * PIECE else b""
                registry.requests.append(self)
                answer = registry.next_answer(self.command, self.path)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def next_answer(self, method: str, path: str) -> Answer | None:
        if self.answer_to:
            return self.answer_to(method, path)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def will_answer(self, *answers: Answer | None) -> None:
        self.answers[:] = answers


def _pieces(request: BaseHTTPRequestHandler) -> Iterator[bytes]:
    """A body, told by its length or in chunks (RFC 9112 §7.1)."""
    if request.headers.get("Transfer-Encoding") == "chunked":
        while length := int(request.rfile.readline(), 16):
            yield request.rfile.read(length)
            request.rfile.readline()
        request.rfile.readline()
        return
    left = int(request.headers.get("Content-Length") or 0)
    while left and (piece := request.rfile.read(min(left, PIECE))):
        left -= len(piece)
        yield piece


def ok(document: Any, status: int = 200, **headers: str) -> Answer:
    return status, headers, json.dumps(document).encode()


def failing(status: int, problem: dict[str, Any] | None = None, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, told, json.dumps(problem or {}).encode()


def refused(status: int, code: str, **headers: str) -> Answer:
    """A problem of the registry's with this code."""
    return failing(status, {"type": f"https://patchbay.dev/problems/{code}", "detail": f"{code}."}, **headers)
