"""Set-up of a fresh clone: `.venv`, uv inside it, the lock, the project, a browser and an issuer for the tests.

Every step leaves a stamp that says what it was made from; a step whose stamp stands is not run again, so a second
call costs a few milliseconds and a call after an interruption goes on where the first one stopped.

    python3 -m scripts.setup          what `make demo`, `make up`, `make bench` and `make lint` need
    python3 -m scripts.setup test     the same, a browser, and an OpenID Connect provider
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts import browsers, packages, steps
from scripts.installers import environment_for_uv, pinned
from scripts.packages import Machine
from scripts.steps import SetupError

ROOT = Path(__file__).resolve().parent.parent


ISSUER = Path("tests/registry_api/identity/oidc")


@dataclass(frozen=True)
class Setup:
    """One run of the set-up in a checkout."""

    root: Path = ROOT
    machine: Machine = field(default_factory=Machine)

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def log(self) -> Path:
        """Where the output of every command is kept."""
        return self.root / ".venv" / "setup.log"

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(self.venv / "bin" / "python")

    def prepare(self, with_browser: bool) -> None:
        """Bring the environment to what the lock and the project say; raises `SetupError` naming what is missing."""
        lock, project = _digest(self.root / "requirements.lock"), _digest(self.root / "pyproject.toml")
        interpreter = f"{sys.version}|{os.path.realpath(sys.executable)}|{self.root}"
        self._once("venv", interpreter, self._make_environment)
        self._once("uv", pinned((self.root / "requirements.lock").read_text(), "uv"), self._install_uv)
        self._once("lock", f"{interpreter}|{lock}", self._install_lock)
        self._once("project", f"{interpreter}|{lock}|{project}", self._install_project)
        if with_browser:
            self._install_redis()
        if with_browser and not browsers.find():
            self._install_browser()
        if with_browser:
            issuer = self.root / ISSUER
            self._once("issuer", f"{issuer}|{_digest(issuer / 'package-lock.json')}", self._install_issuer)

    def _once(self, step: str, made_from: str, do: Callable[[], None]) -> None:
        """Run a step unless its stamp says that it was done from the same things."""
        stamp = self.venv / ".setup" / step
        wanted = hashlib.sha256(made_from.encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        do()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(wanted)

    def _run(self, title: str, command: list[str], env: dict[str, str] | None = None) -> None:
        self.venv.mkdir(exist_ok=True)
        steps.run(title, command, self.log, env)

    def _make_environment(self) -> None:
        """A virtual environment with pip; one that another interpreter left is emptied first."""
        packages.ensure(packages.for_environment(self.machine), self.machine, self._run)
        clear = [] if self._same_interpreter() else ["--clear"]
        if clear and self.venv.exists():
            print(f"  {self.venv.name} was made by another Python and is made anew", file=sys.stderr)
        title = f"Making .venv with Python {sys.version.split()[0]}"
        steps.run(title, [sys.executable, "-m", "venv", *clear, str(self.venv)], Path(os.devnull))

    def _same_interpreter(self) -> bool:
        """Whether .venv is absent, unfinished, or works and has our version."""
        if not Path(self.python).exists():
            return not (self.venv / "bin").exists()
        question = [self.python, "-c", "import sys; print(sys.version)"]
        answer = subprocess.run(question, capture_output=True, text=True, check=False)
        return answer.stdout.strip() == sys.version

    def _install_uv(self) -> None:
        """uv, by the environment's pip, at the version and hashes of the lock."""
        requirement = self.venv / "uv.requirement"
        requirement.write_text(pinned((self.root / "requirements.lock").read_text(), "uv"))
        self._run(
            "Installing uv", [self.python, "-m", "pip", "install", "-q", "--require-hashes", "-r", str(requirement)]
        )

    def _install_lock(self) -> None:
        """Exactly the packages of the lock."""
        packages.ensure(packages.for_wheels(self.machine), self.machine, self._run)
        lock = str(self.root / "requirements.lock")
        self._uv("Installing the locked packages", "sync", "--require-hashes", lock)

    def _install_project(self) -> None:
        """The project itself, editable, with nothing fetched."""
        self._uv("Installing Patchbay", "install", "--no-deps", "--no-build-isolation", "-e", str(self.root))

    def _uv(self, title: str, *arguments: str) -> None:
        listed = [self.python, "-m", "pip", "config", "list"]
        config = subprocess.run(listed, capture_output=True, text=True, check=False).stdout
        env = environment_for_uv(os.environ, config) | {"VIRTUAL_ENV": str(self.venv)}
        self._run(title, [str(self.venv / "bin" / "uv"), "pip", *arguments], env)

    def _install_redis(self) -> None:
        packages.ensure(packages.for_redis(self.machine), self.machine, self._run)

    def _install_browser(self) -> None:
        """The distribution's Chromium, or Playwright's own where the distribution has only a snap."""
        if self.machine.ubuntu:
            print(
                "  Ubuntu's chromium is a snap, which Playwright cannot drive: taking Playwright's own build",
                file=sys.stderr,
            )
            dependencies = ["--with-deps"] if self.machine.root else []
            self._run("Installing Chromium", [self.python, "-m", "playwright", "install", *dependencies, "chromium"])
        else:
            packages.ensure(packages.for_browser(self.machine), self.machine, self._run)
        if not browsers.find():
            raise SetupError(f"No Chromium was found: install one, or set {browsers.VARIABLE}=/path/to/chrome")

    def _install_issuer(self) -> None:
        """The OpenID Connect provider that tests of trusted publishing start, exactly as locked, without scripts."""
        packages.ensure(packages.for_issuer(self.machine), self.machine, self._run)
        where = ["--prefix", str(self.root / ISSUER)]
        self._run("Installing the tests' issuer", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", *where])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str]) -> int:
    """Prepare this checkout; 0 when it is ready, 1 with the reason on standard error, 130 after Ctrl-C."""
    started = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        Setup().prepare(with_browser="test" in arguments)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same make goes on from here.", file=sys.stderr)
        return 130
    if (seconds := time.monotonic() - started) > steps.QUIET_SECONDS:
        print(f"Set-up done in {seconds:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
