"""Writes a revision from the models: `python -m registry_api.migrations.make "add ratings"`.

Read it before you commit it.

With `--first` the initial revision is written anew, which is right only while nothing has been released; those after it
stay as they are.
"""

import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from registry_api.db.migrate import migration_config

VERSIONS = Path(__file__).parent / "versions"


def make(message: str, first: bool) -> Path:
    """Write the next revision, numbered after the newest; the path of the file."""
    if first:
        with _later_aside():
            return _make(message)
    return _make(message)


@contextmanager
def _later_aside() -> Iterator[None]:
    """Without the first revision, and with those after it out of the way: they cannot follow one that is not there."""
    with tempfile.TemporaryDirectory(dir=VERSIONS.parent) as folder:
        for old in VERSIONS.glob("0*.py"):
            old.rename(Path(folder) / old.name)
        try:
            yield
        finally:
            made = {path.name[:4] for path in VERSIONS.glob("0*.py")}
            for old in Path(folder).glob("0*.py"):
                if old.name[:4] not in made:
                    old.rename(VERSIONS / old.name)


def _make(message: str) -> Path:
    with tempfile.TemporaryDirectory() as folder, migration_config(f"sqlite:///{folder}/empty.db") as config:
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        command.upgrade(config, "head")
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
    path = Path(script.path)  # type: ignore[union-attr]
    for tool in (["check", "--select", "I,F401", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *tool, str(path)], check=True)
    return path


def main() -> None:
    """Command line."""
    parser = ArgumentParser(prog="python -m registry_api.migrations.make", description=__doc__)
    parser.add_argument("message", help="what changes, in a few words")
    parser.add_argument("--first", action="store_true", help="write the initial revision anew")
    arguments = parser.parse_args()
    print(make(arguments.message, arguments.first))


if __name__ == "__main__":
    main()
