"""A real registry in a process of its own, which can be stopped and started again at the same address."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from patchbay.core.client import ApiUnreachable, Client
from patchbay.core.settings import Settings
from registry_api.bootstrap import bootstrap
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.installs.blocks import block_release

_SERVE = (
    "import sys, uvicorn; from patchbay.core.settings import Settings; from registry_api.app import create_app;"
    "uvicorn.run(create_app(Settings()), port=int(sys.argv[1]), log_level='warning')"
)


class Registry:
    """A fresh one over a folder; not started yet."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        bootstrap(self.settings)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._server: subprocess.Popen[bytes] | None = None

    def client(self, *, retries: int = 6) -> Client:
        """A platform administrator's."""
        token = self.settings.secret_file("admin.token").read_text().strip()
        return Client(f"http://127.0.0.1:{self._port}", token, retries=retries)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        environment = os.environ | {"PATCHBAY_HOME": str(self.settings.root)}
        self._server = subprocess.Popen([sys.executable, "-c", _SERVE, str(self._port)], env=environment)
        with self.client(retries=0) as client:
            for _ in range(300):
                if _is_ready(client):
                    return
                time.sleep(0.1)
        raise AssertionError("the registry did not become ready")

    def block(self, release_id: str) -> None:
        """Block a release for everybody, as a plan of the operator does."""
        with self.client() as client:
            operator = UUID(client.me()["tenant"]["id"])
        asyncio.run(self._block(operator, UUID(release_id)))

    async def _block(self, operator: UUID, release: UUID) -> None:
        database = Database(self.settings.resolved_database_url)
        async with database.writing(Crossing.SETUP) as session:
            work = UnitOfWork(session, system_principal(operator, operator))
            await block_release(work, release, "It fails")
            await work.commit()
        await database.close()

    def kill(self) -> None:
        """End it without a chance to finish anything; nothing happens when it does not run."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None


@contextmanager
def serving(home: Path) -> Iterator[Registry]:
    """A registry that runs, over a new folder."""
    registry = Registry(home)
    try:
        registry.start()
        yield registry
    finally:
        registry.kill()


def _is_ready(client: Client) -> bool:
    try:
        return client.is_ready()
    except ApiUnreachable:
        return False
