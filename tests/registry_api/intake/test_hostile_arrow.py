"""Damaged Arrow is refused: no body may take the process down, and none may end in an error of ours."""

import json
import subprocess
import sys

import pytest

KNOWN = {"good", "rejects", "unreadable_body", "wrong_columns", "empty_batch", "too_large"}


def mutate(seed: int, count: int) -> dict[str, int]:
    """Run the mutations in a process of their own; how the bodies were judged."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.registry_api.intake.mutate", str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def test_damaged_streams_are_judged_and_never_crash() -> None:
    found = mutate(seed=7, count=1500)
    assert sum(found.values()) == 1500 and found.keys() <= KNOWN
    assert found["unreadable_body"] > 100 and found["rejects"] > 10, "the damage reached both the frame and the values"


@pytest.mark.soak
def test_very_many_damaged_streams_are_judged_and_never_crash() -> None:
    assert all(mutate(seed, count=20_000).keys() <= KNOWN for seed in range(5))
