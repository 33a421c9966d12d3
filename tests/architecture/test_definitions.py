"""Dagster's definitions load in a fresh interpreter, quickly, and without what only runs need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_SECONDS = 1.0
OURS = ("patchbay", "registry_api", "warehouse", "models", "pipelines", "dashboards")
LIST = """
import json, sys
import pipelines.definitions as d
d.defs.get_repository_def()
print(json.dumps([name for name, module in sys.modules.items() if module is not None]))
"""
TIME = """
import importlib, json, sys, time
for name in json.loads(sys.stdin.read()):
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # a name that a library only put into sys.modules
started = time.process_time()
import pipelines.definitions as d
d.defs.get_repository_def()
print(time.process_time() - started)
"""


def fresh(program: str, given: str = "") -> str:
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """Modules that are there once the definitions are."""
    return json.loads(fresh(LIST))


def test_definitions_load_within_a_second_beyond_the_libraries_they_import(loaded: list[str]) -> None:
    theirs = [name for name in loaded if name.partition(".")[0] not in (*OURS, "__main__")]
    # Processor time: other tests on the machine say nothing about ours.
    assert float(fresh(TIME, json.dumps(theirs))) < LIMIT_SECONDS


@pytest.mark.parametrize("library", ["great_expectations", "dash", "fastapi", "lightfm", "river"])
def test_loading_definitions_does_not_import_what_only_runs_need(loaded: list[str], library: str) -> None:
    assert library not in loaded


def test_definitions_file_stays_small(repository: Path) -> None:
    assert len((repository / "pipelines" / "definitions.py").read_text().splitlines()) < 60
