"""The gate, the workflow and the hooks say the same as the Makefile."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml


def parsed(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def test_the_workflow_runs_lint_and_test_on_every_python_we_support(repository: Path) -> None:
    check = parsed(repository / ".github" / "workflows" / "ci.yml")["jobs"]["check"]
    assert check["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert [step["run"] for step in check["steps"] if "run" in step] == ["make lint", "make test"]


def test_every_hook_is_local_so_that_nothing_is_fetched(repository: Path) -> None:
    hooks = parsed(repository / ".pre-commit-config.yaml")["repos"]
    assert {repo["repo"] for repo in hooks} == {"local"}


def test_make_help_names_every_target_people_call(repository: Path) -> None:
    text = subprocess.run(["make", "-s", "help"], cwd=repository, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "up", "bench", "soak", "lint", "clean", "help"):
        assert f"make {target} " in text


@pytest.mark.parametrize(
    ("output", "status", "expected"),
    [
        ("===== 12 passed, 1 skipped in 3.0s =====", 0, 0),
        ("===== 1 failed, 11 passed in 3.0s =====", 1, 1),
        ("===== no tests ran in 0.1s =====", 0, 1),
        ("", 0, 1),
    ],
    ids=["all passed", "one failed", "none collected", "silent"],
)
def test_the_gate_passes_only_when_tests_ran_and_passed(
    repository: Path, tmp_path: Path, output: str, status: int, expected: int
) -> None:
    make = tmp_path / "make"
    make.write_text(
        '#!/bin/sh\n[ "$1" = lint ] && exit 0\n[ "$PATCHBAY_REQUIRE_SHARED" = 1 ] || exit 9\n'
        f'echo "{output}"\nexit {status}\n'
    )
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([repository / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == expected
    if output:
        assert output in done.stdout.splitlines()[-1]


def test_a_gate_whose_lint_fails_runs_no_tests(repository: Path, tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\n[ "$1" = lint ] && exit 2\necho "tests ran"\n')
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([repository / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "tests ran" not in done.stdout


def test_dagsters_settings_are_valid_and_give_duckdb_one_writer(repository: Path, tmp_path: Path) -> None:
    import dagster as dg

    (tmp_path / "dagster.yaml").write_text((repository / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
