"""System packages: what set-up finds missing, and what it does about it as root and as anybody else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts import packages
from scripts.packages import Machine, Package
from scripts.steps import SetupError


def bare(**facts: Any) -> Machine:
    """A Debian 12 with python3, make and git, and nothing else; `facts` say what differs."""
    machine = Machine(
        root=False,
        version=(3, 11),
        ensurepip=False,
        headers=Path("/nonexistent/Python.h"),
        which={"apt-get": "/usr/bin/apt-get"}.get,
        browser=lambda: None,
        ubuntu=False,
    )
    return replace(machine, **facts)


def missing_on(machine: Machine) -> list[str]:
    found = [*packages.for_environment(machine), *packages.for_wheels(machine), *packages.for_browser(machine)]
    found += packages.for_redis(machine)
    return [name for package in found for name in package.names]


def recorder() -> tuple[list[list[str]], Callable[[str, list[str]], None]]:
    commands: list[list[str]] = []
    return commands, lambda _title, command: commands.append(command)


def test_a_bare_debian_with_python_3_11_lacks_venv_compiler_headers_browser_and_redis() -> None:
    lacking = ["python3.11-venv", "gcc", "libc6-dev", "python3.11-dev", "chromium", "redis-server"]
    assert missing_on(bare()) == lacking


def test_newer_pythons_need_no_compiler_because_lightfm_has_wheels_for_them() -> None:
    assert missing_on(bare(version=(3, 13))) == ["python3.13-venv", "chromium", "redis-server"]


def test_nothing_is_missing_where_everything_is_there(tmp_path: Path) -> None:
    header = tmp_path / "Python.h"
    header.touch()
    whole = bare(
        ensurepip=True, headers=header, which=lambda name: f"/usr/bin/{name}", browser=lambda: "/usr/bin/chromium"
    )
    assert missing_on(whole) == []


def test_on_ubuntu_no_chromium_package_is_asked_for_because_it_is_a_snap() -> None:
    assert "chromium" not in missing_on(bare(ubuntu=True))


def test_root_gets_missing_packages_by_apt() -> None:
    commands, run = recorder()
    machine = bare(root=True)
    packages.ensure(packages.for_wheels(machine), machine, run)
    assert commands[0][:1] == ["apt-get"]
    assert commands[0][-1] == "update"
    assert commands[1][-3:] == ["gcc", "libc6-dev", "python3.11-dev"]


def test_anybody_else_gets_one_line_per_missing_package_with_its_command() -> None:
    commands, run = recorder()
    machine = bare()
    found = [*packages.for_environment(machine), *packages.for_wheels(machine)]
    with pytest.raises(SetupError) as told:
        packages.ensure(found, machine, run)
    lines = str(told.value).splitlines()
    assert lines == [
        "Missing python3.11-venv (virtual environments): sudo apt-get install -y python3.11-venv",
        "Missing gcc libc6-dev python3.11-dev (a C compiler for LightFM on Python 3.11): "
        "sudo apt-get install -y gcc libc6-dev python3.11-dev",
    ]
    assert commands == []


def test_root_without_apt_is_told_what_to_install() -> None:
    _, run = recorder()
    with pytest.raises(SetupError, match=r"Missing chromium .* install what your system calls"):
        packages.ensure([Package("a browser", ("chromium",))], bare(root=True, which=lambda _: None), run)


def test_nothing_is_run_when_nothing_is_missing() -> None:
    commands, run = recorder()
    packages.ensure([], bare(root=True), run)
    assert commands == []
