"""Who may import whom: the contract of pyproject.toml holds, and each of its arrows catches what it forbids."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOTS = ("patchbay", "registry_api", "warehouse", "models", "pipelines", "dashboards")
PARTS = ("core", "automation", "agent", "importers", "world", "cli")
FORBIDDEN = {
    "patchbay/core": "registry_api",
    "patchbay/automation": "patchbay.importers",
    "patchbay/agent": "patchbay.automation",
    "patchbay/importers": "patchbay.world",
    "patchbay/world": "registry_api",
    "registry_api": "warehouse.engines",
    "warehouse": "models",
    "models": "warehouse",
    "pipelines": "registry_api",
    "dashboards": "models.serve",
}
"""One import per folder that must not be."""
ALLOWED = {
    "registry_api": "warehouse.read",
    "dashboards": "warehouse.read",
    "pipelines": "models",
    "patchbay/cli": "registry_api",
}


def lint(folder: Path, config: Path) -> str:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--config", str(config)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def broken(report: str) -> set[str]:
    """Folders whose contract is reported as broken."""
    return {found.replace(".", "/") for found in re.findall(r"^(\S+) may import .* BROKEN", report, re.MULTILINE)}


def skeleton(folder: Path, imports: dict[str, str]) -> None:
    """Packages named like ours, empty but for one import each."""
    names = [*ROOTS, *(f"patchbay/{part}" for part in PARTS), "warehouse/read", "warehouse/engines", "models/serve"]
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    for name, module in imports.items():
        (folder / name / "part.py").write_text(f"import {module}\n")


def test_the_tree_keeps_the_import_contract(repository: Path) -> None:
    report = lint(repository, repository / "pyproject.toml")
    assert "0 broken" in report, report


def test_every_folder_has_a_contract(repository: Path) -> None:
    contracts = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    limited = {module for contract in contracts for module in contract["source_modules"]}
    assert limited == {folder.replace("/", ".") for folder in FORBIDDEN}


def test_each_contract_catches_the_import_it_forbids(repository: Path, tmp_path: Path) -> None:
    skeleton(tmp_path, FORBIDDEN)
    assert broken(lint(tmp_path, repository / "pyproject.toml")) == set(FORBIDDEN)


@pytest.mark.parametrize("importer", ["patchbay/core", "registry_api", "pipelines"])
def test_nobody_may_import_the_command_line(repository: Path, tmp_path: Path, importer: str) -> None:
    skeleton(tmp_path, {importer: "patchbay.cli"})
    assert broken(lint(tmp_path, repository / "pyproject.toml")) == {importer}


def test_the_doors_left_open_are_open(repository: Path, tmp_path: Path) -> None:
    skeleton(tmp_path, ALLOWED)
    assert broken(lint(tmp_path, repository / "pyproject.toml")) == set()
