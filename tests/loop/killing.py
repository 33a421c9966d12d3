"""Processes that are killed and started again at once: each is forked from one that has its imports behind it."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

KEEPER = """
import os, signal, sys

{program}

child, ended = 0, None
for line in sys.stdin:
    if line == "start\\n":
        child = os.fork()
        if child == 0:
            run()
            os._exit(3)
        print("started", flush=True)
    else:
        ended = os.waitpid(child, os.WNOHANG)[0]
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        child = 0
        print("gone" if ended else "killed", flush=True)
if child:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""

COMMON = """
from datetime import timedelta
from patchbay.core.settings import Settings
IMPATIENT = {"poll": 0.02, "lease": timedelta(seconds=1), "first_pause": timedelta(0)}
"""
API = """
from functools import partial
import registry_api.app
import registry_api.automation.evaluation as evaluation
from patchbay.automation.facts import Allowance, Facts, Limits
from registry_api.__main__ import main as run
from registry_api.jobs.worker import Worker

# The real program, whose worker does not wait for half a minute, and with budgets that a campaign does not use up.
much = Allowance(100_000, timedelta(hours=1))
registry_api.app.Worker = partial(Worker, **IMPATIENT)
evaluation.Facts = partial(Facts, limits=Limits(tenant_budget=much, global_budget=much))
"""
WORKER = """
import asyncio
from patchbay.core.storage import open_storage
from registry_api.db import Database
from registry_api.job_kinds import HANDLERS
from registry_api.jobs.worker import Worker

async def work():
    settings = Settings()
    database = Database(settings.resolved_database_url)
    await Worker(database, open_storage(settings), settings, HANDLERS, **IMPATIENT).run()

def run():
    asyncio.run(work())
"""
TICKER = """
import time
from tests.loop.ticker import tick_on

def run():
    tick_on(Settings(), every=0.1)
"""
PROGRAMS = {"api": API, "worker": WORKER, "ticker": TICKER}


class Keeper:
    """Starts one program when told so, kills it when told so, and does not outlive the test. It is importing from the beginning."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name, self.kills = name, 0
        code = KEEPER.format(program=textwrap.dedent(COMMON + PROGRAMS[name]))
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(self) -> None:
        """Start it; it may not serve yet."""
        assert self._told("start") == "started"

    def stop(self) -> None:
        """Kill it for good; fails the test when it had ended by itself."""
        assert self._told("kill") == "killed", f"{self.name} ended by itself; see its log"

    def kill(self, rest: float = 0.0) -> None:
        """Kill it, rest, and start it again."""
        self.stop()
        self.kills += 1
        time.sleep(rest)
        self.start()

    def _told(self, word: str) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()
