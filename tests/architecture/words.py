"""Small linters over everything that is read: named paths exist, and nothing names a machine or a package index."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.architecture.tree import ROOT, Source

STATE = {"var", ".venv", "site", "published", "secrets", "instances"}
"""Folders that are made, or a user's own, not tracked."""
MEDIA_TYPES = ("application/", "text/", "image/")
PATH_END = re.compile(r"/$|\.(py|md|sh|ya?ml|toml|json|sql|rego|png|css|js)$")
WHOLE = {"architecture", "docs", "house", "loop"}
"""Folders of tests about the whole rather than a part: the rules, the documents, set-up, the main loop end to end."""
NAMED = re.compile(r"`([A-Za-z0-9_.][A-Za-z0-9_.{},*/-]*)`")
LINKED = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
MACHINES = re.compile(
    "|".join(
        (
            r"(?<![\w.])/(w" + r"ork|fa" + r"rm)\b",
            r"/ro" + r"ot/",
            r"py" + r"pi\.org",
            r"python" + r"hosted",
            r"npm" + r"js\.(org|com)",
            r"deb\.deb" + r"ian",
            r"--(extra-)?index" + r"-url",
        )
    )
)


def missing_paths(source: Source, exists: Callable[[str], bool] | None = None) -> list[str]:
    """Documents name only paths that exist: a guide to folders that are not there costs its reader an hour."""
    if not source.path.endswith(".md"):
        return []
    there = exists or _exists
    named = [path for path in NAMED.findall(source.text) if _is_path(path)]
    wrong = [path for path in named if not all(there(part) for part in _expanded(path))]
    folder = Path(source.path).parent
    linked = [str(_normal(folder / link)) for link in LINKED.findall(source.text)]
    return [f"{source.path}: {path}" for path in wrong + [link for link in linked if not there(link)]]


def machine_names(source: Source) -> list[str]:
    """No file names a package index or a path of somebody's machine: a clone must work with its user's own."""
    lines = enumerate(source.text.splitlines(), 1)
    return [f"{source.path}:{number} {found[0]}" for number, line in lines if (found := MACHINES.search(line))]


def unmirrored_tests(source: Source, is_package: Callable[[str], bool] | None = None) -> list[str]:
    """Tests stand where what they test stands, so that both are found from either: tests/core is patchbay/core.

    Helpers in other languages have no such place.
    """
    if (
        source.parts[0] != "tests"
        or len(source.parts) < 3
        or source.parts[1] in WHOLE
        or source.parts[-1][-3:] != ".py"
    ):
        return []
    there = is_package or (lambda folder: (ROOT / folder).is_dir())
    folder = "/".join(source.parts[1:-1])
    return [] if there(folder) or there(f"patchbay/{folder}") else [f"{source.path}: there is no {folder}"]


def _is_path(text: str) -> bool:
    """Whether a code span is meant as a path of the checkout: one that ends as paths do, in a folder of it, or a file at its top."""
    first = text.split("/")[0]
    if first in STATE or text.startswith(MEDIA_TYPES):
        return False
    ends_as_path = "/" in text and PATH_END.search(text) is not None
    return ends_as_path or ("/" in text and (ROOT / first).is_dir()) or (ROOT / text).is_file()


def _expanded(path: str) -> Iterator[str]:
    """`a/{b,c}.py` as a/b.py and a/c.py."""
    if found := re.search(r"\{([^{}]*)\}", path):
        for choice in found[1].split(","):
            yield from _expanded(path[: found.start()] + choice + path[found.end() :])
    else:
        yield path


def _exists(path: str) -> bool:
    return any(ROOT.glob(path.rstrip("/"))) if "*" in path else (ROOT / path).exists()


def _normal(path: Path) -> Path:
    import os

    return Path(os.path.normpath(path))
