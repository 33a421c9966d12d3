"""Writes what follows of the client from other code: `python -m scripts.client`, or `make client`.

Its documents follow from the API document, its synchronous side from the asynchronous one. A test compares the committed
files with what this makes, so that they cannot drift.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import unasync

from scripts import client_documents

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "patchbay" / "core" / "client"
DOCUMENTS, SOURCE, MADE = CLIENT / "documents", CLIENT / "asynchronous", CLIENT / "synchronous"
NAMES = {
    "asynchronous": "synchronous",
    "AsyncClient": "Client",
    "AsyncPause": "Pause",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
}
"""Words that differ beside the language's own, such as `await`, `async for` and `__aenter__`."""
NOTE = "\n# Made by `make client` from {source}; edit that.\n"


def documents() -> dict[Path, str]:
    """The modules of TypedDicts."""
    return _tidied({DOCUMENTS / name: text for name, text in client_documents.modules().items()})


def synchronous() -> dict[Path, str]:
    """The synchronous side."""
    with tempfile.TemporaryDirectory() as folder:
        rule = unasync.Rule(f"{SOURCE}/", f"{folder}/", additional_replacements=NAMES)
        files = sorted(SOURCE.glob("*.py"))
        unasync.unasync_files([str(file) for file in files], [rule])
        made = {MADE / file.name: Path(folder, file.name).read_text() + _note(file) for file in files}
    return _tidied(made)


def _note(file: Path) -> str:
    return NOTE.format(source=file.relative_to(ROOT))


def _tidied(made: dict[Path, str]) -> dict[Path, str]:
    """Sources with imports sorted and lines broken as everywhere."""
    return {
        file: _ruff(_ruff(text, file, "check", "--quiet", "--fix", "--exit-zero"), file, "format")
        for file, text in made.items()
    }


def _ruff(text: str, file: Path, *command: str) -> str:
    ruff = [str(Path(sys.executable).parent / "ruff"), *command, f"--stdin-filename={file}", "-"]
    return subprocess.run(ruff, input=text, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def main() -> int:
    """Write the files that changed, and delete those that are made no more."""
    made = documents() | synchronous()
    for file, text in made.items():
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            print(f"wrote {file.relative_to(ROOT)}")
    for old in {*DOCUMENTS.glob("*.py"), *MADE.glob("*.py")} - set(made):
        old.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
