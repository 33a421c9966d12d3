"""The files of this checkout, as git sees them."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("patchbay", "registry_api", "warehouse", "models", "pipelines", "dashboards", "scripts", "benchmarks")
LARGEST_TEXT = 2_000_000


@dataclass(frozen=True)
class Source:
    """One text file: its path from the top of the checkout, and what is in it."""

    path: str
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's parts."""
        return Path(self.path).parts

    @property
    def is_code(self) -> bool:
        """Whether it is Python of ours that is not a test."""
        return self.path.endswith(".py") and self.parts[0] in PACKAGES

    @property
    def is_migration(self) -> bool:
        """Whether it is a database migration: written once, never touched again."""
        return "migrations" in self.parts and "versions" in self.parts


@cache
def sources() -> tuple[Source, ...]:
    """Every text file that is tracked or would be, in order of path."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    files = [(name, ROOT / name) for name in sorted(set(names))]
    return tuple(Source(name, text) for name, file in files if (text := _text(file)) is not None)


def code() -> list[Source]:
    """Our Python without tests and migrations."""
    return [source for source in sources() if source.is_code and not source.is_migration]


def _text(file: Path) -> str | None:
    """What a file says; None for a folder, a large file, and bytes that are not UTF-8."""
    if not file.is_file() or file.stat().st_size > LARGEST_TEXT:
        return None
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
