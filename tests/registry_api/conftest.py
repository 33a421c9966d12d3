"""The real application on a migrated database of its own, once on SQLite and once on PostgreSQL.

`api` is the door: `await api.acme.get("/v1/plugins")`. Callers: `operator` (platform_admin), `service`, `acme` and
`globex` (tenant_admin of two customers), `nobody` (no token).
"""

import asyncio
import inspect
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import delete

from patchbay.core.settings import Settings
from registry_api.app import create_app
from registry_api.bootstrap import bootstrap
from registry_api.db import Crossing, Database
from registry_api.identity import passwords
from registry_api.jobs.models import Job
from registry_api.jobs.worker import Worker
from tests.registry_api.postgres import Databases, create_database, running_server

BASE = "http://registry.test"
BUILT_ROUTES: dict[str, list[Any]] = {}
"""The first application's routes: FastAPI builds them at the first request, a fifth of a second that each test would pay."""

ANY = {"If-Match": "*"}
"""Overwrites whatever is there."""


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Coroutine tests below this folder run on asyncio."""
    if collector.istestfunction(obj, name) and inspect.iscoroutinefunction(obj):  # type: ignore[attr-defined]
        pytest.mark.anyio(obj)


@pytest.fixture(scope="session", autouse=True)
def products_hasher() -> Iterator[PasswordHasher]:
    """The product's hasher of passwords; the tests sign in some thousand times, with one that takes no third of a second."""
    product, passwords.HASHER = passwords.HASHER, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield product
    passwords.HASHER = product


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Api:
    """A running application, its callers and their tokens."""

    app: FastAPI
    settings: Settings
    operator: httpx.AsyncClient
    service: httpx.AsyncClient
    acme: httpx.AsyncClient
    globex: httpx.AsyncClient
    nobody: httpx.AsyncClient
    tokens: dict[str, str]

    @property
    def is_postgres(self) -> bool:
        return self.settings.resolved_database_url.startswith("postgresql")

    def client(self, token: str | None, **headers: str) -> httpx.AsyncClient:
        """A caller with another token or extra headers."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers={**bearer, **headers}, timeout=60)

    async def token(self, creator: httpx.AsyncClient, **wanted: Any) -> str:
        """A fresh token made by `creator`, with `role=` or `scopes=`."""
        answer = await creator.post("/v1/tokens", json={"name": "test", **wanted})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def drain_jobs(self) -> int:
        """Run jobs until none is due; how many attempts were made. No worker runs on its own in tests."""
        return await Worker(self.app.state.database, self.app.state.storage, self.settings).drain()

    async def tenant(self, slug: str) -> tuple[dict[str, Any], httpx.AsyncClient]:
        """A new customer and a caller with its tenant_admin token."""
        answer = await self.operator.post("/v1/tenants", json={"slug": slug, "name": slug.title()})
        assert answer.status_code == 201, answer.text
        return answer.json()["tenant"], self.client(answer.json()["token"])


@asynccontextmanager
async def running(settings: Settings, tokens: dict[str, str]) -> AsyncIterator[Api]:
    """The application between start and stop."""
    app = create_app(settings)
    app.router.routes[:] = BUILT_ROUTES.setdefault("all", app.router.routes[:])
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        api = Api(app, settings, *(None,) * 5, tokens=tokens)  # type: ignore[arg-type]
        for caller in ("operator", "service", "acme", "globex", "nobody"):
            setattr(api, caller, await stack.enter_async_context(api.client(tokens.get(caller))))
        yield api


def prepare(settings: Settings) -> dict[str, str]:
    """Bootstrap a registry and add two customers; the callers' tokens."""
    bootstrap(settings)
    operator = settings.secret_file("admin.token").read_text().strip()
    service = settings.secret_file("service.token").read_text().strip()

    async def customers() -> dict[str, str]:
        async with running(settings, {"operator": operator}) as api:
            made = [
                await api.operator.post("/v1/tenants", json={"slug": s, "name": s.title()}) for s in ("acme", "globex")
            ]
            return {slug: answer.json()["token"] for slug, answer in zip(("acme", "globex"), made, strict=True)}

    tokens = {"operator": operator, "service": service, **asyncio.run(customers())}
    asyncio.run(_without_notices(settings))
    return tokens


async def _without_notices(settings: Settings) -> None:
    """Tests see the jobs that they make, and not those that will tell one day of the end of the callers' tokens."""
    database = Database(settings.resolved_database_url)
    async with database.writing(Crossing.SETUP) as session:
        await session.execute(delete(Job).where(Job.kind == "identity.token_notice"))
        await session.commit()
    await database.close()


@dataclass(frozen=True)
class Template:
    """A prepared registry to copy: its home, its database's URL and its tokens."""

    home: Path
    url: str | None
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    home = tmp_path_factory.mktemp("sqlite-template")
    return Template(home, None, prepare(Settings(home=home)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """One real PostgreSQL for the session, stopped and removed at its end."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Template:
    home = tmp_path_factory.mktemp("postgres-template")
    url = create_database(postgres_server, "prepared")
    return Template(home, url, prepare(Settings(home=home, database_url=url)))


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: Any, postgres_template: Template) -> Iterator[Databases]:
    databases = Databases(postgres_server, "prepared")
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return str(request.param)


@pytest.fixture
def registry(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Settings, dict[str, str]]]:
    """A prepared registry of the test's own: its settings and tokens, with nothing running."""
    template: Template = request.getfixturevalue(f"{backend}_template")
    home = tmp_path / "home"
    shutil.copytree(template.home, home)
    if backend == "sqlite":
        yield Settings(home=home, job_workers=0), template.tokens
        return
    with request.getfixturevalue("postgres_databases").one() as url:
        yield Settings(home=home, database_url=url, job_workers=0), template.tokens


@pytest.fixture
async def api(registry: tuple[Settings, dict[str, str]]) -> AsyncIterator[Api]:
    """The running application."""
    async with running(*registry) as api:
        yield api
