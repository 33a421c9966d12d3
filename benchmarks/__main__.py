"""`python -m benchmarks [--quick]`: every benchmark in turn; the last line is one JSON object of all their results by name."""

import json
import subprocess
import sys

NAMES = ("intake", "build", "feeds", "api", "audit", "world", "loop")


def measure(name: str, arguments: list[str]) -> dict[str, object]:
    """One benchmark in a process of its own; its output is shown, its last line is the result. Raises when it fails."""
    print(f"== {name}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, end="", flush=True)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    print(json.dumps({name: measure(name, sys.argv[1:]) for name in NAMES}))
