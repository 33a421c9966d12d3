"""A CI's issuer: the real provider of `oidc/`, as a process of its own, and jobs that get tokens from it."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson

FOLDER = Path(__file__).parent / "oidc"

JOB = {
    "repository": "acme/pay",
    "repository_id": "1296269",
    "repository_owner_id": "583231",
    "workflow_ref": "acme/pay/.github/workflows/release.yml@refs/tags/v1",
    "environment": "release",
    "event_name": "push",
    "sha": "f00",
    "run_id": "17",
}
"""What GitHub says of a job that was started by a tag."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running issuer."""

    url: str

    def token(self, audience: str = "patchbay", **claims: Any) -> str:
        """The OIDC token of a fresh job, signed by the issuer; claims that are None are left out."""
        job = {name: value for name, value in (JOB | claims).items() if value is not None}
        form = {"grant_type": "client_credentials", "resource": f"urn:{audience}"}
        headers = {"x-job": orjson.dumps(job).decode()}
        answer = httpx.post(f"{self.url}/token", data=form, auth=("ci", "ci-secret"), headers=headers, trust_env=False)
        return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def issuing() -> Iterator[Issuer]:
    """The issuer between start and stop; it ends with its standard input."""
    node = shutil.which("node")
    assert node and (FOLDER / "node_modules").is_dir(), "run `make setup-test`, which needs Node.js with npm"
    process = subprocess.Popen(
        [node, "provider.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin and process.stdout
    try:
        url = process.stdout.readline().decode().strip()
        assert url, "the issuer did not start"
        yield Issuer(url)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


@contextmanager
def answering(**answers: tuple[int, bytes]) -> Iterator[str]:
    """A place whose issuers answer whatever they are asked as is given, by the first part of the path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path.split("/")[1]]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
