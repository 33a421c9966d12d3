"""Which processes Patchbay is made of, and the state folder of Dagster."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from patchbay.cli.children import Program
from patchbay.cli.errors import CommandError

if TYPE_CHECKING:
    from patchbay.core.settings import Settings
    from patchbay.world.config import WorldConfig

DAGSTER_YAML = Path(__file__).resolve().parents[2] / "dagster.yaml"
DEFINITIONS = "pipelines.definitions"
DAGSTER_SWITCHES = {"DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true"}
"""As in `pipelines/instance.py`, for the processes that create runs without importing it. Without it a range of days costs a minute."""
MOST_REPLICAS = 4
"""Of what can share its port. More than the cores of a small machine help nobody."""
LONGEST_SOCKET_PATH = 100
"""Bytes; Linux takes 107 at most."""


def api(settings: "Settings") -> Program:
    """The registry with its job worker."""
    return Program(
        name="api",
        title="registry API",
        command=(sys.executable, "-m", "registry_api"),
        ready=f"{settings.api_url}/readyz",
        port=(settings.host, settings.api_port),
        address=f"{settings.api_url}/openapi.json",
        max_replicas=MOST_REPLICAS,
    )


def dashboards(settings: "Settings") -> Program:
    """The Dash app."""
    url = f"http://{settings.host}:{settings.dashboards_port}"
    return Program(
        name="dashboards",
        title="dashboards",
        command=(sys.executable, "-m", "dashboards"),
        ready=f"{url}/healthz",
        port=(settings.host, settings.dashboards_port),
        address=url,
        max_replicas=MOST_REPLICAS,
    )


def dagster(settings: "Settings") -> list[Program]:
    """Dagster: one code server that both others read the definitions from, the webserver, the daemon."""
    workspace = str(_workspace(settings))
    url = f"http://{settings.host}:{settings.dagster_port}"
    bin_ = Path(sys.executable).parent
    code = (str(bin_ / "dagster"), "code-server", "start", "-m", DEFINITIONS, "--socket", str(_code_socket(settings)))
    web = (str(bin_ / "dagster-webserver"), "-h", settings.host, "-p", str(settings.dagster_port), "-w", workspace)
    programs = [
        Program("dagster-code", code, "Dagster code server"),
        Program(
            "dagster", web, "Dagster", f"{url}/server_info", port=(settings.host, settings.dagster_port), address=url
        ),
        Program("dagster-daemon", (str(bin_ / "dagster-daemon"), "run", "-w", workspace), "Dagster daemon"),
    ]
    return [replace(program, environment=DAGSTER_SWITCHES) for program in programs]


def world(config: "WorldConfig") -> Program:
    """A generated world that was sent before, going on in real time."""
    sizes = (f"--{size}={getattr(config, size)}" for size in ("plugins", "tenants", "days", "seed"))
    command = (sys.executable, "-m", "patchbay.cli", "simulate", "--live", *sizes)
    return Program("world", command, "generated world")


def everything(settings: "Settings") -> list[Program]:
    """All processes of `patchbay up`."""
    return [api(settings), *dagster(settings), dashboards(settings)]


def prepare_dagster_home(settings: "Settings") -> Path:
    """DAGSTER_HOME with the repository's dagster.yaml, and the workspace that names the code server's socket."""
    home = settings.root / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DAGSTER_YAML, home / "dagster.yaml")
    socket = _code_socket(settings)
    server = f"  - grpc_server:\n      socket: {socket}\n      location_name: patchbay\n"
    _workspace(settings).write_text(f"load_from:\n{server}")
    return home


def fail_abandoned_runs(settings: "Settings", environment: Mapping[str, str]) -> None:
    """Mark runs as failed that a daemon which is gone left at work; call before starting the next one.

    In a process of its own: Dagster takes 100 MB, which the supervisor would keep.
    """
    if not (settings.root / "dagster" / "history" / "runs.db").exists():
        return
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.instance"], env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(f"cannot clear away the runs of an earlier start: {done.stderr.strip()[-2000:]}")


def _workspace(settings: "Settings") -> Path:
    return settings.root / "dagster" / "workspace.yaml"


def _code_socket(settings: "Settings") -> Path:
    """Where the code server listens: in the state folder, or among temporary files where that path is too long."""
    socket = settings.root / "run" / "code.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    digest = hashlib.sha256(os.fsencode(settings.root)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"patchbay-{os.getuid()}-{digest}.sock"
