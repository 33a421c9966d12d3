"""Tests that share something dear run on one worker."""

import os
import subprocess
import sys
from pathlib import Path

PROBE = """
import os
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(6))
def test_where(number):
    with Path(os.environ["PROBE"]).open("a") as sink:
        sink.write(f"{Path(__file__).relative_to(os.environ['TREE']).parts[1]} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""


def test_a_folder_that_shares_processes_stays_on_one_worker(repository: Path, tmp_path: Path) -> None:
    for file in ("loop/test_a.py", "loop/test_b.py", "core/test_a.py", "core/test_b.py", "core/test_c.py"):
        place = tmp_path / "tests" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(PROBE)
    for name in ("conftest.py", "scheduling.py"):
        (tmp_path / "tests" / name).write_text((repository / "tests" / name).read_text())
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["."]\naddopts = ["--import-mode=importlib"]\n'
    )
    (tmp_path / "scripts").symlink_to(repository / "scripts")
    environment = os.environ | {"PROBE": str(tmp_path / "probe"), "TREE": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "30 passed" in done.stdout, done.stdout
    seen = {tuple(line.split()) for line in (tmp_path / "probe").read_text().splitlines()}
    assert len({worker for folder, worker in seen if folder == "loop"}) == 1
    assert {worker for _, worker in seen} == {"gw0", "gw1"}
