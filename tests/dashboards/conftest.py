"""A published world, the application over it in process, and both real servers."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from dashboards.__main__ import SERVER
from dashboards.app import create_app
from dashboards.data import Data
from dashboards.registry import NotKnown, Refused, Unreachable
from dashboards.session import Viewer
from patchbay.core.client import Client
from patchbay.core.settings import Settings
from tests.dashboards import registered, world
from warehouse.read import SnapshotReader

TENANTS = world.Tenants("tenant-operator", "tenant-acme")
PASSWORD, CODE = "correct horse battery staple", "123456"
SECONDS_TO_START = 90


class Paper:
    """A client that reads from prepared answers: documents and lists by path; what is not prepared is an empty list.

    A parameter that is named like a field of the rows chooses those that have its value.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"/v1/system/status": {"feeds": {"head_seq": 44}, "counts": {"plugins": 6}}}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, path: str, **params: Any) -> Any:
        self.asked.append((path, params))
        return self.answers[path]

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        self.asked.append((path, params))
        for row in self.answers.get(path, ()):
            if all(row.get(name, wanted) == wanted for name, wanted in params.items()):
                yield row


class Desk:
    """A registry in memory: people with one password, and those called "two" with a code; `down` makes it unreachable, `busy`
    has it refuse to say whose a token is, `ended` refuses those tokens.
    """

    def __init__(self) -> None:
        self.down = self.forbidden = self.busy = False
        self.faults: list[dict[str, str]] = []
        self.ended: set[str] = set()
        self.asked = 0
        self.client = Paper()

    def log_in(self, email: str, password: str, tenant: str | None, code: str | None) -> dict[str, Any]:
        self._answer()
        slug = tenant or email.partition("@")[2].partition(".")[0]
        if password != PASSWORD or slug not in ("operator", "acme"):
            raise NotKnown("The email address or the password is wrong.", "login_failed")
        if email.startswith("two") and code != CODE:
            raise NotKnown("send it as `code`", "login_failed" if code else "second_factor_needed")
        return granted(email, slug)

    def log_out(self, token: str) -> None:
        self._answer()
        self.ended.add(token)

    def me(self, token: str) -> dict[str, Any]:
        self._answer()
        if token in self.ended:
            raise NotKnown("The token has ended.")
        if self.busy:
            raise Refused("Too many requests.", "rate_limited")
        return {}

    def ready(self) -> dict[str, Any]:
        self._answer()
        return {"status": 503, "errors": self.faults} if self.faults else {"status": "ready"}

    def run(self, token: str, work: Callable[[Any], Any], tenant: str | None = None) -> Any:
        self._answer()
        if self.forbidden:
            raise Refused("This needs the scope system:read.")
        return work(self.client)

    def _answer(self) -> None:
        self.asked += 1
        if self.down:
            raise Unreachable("connection refused")


def granted(email: str, slug: str) -> dict[str, Any]:
    """A session as the API grants it."""
    tenant = {
        "id": getattr(TENANTS, slug),
        "slug": slug,
        "name": slug.title(),
        "kind": "operator" if slug == "operator" else "customer",
    }
    until = (datetime.now(UTC) + timedelta(hours=8)).isoformat().replace("+00:00", "Z")
    return {
        "token": f"pb_{email}",
        "expires_at": until,
        "user": {"id": "u", "email": email, "display_name": "Ada Bell"},
        "tenant": tenant,
        "role": "viewer",
        "scopes": [],
    }


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the world published."""
    folder = tmp_path_factory.mktemp("home")
    world.publish(folder, TENANTS)
    return folder


@pytest.fixture(scope="session")
def data(home: Path) -> Data:
    """Questions to the published world."""
    return Data(SnapshotReader(Settings(home=home)))


@pytest.fixture(scope="session")
def viewer_of() -> Callable[[str], Viewer]:
    """A viewer of a tenant, by slug."""
    from dashboards.login import viewer_of as made

    return lambda slug: made(granted(f"ada@{slug}.example", slug))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def client(home: Path, desk: Desk) -> Iterator[httpx.Client]:
    """The application served in a thread, nobody logged in; redirects are not followed."""
    with serving(create_app(Settings(home=home), desk).server) as url, httpx.Client(base_url=url) as client:
        yield client


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """An ASGI application on a port of its own, in a thread, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="error", **SERVER))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def log_in(client: httpx.Client) -> Callable[[str], httpx.Client]:
    """Log the client in as someone of a tenant."""

    def act(slug: str) -> httpx.Client:
        answer = client.post("/login", data={"email": f"ada@{slug}.example", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    return act


@dataclass
class Servers:
    """The registry API and the dashboards as processes of their own."""

    home: Path
    api: str
    dashboards: str
    tenants: world.Tenants
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]]
    ids: registered.Ids = field(default_factory=dict)

    def operator(self) -> Client:
        """A client with the operator's token."""
        return Client(self.api, (self.home / "secrets" / "admin.token").read_text().strip())

    def administrator(self) -> Client:
        """A client with a session of acme's administrator."""
        with Client(self.api) as client:
            return Client(self.api, client.login("ada@acme.example", PASSWORD)["token"])

    def start(self, module: str, url: str) -> None:
        """Start one of them and wait until it answers."""
        log = (self.home / f"{module}.log").open("ab")
        self.processes[module] = subprocess.Popen(
            [sys.executable, "-m", module], env=self.environment, stdout=log, stderr=log
        )
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            try:
                if httpx.get(url, timeout=2).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError((self.home / f"{module}.log").read_text()[-3000:])

    def stop(self, module: str) -> None:
        """Stop one of them."""
        process = self.processes.pop(module)
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Both real servers; the world is published for the API's own tenants."""
    folder, api, own = tmp_path_factory.mktemp("served"), free_port(), free_port()
    environment = os.environ | {
        "PATCHBAY_HOME": str(folder),
        "PATCHBAY_API_PORT": str(api),
        "PATCHBAY_DASHBOARDS_PORT": str(own),
    }
    made = Servers(folder, f"http://127.0.0.1:{api}", f"http://127.0.0.1:{own}", TENANTS, environment, {})
    try:
        made.start("registry_api", f"{made.api}/readyz")
        made.tenants = create_tenants(made)
        world.publish(folder, made.tenants, ids=fill(made))
        made.start("dashboards", f"{made.dashboards}/healthz")
        yield made
    finally:
        for module in list(made.processes):
            made.stop(module)


def fill(servers: Servers) -> registered.Ids:
    """The world in the registry too, with what its models say of it."""
    with servers.operator() as operator, servers.administrator() as acme:
        ids = servers.ids = registered.fill(registered.People(operator, acme))
        registered.publish(operator, ids, servers.tenants.acme)
        return ids


def create_tenants(servers: Servers) -> world.Tenants:
    """Acme with its administrator, through the API."""
    with servers.operator() as client:
        client.create_tenant("acme", "Acme Works", admin_email="ada@acme.example", admin_password=PASSWORD)
        return world.Tenants(client.tenant("operator")["id"], client.tenant("acme")["id"])
