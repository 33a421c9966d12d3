"""System packages: what is missing on this machine, and either apt-get or one clear line for each."""

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scripts import browsers
from scripts.steps import SetupError

Run = Callable[[str, list[str]], None]
"""Takes a title and a command; raises SetupError when the command fails."""


@dataclass(frozen=True)
class Package:
    """One missing thing: what it is for, and the packages of Debian and Ubuntu that bring it."""

    purpose: str
    names: tuple[str, ...]

    @property
    def command(self) -> str:
        """What someone types to get it."""
        return f"sudo apt-get install -y {' '.join(self.names)}"


@dataclass(frozen=True)
class Machine:
    """What set-up asks about where it runs; tests build other machines than their own."""

    root: bool = field(default_factory=lambda: os.geteuid() == 0)
    version: tuple[int, int] = sys.version_info[:2]
    ensurepip: bool = field(default_factory=lambda: importlib.util.find_spec("ensurepip") is not None)
    headers: Path = field(default_factory=lambda: Path(sysconfig.get_paths()["include"]) / "Python.h")
    which: Callable[[str], str | None] = shutil.which
    browser: Callable[[], str | None] = browsers.find
    ubuntu: bool = field(default_factory=lambda: _distribution() == "ubuntu")

    @property
    def python(self) -> str:
        """Debian's name of this interpreter, such as python3.11."""
        return f"python{self.version[0]}.{self.version[1]}"


def for_environment(machine: Machine) -> list[Package]:
    """What a virtual environment cannot be made without."""
    return [] if machine.ensurepip else [Package("virtual environments", (f"{machine.python}-venv",))]


def for_issuer(machine: Machine) -> list[Package]:
    """What runs the OpenID Connect provider of the tests."""
    there = machine.which("node") and machine.which("npm")
    return [] if there else [Package("the tests' OpenID Connect provider", ("nodejs", "npm"))]


def for_wheels(machine: Machine) -> list[Package]:
    """What building LightFM takes: its wheels for 3.11 do not load on current glibc, those for 3.12 and 3.13 do."""
    if machine.version >= (3, 12):
        return []
    compiler = [] if machine.which("cc") else ["gcc", "libc6-dev"]
    headers = [] if machine.headers.exists() else [f"{machine.python}-dev"]
    missing = tuple(compiler + headers)
    return [Package("a C compiler for LightFM on Python 3.11", missing)] if missing else []


def for_browser(machine: Machine) -> list[Package]:
    """Debian's Chromium when no browser is there; nothing on Ubuntu, whose package only installs a snap."""
    return [] if machine.browser() or machine.ubuntu else [Package("a browser for the tests", ("chromium",))]


def for_redis(machine: Machine) -> list[Package]:
    """The Redis that the tests of shared limits run against."""
    return [] if machine.which("redis-server") else [Package("a Redis for the tests", ("redis-server",))]


def ensure(missing: list[Package], machine: Machine, run: Run) -> None:
    """Install what is missing when that is allowed; otherwise raise `SetupError` with one line for each."""
    if not missing:
        return
    if not (machine.root and machine.which("apt-get")):
        raise SetupError("\n".join(_lines(missing, machine)))
    names = [name for package in missing for name in package.names]
    run("Reading the package lists", ["apt-get", "-qq", "update"])
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *names]
    run(f"Installing {', '.join(names)}", ["env", "DEBIAN_FRONTEND=noninteractive", *command])


def _lines(missing: list[Package], machine: Machine) -> Iterator[str]:
    for package in missing:
        fix = package.command if machine.which("apt-get") else "install what your system calls these packages"
        yield f"Missing {' '.join(package.names)} ({package.purpose}): {fix}"


def _distribution() -> str:
    """The ID of /etc/os-release; empty where there is no such file."""
    release = Path("/etc/os-release")
    lines = release.read_text().splitlines() if release.exists() else []
    return next((line.removeprefix("ID=").strip('"') for line in lines if line.startswith("ID=")), "")
